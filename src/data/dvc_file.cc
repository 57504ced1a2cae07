#include "data/dvc_file.h"

#include "base/error.h"
#include "base/file.h"
#include "data/entry_file.h"
#include "yaml/yaml.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

std::string shown_name(const Repository& repository, const fs::path& path) { return "./" + repository.relative(path); }

std::vector<Output> read_outs(const Repository& repository, const SchemaFile& file, const json::Value& value,
                              const fs::path& directory) {
  std::vector<Output> outs;
  for (const json::Value& item : file.list(value, {"outs"})) {
    SchemaFile::Path where = {"outs", std::to_string(outs.size())};
    const json::Object& fields = file.object(item, where);
    Output output;
    if (!fields.contains("path")) file.refuse("required key not provided", where / "path");
    output.path = file.text_of(fields.at("path"), where / "path");
    read_entry(file, fields, output, where);
    output.location = resolve_output(repository, directory, output.path);
    outs.push_back(std::move(output));
  }
  return outs;
}

void read_deps(const SchemaFile& file, const json::Value& value, DvcFile& result) {
  size_t index = 0;
  for (const json::Value& item : file.list(value, {"deps"})) {
    SchemaFile::Path where = {"deps", std::to_string(index++)};
    const json::Object& fields = file.object(item, where);
    Output dep;
    if (fields.contains("path")) dep.path = file.text_of(fields.at("path"), where / "path");
    if (fields.contains("md5") && !fields.at("md5").is_string()) file.refuse("not a valid value", where / "md5");
    dep.location = (result.directory / dep.path).lexically_normal();
    result.is_import = true;
    result.deps.push_back(std::move(dep));
  }
}

}  // namespace

DvcFile DvcFile::for_path(const fs::path& location) {
  DvcFile file;
  file.path = location.string() + ".dvc";
  file.directory = location.parent_path();
  Output output;
  output.path = location.filename().string();
  output.location = location;
  file.outs.push_back(std::move(output));
  return file;
}

DvcFile load_dvc_file(const Repository& repository, const fs::path& path) {
  SchemaFile file(shown_name(repository, path), read_file(path, kMaxBytes));
  json::Object root = file.parse();
  file.require_keys(root, "outs deps md5 wdir frozen locked meta always_changed desc cmd", {});
  DvcFile result;
  result.path = path;
  result.directory = path.parent_path();
  if (const json::Value* wdir = root.if_contains("wdir")) {
    result.directory = (result.directory / file.text_of(*wdir, {"wdir"})).lexically_normal();
    if (!result.directory.has_filename()) result.directory = result.directory.parent_path();
  }
  if (const json::Value* outs = root.if_contains("outs"))
    result.outs = read_outs(repository, file, *outs, result.directory);
  if (const json::Value* deps = root.if_contains("deps")) read_deps(file, *deps, result);
  for (const char* key : {"frozen", "locked"}) {
    if (const json::Value* value = root.if_contains(key)) result.frozen = file.flag(*value, {key});
  }
  if (const json::Value* value = root.if_contains("always_changed"))
    result.always_changed = file.flag(*value, {"always_changed"});
  if (const json::Value* value = root.if_contains("desc")) result.description = file.text_of(*value, {"desc"});
  return result;
}

bool save_dvc_file(const DvcFile& file) {
  std::error_code ignored;
  std::string old = fs::exists(file.path, ignored) ? read_file(file.path, kMaxBytes) : "";
  json::Value root = old.empty() ? json::Value() : yaml::parse(old);
  json::Array* outs = nullptr;
  if (root.is_object() && root.get_object().contains("outs")) outs = root.get_object().at("outs").if_array();
  std::string fresh;
  if (outs != nullptr && outs->size() == file.outs.size()) {
    for (size_t i = 0; i < outs->size(); ++i) update_entry(outs->at(i).as_object(), file.outs[i]);
    fresh = yaml::edit(old, root);
  } else {
    json::Object object;
    json::Array list;
    for (const Output& output : file.outs) list.push_back(format_entry(output, EntryOrder::hash_first));
    object["outs"] = std::move(list);
    fresh = yaml::emit(object);
  }
  if (fresh == old) return false;
  write_file_atomic(file.path, fresh);
  return true;
}

}  // namespace fettle::data
