#include "pipelines/dvc_yaml.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "data/entry_file.h"
#include "pipelines/template_file.h"
#include "yaml/yaml.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;
using data::SchemaFile;
using data::operator/;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;
constexpr std::string_view kRootKeys = "stages vars params metrics plots artifacts datasets";
constexpr std::string_view kStageKeys =
    "cmd wdir deps params vars frozen meta desc always_changed outs metrics plots matrix foreach do live";
constexpr std::string_view kOutKeys = "cache persist remote push desc type labels meta checkpoint";
constexpr std::string_view kPlotKeys =
    "cache persist remote push desc type labels meta checkpoint template x y x_label y_label title header";

// Reads the stages of one file; the schema file is only for messages.
class Reader {
 public:
  Reader(const data::Repository& repository, const SchemaFile& file, const fs::path& path)
      : repository_(repository), file_(file), path_(path) {}

  Stage stage(const ResolvedStage& resolved) {
    const json::Object& fields = resolved.fields;
    std::string origin = resolved.name.substr(0, resolved.templated ? resolved.name.find('@') : std::string::npos);
    SchemaFile::Path where = {"stages", origin};
    file_.require_keys(fields, kStageKeys, where);
    Stage stage;
    stage.file = path_;
    stage.name = resolved.name;
    stage.templated = resolved.templated;
    stage.directory = path_.parent_path();
    if (const json::Value* value = fields.if_contains("wdir"))
      set_directory(stage, file_.text_of(*value, where / "wdir"));
    if (!fields.contains("cmd")) file_.refuse("required key not provided", where / "cmd");
    stage.command = command(fields.at("cmd"), where / "cmd");
    if (const json::Value* value = fields.if_contains("deps")) read_deps(stage, *value, where / "deps");
    for (const char* key : {"outs", "metrics", "plots"}) {
      if (const json::Value* value = fields.if_contains(key)) read_outs(stage, *value, where / key);
    }
    if (const json::Value* value = fields.if_contains("params")) read_params(stage, *value, where / "params");
    if (const json::Value* value = fields.if_contains("frozen")) stage.frozen = file_.flag(*value, where / "frozen");
    if (const json::Value* value = fields.if_contains("always_changed"))
      stage.always_changed = file_.flag(*value, where / "always_changed");
    if (const json::Value* value = fields.if_contains("desc"))
      stage.description = file_.text_of(*value, where / "desc");
    return stage;
  }

 private:
  void set_directory(Stage& stage, const std::string& wdir) {
    stage.directory = (path_.parent_path() / wdir).lexically_normal();
    if (!stage.directory.has_filename()) stage.directory = stage.directory.parent_path();
    if (stage.directory != repository_.root() && !repository_.contains(stage.directory)) {
      fail(Code::failed_precondition, "stage '{}': working directory '{}' is outside of the repository", stage.name,
           wdir);
    }
  }

  CommandLines command(const json::Value& value, const SchemaFile::Path& where) {
    CommandLines command;
    command.is_list = value.is_array();
    if (value.is_array()) {
      for (const json::Value& line : value.get_array()) command.lines.push_back(scalar_text(line, where));
    } else {
      command.lines.push_back(scalar_text(value, where));
    }
    return command;
  }

