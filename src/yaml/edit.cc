// Edits by replacing lines and scalars at the places that the parser reported; whatever is not replaced keeps its
// bytes.
#include <algorithm>

#include "yaml/emit.h"
#include "yaml/node.h"
#include "yaml/scalar.h"

namespace fettle::yaml {
namespace {

struct Replacement {
  size_t begin;
  size_t end;
  std::string text;
};

class Editor {
 public:
  explicit Editor(std::string text) : text_(std::move(text)) {
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
    for (size_t at = 0; at < text_.size();) {
      starts_.push_back(at);
      at = text_.find('\n', at) + 1;
    }
  }

  const std::string& text() const { return text_; }
  size_t lines() const { return starts_.size(); }

  // False where the change cannot be made in place; nothing was recorded then.
  bool edit(const Node& old, const json::Value& value, size_t end_line) {
    if (value_of(old, {}) == value) return true;
    if (old.aliased) return false;
    size_t mark = changes_.size();
    bool done = false;
    if (old.kind == Node::Kind::mapping && value.is_object()) done = edit_mapping(old, value.get_object(), end_line);
    if (old.kind == Node::Kind::sequence && value.is_array()) done = edit_sequence(old, value.get_array(), end_line);
    if (old.kind == Node::Kind::scalar && !value.is_structured() && !value.is_null()) done = edit_scalar(old, value);
    if (!done) changes_.resize(mark);
    return done;
  }

  // Entry `index` (of key, value pairs) of a block mapping that ends before `end_line`.
  void replace_entry(const Node& map, size_t index, const json::Value& value, size_t end_line) {
    const Node& key = map.items[index * 2];
    std::string fresh = emit_entry(key.text, value, key.column);
    size_t begin = starts_[key.line] + key.column;
    changes_.push_back({begin, line_start(entry_end(map, index, end_line)), fresh.substr(key.column)});
  }
  bool remove_entry(const Node& map, size_t index, size_t end_line) {
    const Node& key = map.items[index * 2];
    if (!alone_on_line(key)) return false;
    changes_.push_back({starts_[key.line], line_start(entry_end(map, index, end_line)), ""});
    return true;
  }
  void append_entry(const Node& map, std::string_view key, const json::Value& value, size_t end_line) {
    size_t last = map.items.size() / 2 - 1;
    size_t at = line_start(entry_end(map, last, end_line));
    changes_.push_back({at, at, emit_entry(key, value, map.items[0].column)});
  }
  size_t entry_end(const Node& map, size_t index, size_t end_line) const {
    const Node& key = map.items[index * 2];
    size_t end = (index + 1) * 2 < map.items.size() ? map.items[(index + 1) * 2].line : end_line;
    while (end > key.line + 1 && ignorable(end - 1, key.column)) --end;
    return end;
  }

  std::string apply() {
    std::stable_sort(changes_.begin(), changes_.end(),
                     [](const Replacement& a, const Replacement& b) { return a.begin < b.begin; });
    std::string out;
    size_t at = 0;
    for (const Replacement& change : changes_) {
      out.append(text_, at, change.begin - at);
      out += change.text;
      at = change.end;
    }
    out.append(text_, at);
    return out;
  }

 private:
  size_t line_start(size_t line) const { return line < starts_.size() ? starts_[line] : text_.size(); }

