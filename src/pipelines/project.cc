#include "pipelines/project.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "data/dvc_file.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/dvc_yaml.h"
#include "pipelines/params.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& path, const fs::path& directory) {
  const std::string& full = path.native();
  const std::string& top = directory.native();
  return full.size() > top.size() && full.starts_with(top) && full[top.size()] == '/';
}

void add_rules(data::IgnoreRules& rules, const fs::path& directory, const std::string& prefix, const char* name) {
  std::error_code ignored;
  fs::path file = directory / name;
  if (fs::is_regular_file(file, ignored)) rules.add(prefix, read_file(file, uint64_t{16} << 20));
}

// Git's rules that hold at `root` when the repository lies below the git root.
data::IgnoreRules git_rules_of(const data::Repository& repository) {
  data::IgnoreRules rules;
  if (repository.git_root()) add_rules(rules, *repository.git_root() / ".git" / "info", "", "exclude");
  return rules;
}

fs::path absolute_of(const fs::path& cwd, const std::string& target) {
  fs::path path = (cwd / target).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

Project::Project(data::Repository& repository, fs::path cwd) : repository_(&repository), cwd_(std::move(cwd)) {
  data::IgnoreRules dvc_rules;
  dvc_rules.add("", ".git\n.git/\n.hg/\n.dvc/\n");
  discover(repository.root(), std::move(dvc_rules), git_rules_of(repository));
}

void Project::discover(const fs::path& directory, data::IgnoreRules dvc_rules, data::IgnoreRules git_rules) {
  std::string prefix = repository_->relative(directory);
  if (prefix == ".") prefix.clear();
  add_rules(dvc_rules, directory, prefix, ".dvcignore");
  if (repository_->git_root()) add_rules(git_rules, directory, prefix, ".gitignore");
  std::vector<std::string> files;
  std::vector<std::string> below;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory, fs::directory_options::skip_permission_denied)) {
    std::string name = entry.path().filename().string();
    bool is_directory = entry.is_directory() && !entry.is_symlink();
    bool is_stage_file = name == "dvc.yaml" || (name.ends_with(".dvc") && name.size() > 4);
    if (!is_directory && !is_stage_file) continue;
    std::string path = prefix.empty() ? name : prefix + "/" + name;
    if (dvc_rules.ignores_leaf(path, is_directory) || git_rules.ignores_leaf(path, is_directory)) continue;
    if (is_directory) {
      std::error_code ignored;
      if (!fs::is_directory(entry.path() / ".dvc", ignored)) below.push_back(name);
    } else {
      files.push_back(name);
    }
  }
  // dvc.yaml first, then by name.
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return std::pair(a != "dvc.yaml", a) < std::pair(b != "dvc.yaml", b); });
  std::sort(below.begin(), below.end());
  for (const std::string& name : files)
    name == "dvc.yaml" ? load_pipeline(directory / name) : load_data(directory / name);
  for (const std::string& name : below) {
    fs::path child = directory / name;
    bool tracked = std::any_of(stages_.begin(), stages_.end(), [&](const Stage& stage) {
      return std::any_of(stage.outs.begin(), stage.outs.end(), [&](const auto& out) { return out.location == child; });
    });
    if (!tracked) discover(child, dvc_rules, git_rules);
  }
}

void Project::load_data(const fs::path& path) {
  data::DvcFile file = data::load_dvc_file(*repository_, path);
  Stage stage;
  stage.file = path;
  stage.directory = file.directory;
  stage.outs = std::move(file.outs);
  stage.deps = std::move(file.deps);
  stage.frozen = file.frozen;
  stage.always_changed = file.always_changed;
  stage.is_import = file.is_import;
  stage.description = std::move(file.description);
  stages_.push_back(std::move(stage));
}

void Project::load_pipeline(const fs::path& path) {
  DvcYaml file = load_dvc_yaml(*repository_, path);
  std::map<std::string, LockEntry> lock = load_lock(*repository_, path.parent_path() / "dvc.lock");
  for (Stage& stage : file.stages) {
    auto entry = lock.find(stage.name);
    if (entry != lock.end()) fill_from_lock(stage, entry->second);
    stages_.push_back(std::move(stage));
  }
  extra_metrics_.insert(extra_metrics_.end(), file.metrics.begin(), file.metrics.end());
}

