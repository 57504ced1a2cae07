#include "serving/config_pbtxt_file.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace fettle::serving {

namespace {

// One field of a message: a scalar's text, or a message's fields.
struct Node {
  std::string name;
  std::string scalar;
  bool is_message = false;
  bool is_string = false;
  int line = 0;
  std::vector<Node> fields;
};

[[noreturn]] void refuse(int line, std::string_view what) {
  fail(Code::invalid_argument, "config: {} in line {}", what, line);
}

// The text format: `name: value`, `name { … }`, lists in brackets, commas and semicolons anywhere between fields, #
// comments.
class TextFormat {
 public:
  explicit TextFormat(std::string_view text) : text_(text) {}

  std::vector<Node> parse() {
    std::vector<Node> fields = message('\0', 0);
    return fields;
  }

 private:
  static constexpr int kDepth = 32;

  char peek() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        ++at_;
      } else {
        return c;
      }
    }
    return '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  std::vector<Node> message(char close, int depth) {
    if (depth > kDepth) refuse(line_, "nested too deeply");
    std::vector<Node> fields;
    while (true) {
      while (take(',') || take(';')) {
      }
      if (peek() == close) {
        if (close != '\0') ++at_;
        return fields;
      }
      field(fields, depth);
    }
  }

  void field(std::vector<Node>& into, int depth) {
    const std::string name = word();
    const bool colon = take(':');
    if (take('[')) {
      while (!take(']')) {
        into.push_back(value(name, depth));
        take(',');
      }
      return;
    }
    if (!colon && peek() != '{' && peek() != '<') refuse(line_, fmt::format("expected ':' after '{}'", name));
    into.push_back(value(name, depth));
  }

  Node value(const std::string& name, int depth) {
    Node node{.name = name, .line = line_};
    if (take('{') || take('<')) {
      node.is_message = true;
      node.fields = message(text_[at_ - 1] == '{' ? '}' : '>', depth + 1);
    } else if (peek() == '"' || peek() == '\'') {
      node.is_string = true;
      while (peek() == '"' || peek() == '\'') node.scalar += quoted();  // neighbours are joined
    } else {
      node.scalar = word();
    }
    return node;
  }

  std::string word() {
    peek();
    const size_t begin = at_;
    const auto in_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '+';
    };
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    if (at_ == begin)
      refuse(line_, at_ >= text_.size() ? "unexpected end" : fmt::format("unexpected '{}'", text_[at_]));
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (at_ >= text_.size() || text_[at_] != quote) refuse(line_, "unterminated string");
    ++at_;
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
};

int64_t integer(const Node& node) {
  const auto number = node.is_message || node.is_string ? std::nullopt : parse_int(node.scalar);
  if (!number || *number < 0)
    refuse(node.line,
           fmt::format("'{}' must be a whole number that is not negative, got '{}'", node.name, node.scalar));
  return *number;
}

std::string text(const Node& node) {
  if (!node.is_string) refuse(node.line, fmt::format("'{}' must be a string", node.name));
  return node.scalar;
}

VersionPolicy version_policy(const Node& node) {
  VersionPolicy policy;
  for (const Node& choice : node.fields) {
    if (choice.name == "all") policy.kind = VersionPolicy::Kind::all;
    if (choice.name == "specific") policy.kind = VersionPolicy::Kind::specific;
    for (const Node& field : choice.fields) {
      if (choice.name == "latest" && field.name == "num_versions") policy.count = std::max<int64_t>(1, integer(field));
      if (choice.name == "specific" && field.name == "versions") policy.versions.push_back(integer(field));
    }
  }
  return policy;
}

void dynamic_batching(const Node& node, BatchingConfig& batching) {
  batching.enabled = true;
  for (const Node& field : node.fields) {
    if (field.name == "preferred_batch_size") batching.preferred_sizes.push_back(integer(field));
    if (field.name == "max_queue_delay_microseconds") batching.max_delay_us = integer(field);
    if (field.name != "default_queue_policy") continue;
    for (const Node& policy : field.fields) {
      if (policy.name == "max_queue_size" && integer(policy) > 0)
        batching.queue_limit = static_cast<size_t>(integer(policy));
    }
  }
}

size_t instance_count(const std::vector<Node>& fields) {
  for (const Node& field : fields) {
    if (field.name == "count") return static_cast<size_t>(std::clamp<int64_t>(integer(field), 1, 256));
  }
  return 1;
}

// Fields that Triton knows and this server reads over.
const std::vector<std::string> kFields = {"name",
                                          "platform",
                                          "version_policy",
                                          "max_batch_size",
                                          "input",
                                          "output",
                                          "instance_group",
                                          "default_model_filename",
                                          "cc_model_filenames",
                                          "metric_tags",
                                          "dynamic_batching",
                                          "optimization",
                                          "parameters",
                                          "model_warmup",
                                          "backend",
                                          "model_transaction_policy",
                                          "response_cache",
                                          "runtime",
                                          "model_metrics",
                                          "batch_input",
                                          "batch_output",
                                          "model_repository_agents",
                                          "model_operations"};

void apply(const Node& node, PbtxtConfig& config) {
  if (node.name == "name") config.name = text(node);
  if (node.name == "platform") config.platform = text(node);
  if (node.name == "backend") config.backend = text(node);
  if (node.name == "default_model_filename") config.model_filename = text(node);
  if (node.name == "version_policy") config.versions = version_policy(node);
  if (node.name == "instance_group") config.batching.instances = instance_count(node.fields);
  if (node.name == "sequence_batching" || node.name == "ensemble_scheduling") {
    refuse(node.line, fmt::format("'{}' is not supported", node.name));
  }
  if (std::ranges::find(kFields, node.name) == kFields.end()) {
    const auto near = nearest(node.name, kFields);
    refuse(node.line,
           fmt::format("unknown field '{}'{}", node.name, near ? fmt::format(" (did you mean '{}'?)", *near) : ""));
  }
}

}  // namespace

PbtxtConfig parse_config_pbtxt(std::string_view content) {
  const std::vector<Node> fields = TextFormat(content).parse();
  PbtxtConfig config;
  for (const Node& node : fields) apply(node, config);
  const auto find = [&](std::string_view name) { return std::ranges::find(fields, name, &Node::name); };
  // With a size of its own a model keeps Triton's rules: larger requests are refused, and only dynamic_batching merges.
  if (const auto size = find("max_batch_size"); size != fields.end()) {
    config.batching.max_batch_size = integer(*size);
    config.batching.oversize = Oversize::refuse;
    config.batching.enabled = false;
  }
  if (const auto dynamic = find("dynamic_batching"); dynamic != fields.end())
    dynamic_batching(*dynamic, config.batching);
  const bool onnx = (config.backend.empty() || config.backend == "onnxruntime") &&
                    (config.platform.empty() || config.platform == "onnxruntime_onnx");
  if (!onnx)
    fail(Code::invalid_argument, "config: backend '{}' is not available; convert the model to onnx",
         config.backend.empty() ? config.platform : config.backend);
  if (config.model_filename.find('/') != std::string::npos || config.model_filename.starts_with('.')) {
    fail(Code::invalid_argument, "config: file '{}' leaves the model directory", config.model_filename);
  }
  return config;
}

}  // namespace fettle::serving