  // `cmd: 7` after templating is a command too.
  std::string scalar_text(const json::Value& value, const SchemaFile::Path& where) {
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_structured() || value.is_null()) file_.refuse("expected str", where);
    return json::format(value);
  }

  void read_deps(Stage& stage, const json::Value& value, const SchemaFile::Path& where) {
    for (const json::Value& item : file_.list(value, where)) {
      data::Output dep;
      dep.path = file_.text_of(item, where / std::to_string(stage.deps.size()));
      if (dep.path.find("://") != std::string::npos) {
        fail(Code::unimplemented, "stage '{}': dependency '{}' is not a path; only local files can be dependencies yet",
             stage.name, dep.path);
      }
      dep.location = (stage.directory / dep.path).lexically_normal();
      if (!dep.location.has_filename()) dep.location = dep.location.parent_path();
      stage.deps.push_back(std::move(dep));
    }
  }

  void read_outs(Stage& stage, const json::Value& value, const SchemaFile::Path& where) {
    const std::string& kind = where.back();
    size_t index = 0;
    for (const json::Value& item : file_.list(value, where)) {
      SchemaFile::Path here = where / std::to_string(index++);
      data::Output out;
      out.kind = kind == "metrics" ? data::OutputKind::metric
                 : kind == "plots" ? data::OutputKind::plot
                                   : data::OutputKind::plain;
      if (item.is_object() && item.get_object().size() == 1) {
        const auto& entry = *item.get_object().begin();
        out.path = std::string(entry.key());
        const json::Object& flags = file_.object(entry.value(), here / out.path);
        file_.require_keys(flags, out.kind == data::OutputKind::plot ? kPlotKeys : kOutKeys, here / out.path);
        read_flags(out, flags, here / out.path);
      } else {
        out.path = file_.text_of(item, here);
      }
      out.location = data::resolve_output(repository_, stage.directory, out.path);
      bool repeated =
          std::any_of(stage.outs.begin(), stage.outs.end(), [&](const auto& o) { return o.location == out.location; });
      if (!repeated) stage.outs.push_back(std::move(out));
    }
  }

  void read_flags(data::Output& out, const json::Object& flags, const SchemaFile::Path& where) {
    if (const json::Value* value = flags.if_contains("cache")) out.cached = file_.flag(*value, where / "cache");
    if (const json::Value* value = flags.if_contains("persist")) out.persist = file_.flag(*value, where / "persist");
    if (const json::Value* value = flags.if_contains("push")) out.pushed = file_.flag(*value, where / "push");
    if (const json::Value* value = flags.if_contains("remote")) out.remote = file_.text_of(*value, where / "remote");
  }

  ParamFile& param_file(Stage& stage, const std::string& name) {
    for (ParamFile& each : stage.params) {
      if (each.file == name) return each;
    }
    stage.params.push_back({name, (stage.directory / name).lexically_normal(), {}, false});
    return stage.params.back();
  }

  void read_params(Stage& stage, const json::Value& value, const SchemaFile::Path& where) {
    for (const json::Value& item : file_.list(value, where)) {
      if (item.is_string()) {
        param_file(stage, "params.yaml").keys.emplace_back(item.get_string());
        continue;
      }
      for (const auto& [name, keys] : file_.object(item, where)) {
        ParamFile& params = param_file(stage, std::string(name));
        if (keys.is_null()) {
          params.whole = true;
          continue;
        }
        for (const json::Value& key : file_.list(keys, where / std::string(name)))
          params.keys.push_back(scalar_text(key, where));
      }
    }
    // The default file first, then by name; each key once, and none where the whole file is tracked.
    std::sort(stage.params.begin(), stage.params.end(), [](const ParamFile& a, const ParamFile& b) {
      return std::pair(a.file != "params.yaml", a.file) < std::pair(b.file != "params.yaml", b.file);
    });
    for (ParamFile& params : stage.params) {
      std::sort(params.keys.begin(), params.keys.end());
      params.keys.erase(std::unique(params.keys.begin(), params.keys.end()), params.keys.end());
      if (params.whole) params.keys.clear();
    }
  }

  const data::Repository& repository_;
  const SchemaFile& file_;
  fs::path path_;
};

std::vector<fs::path> path_list(const SchemaFile& file, const json::Object& root, const char* key,
                                const fs::path& directory) {
  std::vector<fs::path> out;
  const json::Value* value = root.if_contains(key);
  if (value == nullptr) return out;
  for (const json::Value& item : file.list(*value, {key}))
    out.push_back((directory / file.text_of(item, {key})).lexically_normal());
  return out;
}

json::Value out_item(const data::Output& out) {
  json::Object flags;
  if (!out.cached) flags["cache"] = false;
  if (out.persist) flags["persist"] = true;
  if (!out.remote.empty()) flags["remote"] = out.remote;
  if (!out.pushed) flags["push"] = false;
  if (flags.empty()) return json::Value(out.path);
  return json::Object{{out.path, std::move(flags)}};
}

json::Array param_items(const Stage& stage) {
  json::Array items;
  for (const ParamFile& params : stage.params) {
    if (params.file == "params.yaml" && !params.whole) {
      for (const std::string& key : params.keys) items.push_back(json::Value(key));
      continue;
    }
    json::Value keys;
    if (!params.whole) {
      keys = json::Array();
      for (const std::string& key : params.keys) keys.as_array().push_back(json::Value(key));
    }
    items.push_back(json::Object{{params.file, std::move(keys)}});
  }
  return items;
}

