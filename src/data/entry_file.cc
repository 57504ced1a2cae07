#include "data/entry_file.h"

#include "base/error.h"
#include "base/text.h"
#include "yaml/yaml.h"

namespace fettle::data {
namespace {

std::string joined(const SchemaFile::Path& path) { return join(path, " -> "); }

// The line before, the line, and no more: enough to find it.
std::string excerpt(std::string_view text, size_t line) {
  std::vector<std::string_view> lines = split(text, '\n');
  std::string out;
  for (size_t at = line > 1 ? line - 1 : 1; at <= line && at <= lines.size(); ++at)
    out += fmt::format("\n  {} {}", at, lines[at - 1]);
  return out;
}

std::optional<int64_t> integer_of(const json::Object& fields, std::string_view key) {
  const json::Value* value = fields.if_contains(key);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

}  // namespace

SchemaFile::Path operator/(SchemaFile::Path path, std::string part) {
  path.push_back(std::move(part));
  return path;
}

SchemaFile::SchemaFile(std::string shown_name, std::string text)
    : name_(std::move(shown_name)), text_(std::move(text)) {}

json::Object SchemaFile::parse() const {
  json::Value value;
  try {
    value = yaml::parse(text_);
  } catch (const Failure& failure) {
    std::string message = failure.what();
    size_t at = message.rfind("in line ");
    size_t line = at == std::string::npos ? 0 : static_cast<size_t>(std::atoi(message.c_str() + at + 8));
    fail(Code::invalid_argument, "'{}' is invalid.\n\n{}{}", name_, message, line == 0 ? "" : excerpt(text_, line));
  }
  if (value.is_null()) return {};
  if (!value.is_object()) fail(Code::invalid_argument, "'{}' validation failed: expected a dictionary.", name_);
  return std::move(value.get_object());
}

void SchemaFile::refuse(std::string_view problem, const Path& path) const {
  std::string place;
  std::string lines;
  std::optional<yaml::Position> position = yaml::locate(text_, path);
  if (position) {
    place = fmt::format(", line {}, column {}", position->line, position->column);
    lines = excerpt(text_, position->line);
  }
  fail(Code::invalid_argument, "'{}' validation failed.\n\n{}, in {}{}{}", name_, problem, joined(path), place, lines);
}

void SchemaFile::require_keys(const json::Object& object, std::string_view allowed, const Path& path) const {
  std::vector<std::string_view> known = split(allowed, ' ');
  for (const auto& [key, value] : object) {
    if (std::find(known.begin(), known.end(), std::string_view(key)) == known.end())
      refuse("extra keys not allowed", path / std::string(key));
  }
}

const json::Object& SchemaFile::object(const json::Value& value, const Path& path) const {
  if (!value.is_object()) refuse("expected a dictionary", path);
  return value.get_object();
}

const json::Array& SchemaFile::list(const json::Value& value, const Path& path) const {
  if (!value.is_array()) refuse("expected a list", path);
  return value.get_array();
}

std::string SchemaFile::text_of(const json::Value& value, const Path& path) const {
  if (!value.is_string()) refuse("expected str", path);
  return std::string(value.get_string());
}

bool SchemaFile::flag(const json::Value& value, const Path& path) const {
  if (!value.is_bool()) refuse("expected bool", path);
  return value.get_bool();
}

void read_entry(const SchemaFile& file, const json::Object& fields, Output& output, const SchemaFile::Path& where) {
  file.require_keys(fields, kHashKeys, where);
  bool has_algorithm = false;
  for (const auto& [key, value] : fields) {
    SchemaFile::Path here = where / std::string(key);
    if (key == "hash") {
      has_algorithm = true;
      std::string name = file.text_of(value, here);
      if (name != "md5") output.unknown_algorithm = name;
    } else if (key == "md5" && !value.is_null()) {
      if (value.is_int64()) {
        output.oid = std::to_string(value.get_int64());
      } else if (value.is_string()) {
        output.oid = to_lower(std::string_view(value.get_string()));
      } else {
        file.refuse("not a valid value", here);
      }
      if (!output.oid.empty() && !is_object_id(output.oid)) file.refuse("not a valid value", here);
    } else if (key == "cache") {
      output.cached = file.flag(value, here);
    } else if (key == "persist") {
      output.persist = file.flag(value, here);
    } else if (key == "push") {
      output.pushed = file.flag(value, here);
    } else if (key == "isexec") {
      output.executable = file.flag(value, here);
    } else if (key == "remote" && value.is_string()) {
      output.remote = std::string(value.get_string());
    }
  }
  output.size = integer_of(fields, "size");
  output.files = integer_of(fields, "nfiles");
  output.algorithm = has_algorithm || !output.has_hash() ? Algorithm::md5 : Algorithm::md5_dos2unix;
}

json::Object format_entry(const Output& output, EntryOrder order) {
  json::Object fields;
  if (order == EntryOrder::path_first) fields["path"] = output.path;
  if (order == EntryOrder::path_first && output.has_hash() && output.algorithm == Algorithm::md5)
    fields["hash"] = "md5";
  if (output.has_hash()) fields["md5"] = output.oid;
  if (output.size) fields["size"] = *output.size;
  if (output.files) fields["nfiles"] = *output.files;
  if (output.executable) fields["isexec"] = true;
  if (order == EntryOrder::path_first) return fields;
  if (output.algorithm == Algorithm::md5) fields["hash"] = "md5";
  fields["path"] = output.path;
  if (!output.cached) fields["cache"] = false;
  if (output.persist) fields["persist"] = true;
  if (!output.remote.empty()) fields["remote"] = output.remote;
  if (!output.pushed) fields["push"] = false;
  return fields;
}

void update_entry(json::Object& fields, const Output& output) {
  auto set = [&](std::string_view key, bool meant, json::Value value) {
    if (meant) {
      fields[key] = std::move(value);
    } else if (fields.contains(key)) {
      json::Object kept;  // erase() would move the last key into its place
      for (auto& [name, old] : fields) {
        if (name != key) kept.emplace(name, std::move(old));
      }
      fields = std::move(kept);
    }
  };
  set("md5", output.has_hash(), json::Value(output.oid));
  set("size", output.size.has_value(), json::Value(output.size.value_or(0)));
  set("nfiles", output.files.has_value(), json::Value(output.files.value_or(0)));
  set("isexec", output.executable, json::Value(true));
  set("hash", output.algorithm == Algorithm::md5, json::Value("md5"));
}

}  // namespace fettle::data