void Project::fill_from_lock(Stage& stage, const LockEntry& entry) const {
  auto fill = [](data::Output& output, const data::Output* locked) {
    if (locked == nullptr) return;
    output.oid = locked->oid;
    output.algorithm = locked->algorithm;
    output.unknown_algorithm = locked->unknown_algorithm;
    output.size = locked->size;
    output.files = locked->files;
    output.executable = locked->executable;
  };
  for (data::Output& dep : stage.deps) fill(dep, entry.find_dep(dep.path));
  for (data::Output& out : stage.outs) fill(out, entry.find_out(out.path));
  stage.lock = entry;
}

int Project::producer_of(const fs::path& path) const {
  for (size_t i = 0; i < stages_.size(); ++i) {
    for (const data::Output& out : stages_[i].outs) {
      if (out.location == path || is_inside(path, out.location)) return static_cast<int>(i);
    }
  }
  return -1;
}

std::vector<Target> Project::find_output(const std::string& target) const {
  fs::path path = absolute_of(cwd_, target);
  std::vector<Target> found;
  for (size_t i = 0; i < stages_.size(); ++i) {
    for (const data::Output& out : stages_[i].outs) {
      if (out.location == path) found.push_back({i, {}});
      if (is_inside(path, out.location)) found.push_back({i, path});
    }
  }
  return found;
}

std::vector<Target> Project::find(const std::string& target, TargetKind kind, bool recursive) const {
  std::vector<Target> found;
  std::error_code ignored;
  fs::path path = absolute_of(cwd_, target);
  if (recursive && fs::is_directory(path, ignored)) {
    for (size_t i = 0; i < stages_.size(); ++i) {
      if (path == stages_[i].file.parent_path() || is_inside(stages_[i].file, path)) found.push_back({i, {}});
    }
    return found;
  }
  size_t colon = target.rfind(':');
  std::string file_part = colon == std::string::npos ? "" : target.substr(0, colon);
  std::string name = colon == std::string::npos ? target : target.substr(colon + 1);
  fs::path file = file_part.empty() ? cwd_ / "dvc.yaml" : absolute_of(cwd_, file_part);
  if (fs::is_directory(file, ignored)) file /= "dvc.yaml";
  for (size_t i = 0; i < stages_.size(); ++i) {
    const Stage& stage = stages_[i];
    bool by_name = !stage.is_data() && stage.file == file && (stage.name == name || stage.name.starts_with(name + "@"));
    bool by_file = stage.file == path;
    if (by_name || by_file) found.push_back({i, {}});
  }
  if (found.empty() && kind == TargetKind::stages_and_outputs) found = find_output(target);
  if (!found.empty()) return found;
  std::string shown = shown_path(file, cwd_);
  bool exists = fs::exists(file, ignored);
  std::string second = exists ? fmt::format("Stage '{}' not found inside '{}' file", name, shown)
                              : fmt::format("'{}' does not exist", shown);
  if (kind == TargetKind::stages_only) fail(Code::not_found, "{}", second);
  fail(Code::not_found, "'{}' does not exist as an output or a stage name in 'dvc.yaml': {}", target, second);
}

std::vector<size_t> Project::select(const std::vector<std::string>& targets, TargetKind kind, bool recursive) const {
  std::vector<size_t> chosen;
  if (targets.empty()) {
    for (size_t i = 0; i < stages_.size(); ++i) chosen.push_back(i);
  }
  for (const std::string& target : targets) {
    for (const Target& found : find(target, kind, recursive)) {
      if (std::find(chosen.begin(), chosen.end(), found.stage) == chosen.end()) chosen.push_back(found.stage);
    }
  }
  return chosen;
}

LockEntry lock_entry_of(const Stage& stage) {
  LockEntry entry;
  entry.command = stage.command;
  entry.deps = stage.deps;
  entry.outs = stage.outs;
  for (const ParamFile& file : stage.params) {
    Params values = read_params(file);
    if (file.whole)
      std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (!values.empty()) entry.params.emplace_back(file.file, std::move(values));
  }
  return entry;
}

std::optional<fs::path> save_stage(const Stage& stage) {
  if (!stage.is_data()) {
    fs::path file = stage.lock_file();
    if (save_lock_entry(file, stage.name, lock_entry_of(stage)) == LockWrite::unchanged) return std::nullopt;
    return file;
  }
  data::DvcFile file;
  file.path = stage.file;
  file.directory = stage.directory;
  file.outs = stage.outs;
  if (!data::save_dvc_file(file)) return std::nullopt;
  return stage.file;
}

}  // namespace fettle::pipelines