  // A blank line, or a comment that stands at or left of the keys: it belongs to what follows.
  bool ignorable(size_t line, size_t key_column) const {
    size_t end = line_start(line + 1);
    size_t at = starts_[line];
    while (at < end && (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\r')) ++at;
    if (at >= end || text_[at] == '\n') return true;
    size_t column = at - starts_[line];
    if (text_.compare(at, 3, "...") == 0 || text_.compare(at, 3, "---") == 0) return column == 0;
    return text_[at] == '#' && column <= key_column;
  }

  bool alone_on_line(const Node& key) const {
    for (size_t at = starts_[key.line]; at < starts_[key.line] + key.column; ++at) {
      if (text_[at] != ' ') return false;
    }
    return true;
  }

  static bool is_simple_block_map(const Node& node) {
    if (node.flow || node.items.empty()) return false;
    for (size_t i = 0; i < node.items.size(); i += 2) {
      if (node.items[i].kind != Node::Kind::scalar || (node.items[i].plain && node.items[i].text == "<<")) return false;
      if (node.items[i].column != node.items[0].column) return false;
    }
    return true;
  }

  bool edit_mapping(const Node& old, const json::Object& value, size_t end_line) {
    if (!is_simple_block_map(old)) return false;
    bool any_kept = false;
    for (size_t i = 0; i < old.items.size() / 2; ++i) {
      const json::Value* fresh = value.if_contains(old.items[i * 2].text);
      if (fresh == nullptr) {
        if (!remove_entry(old, i, end_line)) return false;
        continue;
      }
      any_kept = true;
      if (!edit(old.items[i * 2 + 1], *fresh, entry_end(old, i, end_line))) replace_entry(old, i, *fresh, end_line);
    }
    if (!any_kept) return false;
    for (const auto& [key, fresh] : value) {
      if (old.find(key) == nullptr) append_entry(old, key, fresh, end_line);
    }
    return true;
  }

  bool edit_sequence(const Node& old, const json::Array& value, size_t end_line) {
    if (old.flow || old.items.size() != value.size() || value.empty()) return false;
    for (size_t i = 0; i < value.size(); ++i) {
      size_t end = i + 1 < value.size() ? old.items[i + 1].line : end_line;
      if (!edit(old.items[i], value[i], end)) return false;
    }
    return true;
  }

  // The bytes of a scalar that stands on one line; 0 if it does not.
  size_t scalar_length(const Node& node) const {
    std::string_view rest = std::string_view(text_).substr(starts_[node.line] + node.column);
    rest = rest.substr(0, rest.find('\n'));
    if (node.plain) return rest.starts_with(node.text) ? node.text.size() : 0;
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"')) return 0;
    for (size_t i = 1; i < rest.size(); ++i) {
      if (rest[0] == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == rest[0]) {
        if (rest[0] == '"' || i + 1 == rest.size() || rest[i + 1] != '\'') return i + 1;
        ++i;
      }
    }
    return 0;
  }

  bool edit_scalar(const Node& old, const json::Value& value) {
    size_t length = scalar_length(old);
    std::string fresh = emit_scalar(value, {.column = old.column, .indent = 0});
    if (length == 0 || fresh.empty() || fresh.find('\n') != std::string::npos) return false;
    size_t begin = starts_[old.line] + old.column;
    changes_.push_back({begin, begin + length, std::move(fresh)});
    return true;
  }

  std::string text_;
  std::vector<size_t> starts_;
  std::vector<Replacement> changes_;
};

json::Value with_entry(json::Value root, std::string_view section, std::string_view name, const json::Value& value) {
  if (!root.is_object()) root = json::Object();
  json::Value& part = root.as_object()[section];
  if (!part.is_object()) part = json::Object();
  if (value.is_null()) {
    part.as_object().erase(name);
  } else {
    part.as_object()[name] = value;
  }
  return root;
}

}  // namespace

std::string edit(std::string_view text, const json::Value& value) {
  std::vector<Node> documents = read_nodes(text, {}, false);
  if (documents.size() != 1) return emit(value);
  Editor editor{std::string(text)};
  return editor.edit(documents[0], value, editor.lines()) ? editor.apply() : emit(value);
}

std::string edit_entry(std::string_view text, std::string_view section, std::string_view name, const json::Value& value,
                       Replace replace) {
  std::vector<Node> documents = read_nodes(text, {}, false);
  if (documents.empty() || documents[0].kind == Node::Kind::null) return emit(with_entry({}, section, name, value));
  const Node& root = documents[0];
  const Node* part = root.find(section);
  bool in_place =
      part != nullptr && part->kind == Node::Kind::mapping && !part->flow && !part->aliased && !part->items.empty();
  if (!in_place || root.flow || documents.size() > 1)
    return edit(text, with_entry(value_of(root, {}), section, name, value));

  Editor editor{std::string(text)};
  size_t section_index = 0;
  while (root.items[section_index * 2].text != section) ++section_index;
  size_t end_line = editor.entry_end(root, section_index, editor.lines());
  for (size_t i = 0; i < part->items.size() / 2; ++i) {
    if (part->items[i * 2].text != name) continue;
    if (value.is_null() && part->items.size() == 2)
      return edit(text, with_entry(value_of(root, {}), section, name, value));
    if (value.is_null()) {
      editor.remove_entry(*part, i, end_line);
    } else if (value_of(part->items[i * 2 + 1], {}) == value) {
      return editor.text();
    } else if (replace == Replace::whole_entry ||
               !editor.edit(part->items[i * 2 + 1], value, editor.entry_end(*part, i, end_line))) {
      editor.replace_entry(*part, i, value, end_line);
    }
    return editor.apply();
  }
  if (!value.is_null()) editor.append_entry(*part, name, value, end_line);
  return editor.apply();
}

}  // namespace fettle::yaml
