#include "pipelines/status.h"

#include "base/file.h"
#include "pipelines/params.h"

namespace fettle::pipelines {
namespace {

// In the order of the stage's keys; for a whole file, of what was recorded and then of what is there.
std::vector<std::pair<std::string, ParamChange>> compare_params(const ParamFile& file, const Params& recorded,
                                                                const Params& actual) {
  std::vector<std::string> keys = file.keys;
  if (file.whole) {
    for (const auto& [key, value] : recorded) keys.push_back(key);
    for (const auto& [key, value] : actual) {
      if (find_param(recorded, key) == nullptr) keys.push_back(key);
    }
  }
  std::vector<std::pair<std::string, ParamChange>> changes;
  for (const std::string& key : keys) {
    const Value* before = find_param(recorded, key);
    const Value* now = find_param(actual, key);
    if (now == nullptr) {
      changes.emplace_back(key, ParamChange::deleted);
    } else if (before == nullptr) {
      changes.emplace_back(key, ParamChange::added);
    } else if (!equal_as_python(*before, *now)) {
      changes.emplace_back(key, ParamChange::modified);
    }
  }
  return changes;
}

void add_param_changes(const Project& project, const Stage& stage, std::vector<DepChange>& out) {
  for (const ParamFile& file : stage.params) {
    std::string shown = shown_path(file.location, project.cwd());
    std::error_code ignored;
    if (!std::filesystem::exists(file.location, ignored)) {
      out.push_back({shown, "deleted"});
      continue;
    }
    const Params* recorded = stage.lock ? stage.lock->find_params(file.file) : nullptr;
    if (recorded == nullptr) {
      out.push_back({shown, "new"});
      continue;
    }
    auto changes = compare_params(file, *recorded, read_params(file));
    if (!changes.empty()) out.push_back({shown, "", std::move(changes)});
  }
}

}  // namespace

std::string_view word_of(ParamChange change) {
  switch (change) {
    case ParamChange::modified: return "modified";
    case ParamChange::added: return "new";
    case ParamChange::deleted: return "deleted";
  }
  return "";
}

std::vector<DepChange> changed_deps(Project& project, const Stage& stage) {
  std::vector<DepChange> changes;
  if (stage.is_import) return changes;  // where it came from is asked by `update` alone
  for (const data::Output& dep : stage.deps) {
    std::optional<data::Snapshot> now = data::snapshot(project.repository(), dep.location, dep.algorithm);
    if (now && now->oid == dep.oid) continue;
    changes.push_back({shown_path(dep.location, project.cwd()), now ? "modified" : "deleted"});
  }
  add_param_changes(project, stage, changes);
  return changes;
}

StageStatus status_of(Project& project, const Stage& stage, const std::filesystem::path& only) {
  StageStatus status;
  if (!stage.frozen) status.deps = changed_deps(project, stage);
  for (const data::Output& out : stage.outs) {
    if (!only.empty() && out.location != only && !only.native().starts_with(out.location.native() + "/")) continue;
    data::OutputState state = data::state_of(project.repository(), out);
    if (state != data::OutputState::unchanged) status.outs.push_back({shown_path(out.location, project.cwd()), state});
  }
  status.command_changed = stage.command_changed();
  status.always_changed = stage.is_callback() || stage.always_changed;
  return status;
}

}  // namespace fettle::pipelines
