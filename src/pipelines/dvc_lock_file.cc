#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/entry_file.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/value_file.h"
#include "yaml/yaml.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;
using data::EntryOrder;
using data::SchemaFile;
using data::operator/;
constexpr uint64_t kMaxBytes = uint64_t{256} << 20;

CommandLines read_command(const SchemaFile& file, const json::Value& value, const SchemaFile::Path& where) {
  CommandLines command;
  if (value.is_array()) {
    command.is_list = true;
    for (const json::Value& line : value.get_array()) command.lines.push_back(file.text_of(line, where));
  } else {
    command.lines.push_back(file.text_of(value, where));
  }
  return command;
}

std::vector<data::Output> read_entries(const SchemaFile& file, const json::Value& value,
                                       const SchemaFile::Path& where) {
  std::vector<data::Output> out;
  for (const json::Value& item : file.list(value, where)) {
    SchemaFile::Path here = where / std::to_string(out.size());
    const json::Object& fields = file.object(item, here);
    data::Output output;
    if (!fields.contains("path")) file.refuse("required key not provided", here / "path");
    output.path = file.text_of(fields.at("path"), here / "path");
    data::read_entry(file, fields, output, here);
    out.push_back(std::move(output));
  }
  return out;
}

LockEntry read_lock_entry(const SchemaFile& file, const json::Object& fields, const SchemaFile::Path& where) {
  file.require_keys(fields, "cmd deps params outs", where);
  LockEntry entry;
  if (const json::Value* value = fields.if_contains("cmd")) entry.command = read_command(file, *value, where / "cmd");
  if (const json::Value* value = fields.if_contains("deps")) entry.deps = read_entries(file, *value, where / "deps");
  if (const json::Value* value = fields.if_contains("outs")) entry.outs = read_entries(file, *value, where / "outs");
  if (const json::Value* value = fields.if_contains("params")) {
    for (const auto& [name, values] : file.object(*value, where / "params")) {
      Params params;
      if (values.is_object()) {
        for (const auto& [key, held] : values.get_object()) params.emplace_back(std::string(key), from_json(held));
      }
      entry.params.emplace_back(std::string(name), std::move(params));
    }
  }
  return entry;
}

json::Value command_value(const CommandLines& command) {
  if (!command.is_list) return json::Value(command.lines.empty() ? std::string() : command.lines[0]);
  json::Array lines;
  for (const std::string& line : command.lines) lines.push_back(json::Value(line));
  return lines;
}

json::Array entry_list(std::vector<data::Output> outputs) {
  std::sort(outputs.begin(), outputs.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  json::Array list;
  for (const data::Output& output : outputs) list.push_back(data::format_entry(output, EntryOrder::path_first));
  return list;
}

json::Object lock_object(const LockEntry& entry) {
  json::Object object;
  if (!entry.command.lines.empty()) object["cmd"] = command_value(entry.command);
  if (!entry.deps.empty()) object["deps"] = entry_list(entry.deps);
  json::Object params;
  for (const auto& [file, values] : entry.params) {
    json::Object held;
    for (const auto& [key, value] : values) held[key] = to_json(value);
    params[file] = std::move(held);
  }
  if (!params.empty()) object["params"] = std::move(params);
  if (!entry.outs.empty()) object["outs"] = entry_list(entry.outs);
  return object;
}

json::Value without_sizes(const json::Value& value) {
  if (const json::Array* list = value.if_array()) {
    json::Array out;
    for (const json::Value& item : *list) out.push_back(without_sizes(item));
    return out;
  }
  if (const json::Object* object = value.if_object()) {
    json::Object out;
    for (const auto& [key, item] : *object) {
      if (key != "size" && key != "nfiles") out[key] = without_sizes(item);
    }
    return out;
  }
  return value;
}

}  // namespace

std::map<std::string, LockEntry> load_lock(const data::Repository& repository, const fs::path& path) {
  std::map<std::string, LockEntry> entries;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return entries;
  SchemaFile file("./" + repository.relative(path), read_file(path, kMaxBytes));
  json::Object root = file.parse();
  if (root.empty()) return entries;
  file.require_keys(root, "schema stages datasets", {});
  const json::Value* schema = root.if_contains("schema");
  if (schema == nullptr || *schema != json::Value("2.0")) file.refuse("invalid schema version", {"schema"});
  const json::Value* stages = root.if_contains("stages");
  if (stages == nullptr) return entries;
  for (const auto& [name, value] : file.object(*stages, {"stages"})) {
    SchemaFile::Path where = {"stages", std::string(name)};
    entries.emplace(name, read_lock_entry(file, file.object(value, where), where));
  }
  return entries;
}

LockWrite save_lock_entry(const fs::path& path, const std::string& stage, const LockEntry& entry) {
  std::error_code ignored;
  bool exists = fs::exists(path, ignored);
  std::string old = exists ? read_file(path, kMaxBytes) : "schema: '2.0'\n";
  if (old.empty()) old = "schema: '2.0'\n";
  std::string fresh = yaml::edit_entry(old, "stages", stage, lock_object(entry), yaml::Replace::whole_entry);
  if (exists && fresh == old) return LockWrite::unchanged;
  write_file_atomic(path, fresh);
  return exists ? LockWrite::updated : LockWrite::created;
}

void remove_lock_entry(const fs::path& path, const std::string& stage) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return;
  std::string text = read_file(path, kMaxBytes);
  json::Value root = yaml::parse(text);
  if (!root.is_object() || !root.get_object().contains("stages") || !root.get_object().at("stages").is_object()) return;
  json::Object& stages = root.get_object().at("stages").get_object();
  if (!stages.contains(stage)) return;
  if (stages.size() == 1) {
    fs::remove(path);
    return;
  }
  write_file_atomic(path, yaml::edit_entry(text, "stages", stage, nullptr));
}

RunCacheNames run_cache_names(const LockEntry& entry) {
  json::Object whole = lock_object(entry);
  json::Object sized = without_sizes(whole).as_object();
  json::Object inputs = sized;
  json::Array paths;
  for (const json::Value& out : sized.contains("outs") ? sized.at("outs").as_array() : json::Array())
    paths.push_back(out.as_object().at("path"));
  if (inputs.contains("outs")) inputs["outs"] = std::move(paths);
  return {sha256_hex(python_json(inputs)), sha256_hex(python_json(sized)), yaml::emit(whole)};
}

std::optional<LockEntry> parse_run_cache(const std::string& text) {
  try {
    SchemaFile file("run cache", text);
    json::Object root = file.parse();
    if (root.empty()) return std::nullopt;
    return read_lock_entry(file, root, {});
  } catch (const Failure&) {
    return std::nullopt;  // a foreign or damaged entry is a miss
  }
}

}  // namespace fettle::pipelines
