#include "serving/onnx_model_file.h"

#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace fettle::serving {

namespace {

constexpr int kGraphDepth = 64;

[[noreturn]] void refuse() { fail(Code::invalid_argument, "model file is not a valid onnx model"); }

struct Field {
  uint64_t number = 0;
  uint64_t wire = 0;  // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  uint64_t varint = 0;
  std::string_view content;  // wire 2
};

// Takes the next field off `in`; nothing at the end. Groups (wire 3 and 4) do not occur in ONNX.
std::optional<Field> next_field(std::string_view& in) {
  if (in.empty()) return std::nullopt;
  const std::optional<uint64_t> key = read_varint(in);
  if (!key || (*key >> 3) == 0) refuse();
  Field field{.number = *key >> 3, .wire = *key & 7};
  const auto skip = [&](uint64_t size) {
    if (size > in.size()) refuse();
    field.content = in.substr(0, size);
    in.remove_prefix(size);
  };
  switch (field.wire) {
    case 0: {
      const std::optional<uint64_t> value = read_varint(in);
      if (!value) refuse();
      field.varint = *value;
      return field;
    }
    case 1: skip(8); return field;
    case 5: skip(4); return field;
    case 2: {
      const std::optional<uint64_t> size = read_varint(in);
      if (!size) refuse();
      skip(*size);
      return field;
    }
    default: refuse();
  }
}

bool is_message(const Field& field, uint64_t number) { return field.number == number && field.wire == 2; }

class Walk {
 public:
  explicit Walk(OnnxModelFile& model) : model_(model) {}

  void graph(std::string_view in, int depth) {
    if (depth > kGraphDepth) refuse();
    while (auto field = next_field(in)) {
      if (is_message(*field, 1)) node(field->content, depth);
      if (is_message(*field, 5)) tensor(field->content);
      if (is_message(*field, 15)) sparse_tensor(field->content);
    }
  }
  // A FunctionProto: its nodes stand in field 7.
  void function(std::string_view in) {
    while (auto field = next_field(in)) {
      if (is_message(*field, 7)) node(field->content, 0);
    }
  }

 private:
  void node(std::string_view in, int depth) {
    while (auto field = next_field(in)) {
      if (is_message(*field, 5)) attribute(field->content, depth);
    }
  }
  void attribute(std::string_view in, int depth) {
    while (auto field = next_field(in)) {
      if (is_message(*field, 5) || is_message(*field, 10)) tensor(field->content);
      if (is_message(*field, 6) || is_message(*field, 11)) graph(field->content, depth + 1);
      if (is_message(*field, 22) || is_message(*field, 23)) sparse_tensor(field->content);
    }
  }
  void sparse_tensor(std::string_view in) {
    while (auto field = next_field(in)) {
      if (is_message(*field, 1) || is_message(*field, 2)) tensor(field->content);
    }
  }
  void tensor(std::string_view in) {
    OnnxExternal external;
    bool is_external = false;
    while (auto field = next_field(in)) {
      if (field->number == 14 && field->wire == 0) is_external |= field->varint == 1;
      if (is_message(*field, 13)) {
        is_external = true;
        external_entry(field->content, external);
      }
    }
    if (is_external) model_.externals.push_back(std::move(external));
  }
  static void external_entry(std::string_view in, OnnxExternal& external) {
    std::string_view key;
    std::string_view value;
    while (auto field = next_field(in)) {
      if (is_message(*field, 1)) key = field->content;
      if (is_message(*field, 2)) value = field->content;
    }
    if (key == "location") external.location = std::string(value);
    if (key != "offset" && key != "length") return;
    const std::optional<int64_t> number = parse_int(value);
    if (!number || *number < 0) refuse();
    (key == "offset" ? external.offset : external.length) = *number;
  }

  OnnxModelFile& model_;
};

OnnxOpset parse_opset(std::string_view in) {
  OnnxOpset opset;
  while (auto field = next_field(in)) {
    if (is_message(*field, 1)) opset.domain = std::string(field->content);
    if (field->number == 2 && field->wire == 0) opset.version = static_cast<int64_t>(field->varint);
  }
  return opset;
}

bool leaves_directory(const std::filesystem::path& location) {
  if (location.empty() || location.is_absolute()) return true;
  for (const auto& part : location) {
    if (part == "..") return true;
  }
  return false;
}

void check_one(const OnnxExternal& external, const std::filesystem::path& directory) {
  const std::filesystem::path location = external.location;
  const auto outside = [&] {
    fail(Code::invalid_argument, "external data '{}' must lie inside the model directory", external.location);
  };
  if (directory.empty() || external.location.find('\0') != std::string::npos || leaves_directory(location)) outside();
  std::filesystem::path at = directory;
  std::error_code error;
  for (const auto& part : location) {
    at /= part;
    if (std::filesystem::is_symlink(std::filesystem::symlink_status(at, error))) outside();
  }
  if (!std::filesystem::is_regular_file(at, error)) {
    fail(Code::invalid_argument, "external data '{}' is not in the model directory", external.location);
  }
  // A hard link could show a file of another place.
  if (std::filesystem::hard_link_count(at, error) != 1) outside();
  const auto size = static_cast<int64_t>(std::filesystem::file_size(at, error));
  int64_t end = external.offset;
  if (external.length >= 0 && __builtin_add_overflow(end, external.length, &end)) end = size + 1;
  if (error || end > size)
    fail(Code::invalid_argument, "external data '{}' ends before what the model reads of it", external.location);
}

}  // namespace

OnnxModelFile parse_onnx_model(std::string_view bytes) {
  OnnxModelFile model;
  Walk walk(model);
  bool has_graph = false;
  std::string_view in = bytes;
  while (auto field = next_field(in)) {
    if (field->number == 1 && field->wire == 0) model.ir_version = static_cast<int64_t>(field->varint);
    if (is_message(*field, 7)) {
      has_graph = true;
      walk.graph(field->content, 0);
    }
    if (is_message(*field, 8)) model.opsets.push_back(parse_opset(field->content));
    if (is_message(*field, 25)) walk.function(field->content);
  }
  if (!has_graph || model.ir_version <= 0) refuse();
  return model;
}

void check_external_data(const OnnxModelFile& model, const std::filesystem::path& directory) {
  for (const OnnxExternal& external : model.externals) check_one(external, directory);
}

}  // namespace fettle::serving
