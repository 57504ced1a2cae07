#include "yaml/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "yaml/scalar.h"

namespace fettle::yaml {
namespace {

[[noreturn]] void problem(size_t line, size_t column, std::string_view message) {
  fail(Code::invalid_argument, "{}, in line {}, column {}", message, line + 1, column + 1);
}

size_t size_of(const Node& node) {
  size_t total = 1;
  for (const Node& item : node.items) total += size_of(item);
  return total;
}

// Builds the tree from parser events. Anchored nodes are copied where an alias names them, within the budget.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const ParseLimits& limits) : limits_(limits) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = Node();
    anchors_.clear();
    stack_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(Node::Kind::null, mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) problem(line(mark), column(mark), "an alias names an anchor that is not complete");
    Node copy = found->second;
    copy.aliased = true;
    copy.line = line(mark);
    copy.column = column(mark);
    copy.offset = offset(mark);
    count(size_of(copy), mark);
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = make(Node::Kind::scalar, mark);
    node.plain = tag == "?";
    node.text = value;
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Node::Kind::sequence, mark, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Node::Kind::mapping, mark, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
  };
  static size_t line(const YAML::Mark& m) { return static_cast<size_t>(std::max(m.line, 0)); }
  static size_t column(const YAML::Mark& m) { return static_cast<size_t>(std::max(m.column, 0)); }
  static size_t offset(const YAML::Mark& m) { return static_cast<size_t>(std::max(m.pos, 0)); }

  Node make(Node::Kind kind, const YAML::Mark& mark) {
    count(1, mark);
    Node node;
    node.kind = kind;
    node.line = line(mark);
    node.column = column(mark);
    node.offset = offset(mark);
    return node;
  }
  void count(size_t nodes, const YAML::Mark& mark) {
    count_ += nodes;
    if (count_ > limits_.max_nodes) {
      problem(line(mark), column(mark),
              fmt::format("more than {} values, aliases counted by what they stand for", limits_.max_nodes));
    }
  }
  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    if (stack_.size() >= limits_.max_depth) {
      problem(line(mark), column(mark), fmt::format("nested deeper than {} levels", limits_.max_depth));
    }
    Node node = make(kind, mark);
    node.flow = style == YAML::EmitterStyle::Flow;
    stack_.push_back({std::move(node), anchor});
  }
  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done.node), done.anchor);
  }
  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
    } else {
      stack_.back().node.items.push_back(std::move(node));
    }
  }

  const ParseLimits& limits_;
  Node root_;
  size_t count_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
};

std::string key_text(const Node& key) {
  if (key.kind == Node::Kind::null) return key.text.empty() ? "null" : key.text;
  if (key.kind != Node::Kind::scalar)
    problem(key.line, key.column, "a key that is a list or a mapping is not supported");
  return key.text;
}

void merge_into(json::Object& out, const Node& source, const ParseLimits& limits) {
  if (source.kind == Node::Kind::sequence) {
    for (const Node& each : source.items) merge_into(out, each, limits);
    return;
  }
  if (source.kind != Node::Kind::mapping)
    problem(source.line, source.column, "'<<' merges a mapping or a list of mappings");
  json::Value merged = value_of(source, limits);
  for (auto& [key, value] : merged.as_object()) {
    if (!out.contains(key)) out.emplace(key, value);
  }
}

json::Value mapping_value(const Node& node, const ParseLimits& limits) {
  json::Object out;
  std::vector<const Node*> merges;
  out.reserve(node.items.size() / 2);
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const Node& key = node.items[i];
    if (key.kind == Node::Kind::scalar && key.plain && key.text == "<<") {
      merges.push_back(&node.items[i + 1]);
      continue;
    }
    std::string name = key_text(key);
    json::Value value = value_of(node.items[i + 1], limits);
    if (json::Value* first = out.if_contains(name)) {
      problem(key.line, key.column,
              fmt::format("Found duplicate key \"{}\" with value {} (original value: {})", name, json::preview(value),
                          json::preview(*first)));
    }
    out.emplace(name, std::move(value));
  }
  for (const Node* source : merges) merge_into(out, *source, limits);
  return out;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  if (kind != Kind::mapping) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].kind == Kind::scalar && items[i].text == key) return &items[i + 1];
  }
  return nullptr;
}

// The parser below would pass other bytes on, or guess UTF-16 from a NUL, and what is written from them would not read back.
[[noreturn]] void refuse_encoding(std::string_view text) {
  size_t line = 0;
  for (std::string_view one : split(text, '\n')) {
    if (!is_valid_utf8(one) || one.find('\0') != std::string_view::npos) problem(line, 0, "not valid UTF-8");
    ++line;
  }
  problem(line, 0, "not valid UTF-8");
}

std::vector<Node> read_nodes(std::string_view text, const ParseLimits& limits, bool first_only) {
  if (text.size() > limits.max_bytes) {
    fail(Code::resource_exhausted, "{} bytes of YAML, more than the limit of {}", text.size(), limits.max_bytes);
  }
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos) refuse_encoding(text);
  std::istringstream in{std::string(text)};
  std::vector<Node> documents;
  try {
    YAML::Parser parser(in);
    Builder builder(limits);
    while (parser.HandleNextDocument(builder)) {
      documents.push_back(builder.take());
      if (first_only) break;
    }
  } catch (const YAML::Exception& error) {
    auto line = static_cast<size_t>(std::max(error.mark.line, 0));
    problem(line, static_cast<size_t>(std::max(error.mark.column, 0)), error.msg);
  }
  return documents;
}

json::Value value_of(const Node& node, const ParseLimits& limits) {
  switch (node.kind) {
    case Node::Kind::null: return nullptr;
    case Node::Kind::mapping: return mapping_value(node, limits);
    case Node::Kind::sequence: {
      json::Array out;
      out.reserve(node.items.size());
      for (const Node& item : node.items) out.push_back(value_of(item, limits));
      return out;
    }
    case Node::Kind::scalar: break;
  }
  if (!node.plain) return json::Value(node.text);
  if (limits.refuse_dates && kind_of_plain(node.text) == ScalarKind::date) {
    problem(node.line, node.column, fmt::format("'{}' is a date; quote it to make it text", node.text));
  }
  return value_of_plain(node.text);
}

json::Value parse(std::string_view text, const ParseLimits& limits) {
  std::vector<Node> documents = read_nodes(text, limits, true);
  return documents.empty() ? json::Value(nullptr) : value_of(documents[0], limits);
}

std::vector<json::Value> parse_all(std::string_view text, const ParseLimits& limits) {
  std::vector<json::Value> out;
  for (const Node& document : read_nodes(text, limits, false)) out.push_back(value_of(document, limits));
  return out;
}

std::optional<Position> locate(std::string_view text, std::span<const std::string> path) {
  std::vector<Node> documents = read_nodes(text, {}, true);
  if (documents.empty()) return std::nullopt;
  const Node* node = documents.data();
  Position found{node->line + 1, node->column + 1};
  for (const std::string& part : path) {
    const Node* next = nullptr;
    if (node->kind == Node::Kind::sequence) {
      size_t index = 0;
      for (char c : part) index = index * 10 + static_cast<size_t>(c - '0');
      if (index >= node->items.size()) break;
      next = &node->items[index];
      found = {next->line + 1, next->column + 1};
    } else {
      for (size_t i = 0; i + 1 < node->items.size(); i += 2) {
        if (node->items[i].text != part) continue;
        next = &node->items[i + 1];
        found = {node->items[i].line + 1, node->items[i].column + 1};
      }
    }
    if (next == nullptr) break;
    node = next;
  }
  return found;
}

}  // namespace fettle::yaml