json::Object stage_object(const Stage& stage) {
  json::Object object;
  if (!stage.description.empty()) object["desc"] = stage.description;
  if (stage.command.is_list) {
    json::Array lines;
    for (const std::string& line : stage.command.lines) lines.push_back(json::Value(line));
    object["cmd"] = std::move(lines);
  } else {
    object["cmd"] = stage.command.lines.at(0);
  }
  std::string wdir = stage.directory.lexically_relative(stage.file.parent_path()).generic_string();
  if (wdir != ".") object["wdir"] = wdir;
  json::Array deps;
  for (const data::Output& dep : stage.deps) deps.push_back(json::Value(dep.path));
  std::sort(deps.begin(), deps.end(), [](const auto& a, const auto& b) { return a.get_string() < b.get_string(); });
  if (!deps.empty()) object["deps"] = std::move(deps);
  json::Array params = param_items(stage);
  if (!params.empty()) object["params"] = std::move(params);
  std::vector<data::Output> outs = stage.outs;
  std::sort(outs.begin(), outs.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  for (auto [kind, key] : {std::pair{data::OutputKind::plain, "outs"},
                           {data::OutputKind::metric, "metrics"},
                           {data::OutputKind::plot, "plots"}}) {
    json::Array items;
    for (const data::Output& out : outs) {
      if (out.kind == kind) items.push_back(out_item(out));
    }
    if (!items.empty()) object[key] = std::move(items);
  }
  if (stage.frozen) object["frozen"] = true;
  if (stage.always_changed) object["always_changed"] = true;
  return object;
}

}  // namespace

DvcYaml load_dvc_yaml(const data::Repository& repository, const fs::path& path) {
  std::string shown = repository.relative(path);
  SchemaFile file("./" + shown, read_file(path, kMaxBytes));
  json::Object root = file.parse();
  file.require_keys(root, kRootKeys, {});
  DvcYaml result;
  if (const json::Value* stages = root.if_contains("stages"); stages != nullptr && !stages->is_null()) {
    for (const auto& [name, value] : file.object(*stages, {"stages"})) {
      file.require_keys(file.object(value, {"stages", std::string(name)}), kStageKeys, {"stages", std::string(name)});
    }
  }
  Reader reader(repository, file, path);
  bool has_templates = file.text().find("${") != std::string::npos;
  for (const ResolvedStage& resolved : resolve_templates(root, path.parent_path(), shown, has_templates)) {
    result.stages.push_back(reader.stage(resolved));
  }
  result.metrics = path_list(file, root, "metrics", path.parent_path());
  result.params = path_list(file, root, "params", path.parent_path());
  return result;
}

void add_to_dvc_yaml(const fs::path& path, const Stage& stage, bool replace) {
  std::error_code ignored;
  std::string old = fs::exists(path, ignored) ? read_file(path, kMaxBytes) : "";
  json::Object root = SchemaFile("./" + path.filename().string(), old).parse();
  const json::Value* stages = root.if_contains("stages");
  bool present = stages != nullptr && stages->is_object() && stages->get_object().contains(stage.name);
  if (present && !replace) {
    fail(Code::failed_precondition, "Stage '{}' already exists in '{}'. Use '--force' to overwrite.", stage.name,
         path.filename().string());
  }
  write_file_atomic(path, yaml::edit_entry(old, "stages", stage.name, stage_object(stage)));
}

bool remove_from_dvc_yaml(const fs::path& path, const std::string& stage) {
  std::string old = read_file(path, kMaxBytes);
  json::Object root = SchemaFile("./" + path.filename().string(), old).parse();
  json::Value* stages = root.if_contains("stages");
  if (stages == nullptr || !stages->is_object() || !stages->get_object().contains(stage)) return false;
  bool last = stages->get_object().size() == 1 && root.size() == 1;
  if (last) {
    fs::remove(path);
  } else {
    write_file_atomic(path, yaml::edit_entry(old, "stages", stage, nullptr));
  }
  return true;
}

}  // namespace fettle::pipelines
