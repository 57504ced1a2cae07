#include "pipelines/stage_add.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "pipelines/add.h"
#include "pipelines/dvc_yaml.h"
#include "pipelines/graph.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

void check_name(const std::string& name) {
  constexpr std::string_view kPunctuation = "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~";
  if (name.empty() || name.find_first_of(kPunctuation) != std::string::npos) {
    fail(Code::invalid_argument, "Stage name cannot contain punctuation characters.");
  }
}

void add_params(Stage& stage, const std::vector<std::string>& requests) {
  for (const std::string& request : requests) {
    size_t colon = request.find(':');
    std::string file = colon == std::string::npos ? "params.yaml" : request.substr(0, colon);
    std::string keys = colon == std::string::npos ? request : request.substr(colon + 1);
    auto found =
        std::find_if(stage.params.begin(), stage.params.end(), [&](const ParamFile& p) { return p.file == file; });
    if (found == stage.params.end()) {
      stage.params.push_back({file, (stage.directory / file).lexically_normal(), {}, false});
      found = stage.params.end() - 1;
    }
    if (keys.empty()) found->whole = true;
    for (std::string_view key : split(keys, ',')) {
      if (!key.empty()) found->keys.emplace_back(key);
    }
  }
  std::sort(stage.params.begin(), stage.params.end(), [](const ParamFile& a, const ParamFile& b) {
    return std::pair(a.file != "params.yaml", a.file) < std::pair(b.file != "params.yaml", b.file);
  });
  for (ParamFile& params : stage.params) {
    std::sort(params.keys.begin(), params.keys.end());
    params.keys.erase(std::unique(params.keys.begin(), params.keys.end()), params.keys.end());
  }
}

Stage make_stage(const Project& project, const StageRequest& request) {
  Stage stage;
  stage.file = project.cwd() / "dvc.yaml";
  stage.name = request.name;
  stage.directory = (project.cwd() / request.directory).lexically_normal();
  if (!stage.directory.has_filename()) stage.directory = stage.directory.parent_path();
  std::error_code ignored;
  if (!fs::is_directory(stage.directory, ignored))
    fail(Code::not_found, "stage working dir '{}' does not exist", request.directory);
  stage.command.lines = {request.command};
  stage.always_changed = request.always_changed;
  stage.description = request.description;
  for (const std::string& dep : request.deps) {
    data::Output output;
    output.path = dep;
    output.location = (stage.directory / dep).lexically_normal();
    if (!output.location.has_filename()) output.location = output.location.parent_path();
    bool repeated =
        std::any_of(stage.deps.begin(), stage.deps.end(), [&](const auto& d) { return d.location == output.location; });
    if (!repeated) stage.deps.push_back(std::move(output));
  }
  for (const OutputRequest& out : request.outs) {
    data::Output output;
    output.path = out.path;
    output.location = data::resolve_output(project.repository(), stage.directory, out.path);
    output.kind = out.kind;
    output.cached = out.cached;
    output.persist = out.persist;
    stage.outs.push_back(std::move(output));
  }
  add_params(stage, request.params);
  return stage;
}

}  // namespace

AddedStage add_stage(Project& project, const StageRequest& request) {
  check_name(request.name);
  if (trim(request.command).empty())
    fail(Error{
        Code::invalid_argument, "command is not specified", {}, "fettle stage add -n NAME [-d DEP] [-o OUT] COMMAND"});
  Stage stage = make_stage(project, request);
  auto& stages = project.stages();
  auto existing = std::find_if(stages.begin(), stages.end(),
                               [&](const Stage& s) { return s.file == stage.file && s.name == stage.name; });
  AddedStage result{stage.file, existing != stages.end(), {}};
  if (result.replaced && !request.replace) {
    fail(Code::failed_precondition, "Stage '{}' already exists in 'dvc.yaml'. Use '--force' to overwrite.", stage.name);
  }
  if (result.replaced) {
    stage.lock = existing->lock;
    *existing = stage;
  } else {
    stages.push_back(stage);
  }
  Graph check(project);
  std::vector<fs::path> ignored_by;
  for (const data::Output& out : stage.outs) {
    for (fs::path& file : ignore_output(project.repository(), out)) {
      if (std::find(ignored_by.begin(), ignored_by.end(), file) == ignored_by.end())
        ignored_by.push_back(std::move(file));
    }
  }
  add_to_dvc_yaml(stage.file, stage, request.replace);
  result.changed_files = {stage.file};
  result.changed_files.insert(result.changed_files.end(), ignored_by.begin(), ignored_by.end());
  return result;
}

std::vector<std::string> files_named_in(const fs::path& directory, const std::vector<std::string>& command,
                                        const std::vector<OutputRequest>& outs) {
  std::vector<std::string> words;
  for (const std::string& argument : command) {
    for (std::string_view word : split(argument, ' ')) words.emplace_back(word);
  }
  std::vector<std::string> found;
  bool redirected = false;
  for (const std::string& raw : words) {
    bool is_target = redirected;
    redirected = raw.ends_with('>');
    std::string word = raw;
    while (!word.empty() && (word.back() == ';' || word.back() == '\'' || word.back() == '"')) word.pop_back();
    while (!word.empty() && (word.front() == '\'' || word.front() == '"' || word.front() == '<')) word.erase(0, 1);
    size_t equals = word.find('=');
    if (word.starts_with("-") && equals != std::string::npos) word.erase(0, equals + 1);
    if (word.empty() || is_target || word.find('>') != std::string::npos || fs::path(word).is_absolute()) continue;
    fs::path path = (directory / word).lexically_normal();
    std::error_code ignored;
    bool inside = !path.lexically_relative(directory).generic_string().starts_with("..") && path != directory;
    bool is_output = std::any_of(outs.begin(), outs.end(), [&](const OutputRequest& out) {
      return (directory / out.path).lexically_normal() == path;
    });
    if (!inside || is_output || !fs::exists(path, ignored)) continue;
    if (std::find(found.begin(), found.end(), word) == found.end()) found.push_back(word);
  }
  return found;
}

std::string command_line_of(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1) return arguments[0];
  std::vector<std::string> quoted;
  for (const std::string& argument : arguments) {
    bool quote = argument.find(' ') != std::string::npos && argument.find('"') == std::string::npos;
    quoted.push_back(quote ? "\"" + argument + "\"" : argument);
  }
  return join(quoted, " ");
}

}  // namespace fettle::pipelines
