#include "pipelines/stage_runner.h"

#include <algorithm>

#include "base/error.h"
#include "base/id.h"
#include "base/text.h"
#include "pipelines/add.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/params.h"
#include "pipelines/run_cache.h"
#include "pipelines/status.h"
#include "process/subprocess.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

// A command string of several lines is several commands; an item of a list is one script.
std::vector<std::string> scripts_of(const CommandLines& command) {
  if (command.is_list) return command.lines;
  std::vector<std::string> scripts;
  for (std::string_view line : split(command.lines.at(0), '\n')) {
    if (!trim(line).empty()) scripts.emplace_back(line);
  }
  return scripts;
}

bool is_missing(const OutChange& change) {
  return change.state == data::OutputState::deleted || change.state == data::OutputState::not_in_cache;
}

StageReport::File report_file(const data::Repository& repository, const data::Output& output) {
  return {repository.relative(output.location), output.oid, output.size.value_or(0)};
}

}  // namespace

void StageRunner::note_changed(const fs::path& file) {
  if (std::find(changed_files_.begin(), changed_files_.end(), file) == changed_files_.end())
    changed_files_.push_back(file);
}

bool StageRunner::is_changed(const Stage& stage) const {
  StageStatus status = status_of(project_, stage);
  if (status.command_changed || status.always_changed) return true;
  if (!stage.lock && !stage.frozen) return true;
  if (!options_.allow_missing) return !status.clean();
  bool deps =
      std::any_of(status.deps.begin(), status.deps.end(), [](const DepChange& dep) { return dep.word != "deleted"; });
  bool outs =
      std::any_of(status.outs.begin(), status.outs.end(), [](const OutChange& out) { return !is_missing(out); });
  return deps || outs;
}

bool StageRunner::bring_up_to_date(size_t index, bool force) {
  Stage& stage = project_.stages()[index];
  if (!stage.has_command()) return bring_data(stage, index, force);
  std::string address = project_.address(index);
  if (stage.frozen) {
    edge_.warn(fmt::format("stage: '{}' is frozen. Its dependencies are not going to be reproduced.", address));
  }
  if (!force && !is_changed(stage)) {
    edge_.say(fmt::format("Stage '{}' didn't change, skipping", address));
    return false;
  }
  if (stage.frozen) {
    if (options_.dry) return true;
    edge_.say(fmt::format("Verifying outputs in frozen stage: '{}'", address));
    record(stage, false);
    return true;
  }
  check_inputs(stage);
  if (!force && restore(stage)) {
    edge_.say(fmt::format("Stage '{}' is cached - skipping run, checking out outputs", address));
    if (!options_.dry) save_lock(stage);
    return true;
  }
  edge_.say(fmt::format("Running stage '{}':", address));
  if (options_.dry) {
    for (const std::string& script : scripts_of(stage.command)) edge_.say("> " + script);
    return true;
  }
  execute(stage);
  return true;
}

bool StageRunner::bring_data(Stage& stage, size_t index, bool force) {
  std::string address = project_.address(index);
  bool changed = std::any_of(stage.outs.begin(), stage.outs.end(), [&](const data::Output& out) {
    data::OutputState state = data::state_of(project_.repository(), out);
    return state != data::OutputState::unchanged &&
           !(options_.allow_missing &&
             (state == data::OutputState::deleted || state == data::OutputState::not_in_cache));
  });
  if (!changed && !force) {
    edge_.say(fmt::format("'{}' didn't change, skipping", address));
    return false;
  }
  if (options_.dry) return true;
  edge_.say(fmt::format("Verifying data sources in stage: '{}'", address));
  for (const data::Output& out : stage.outs) {
    std::error_code ignored;
    if (!fs::exists(out.location, ignored)) {
      fail(Error{Code::not_found,
                 fmt::format("missing data 'source': {}", shown_path(out.location, project_.cwd())),
                 {},
                 "fettle checkout, or fettle pull"});
    }
  }
  for (const fs::path& file : commit_stage(project_, index, !options_.no_commit)) note_changed(file);
  return true;
}

void StageRunner::check_inputs(const Stage& stage) const {
  if (options_.dry) return;
  for (const data::Output& dep : stage.deps) {
    std::error_code ignored;
    if (!fs::exists(dep.location, ignored))
      fail(Code::not_found, "[Errno 2] No such file or directory: '{}'", dep.location.string());
  }
  for (const ParamFile& file : stage.params) {
    Params values = read_params(file);
    std::vector<std::string> missing;
    for (const std::string& key : file.keys) {
      if (find_param(values, key) == nullptr) missing.push_back(key);
    }
    if (!missing.empty())
      fail(Code::not_found, "Parameters '{}' are missing from '{}'.", join(missing, ", "), file.file);
  }
}

void StageRunner::remove_outputs(const Stage& stage) {
  for (const data::Output& out : stage.outs) {
    if (out.persist) {
      data::unprotect(out.location);
    } else {
      fs::remove_all(out.location);
    }
  }
}

std::optional<LockEntry> StageRunner::restorable(Stage& stage) const {
  if (!is_cacheable(stage)) return std::nullopt;
  // Damaged outputs alone come back from what the lock recorded, whatever --no-run-cache says.
  bool inputs_changed = stage.command_changed() || !stage.lock || !changed_deps(project_, stage).empty();
  if (inputs_changed && options_.no_run_cache) return std::nullopt;
  Stage current = stage;
  for (const data::Output& dep : current.deps) {
    std::error_code ignored;
    if (!fs::exists(dep.location, ignored)) return std::nullopt;  // a dry run: an earlier stage would make it
  }
  for (data::Output& dep : current.deps) data::save(project_.repository(), dep, false);
  if (!inputs_changed) {
    LockEntry entry = *stage.lock;
    bool whole = std::all_of(stage.outs.begin(), stage.outs.end(), [&](const data::Output& out) {
      const data::Output* recorded = entry.find_out(out.path);
      return recorded != nullptr && recorded->has_hash() &&
             project_.repository().cache().has_all(recorded->oid, recorded->algorithm);
    });
    if (whole) return entry;
    if (options_.no_run_cache) return std::nullopt;
  }
  return find_cached_run(project_, current, lock_entry_of(current));
}

bool StageRunner::restore(Stage& stage) {
  std::optional<LockEntry> entry = restorable(stage);
  if (!entry) return false;
  if (options_.dry) return true;
  for (data::Output& out : stage.outs) {
    const data::Output* recorded = entry->find_out(out.path);
    out.oid = recorded->oid;
    out.algorithm = recorded->algorithm;
    out.size = recorded->size;
    out.files = recorded->files;
    out.executable = recorded->executable;
    data::checkout(project_.repository(), out, {.force = true});
    for (const fs::path& file : ignore_output(project_.repository(), out)) note_changed(file);
  }
  for (data::Output& dep : stage.deps) data::save(project_.repository(), dep, false);
  return true;
}

void StageRunner::run_commands(const Stage& stage, const std::string& id, StageReport& report) {
  process::Command command;
  command.cwd = stage.directory;
  command.output = process::Stream::inherit;
  command.error = process::Stream::inherit;
  command.input = process::Stream::inherit;
  command.own_group = false;  // Ctrl-C of the terminal reaches it
  command.environment = {{"DVC_ROOT", project_.repository().root().string()}, {"DVC_STAGE", stage.name}};
  if (edge_.environment) {
    for (auto& [name, value] : edge_.environment(stage, id)) command.environment[name] = value;
  }
  for (const std::string& script : scripts_of(stage.command)) {
    edge_.say("> " + script);
    command.argv = process::shell_argv(script);
    process::Result result = process::run(command);
    report.exit_code = result.exit_code;
    if (!result.ok()) fail(Code::aborted, "failed to run: {}, {}", script, process::describe(result));
  }
}

void StageRunner::execute(Stage& stage) {
  remove_outputs(stage);
  StageReport report;
  report.id = new_id(edge_.clock->now_ms());
  report.stage = address_of(stage, project_.repository().root());
  report.command = join(stage.command.lines, "\n");
  report.started_ms = edge_.clock->now_ms();
  report.git_commit = project_.repository().git_commit().value_or("");
  auto finish = [&] {
    report.ended_ms = edge_.clock->now_ms();
    for (const data::Output& dep : stage.deps) report.deps.push_back(report_file(project_.repository(), dep));
    for (const auto& [file, values] : stage.lock ? stage.lock->params : decltype(LockEntry::params)()) {
      for (const auto& [key, value] : values) report.params.emplace_back(file + ":" + key, value);
    }
    if (edge_.report) edge_.report(report);
  };
  if (edge_.lock != nullptr) edge_.lock->release();
  project_.repository().state().flush();
  try {
    run_commands(stage, report.id, report);
  } catch (...) {
    if (edge_.lock != nullptr) edge_.lock->acquire();
    finish();
    throw;
  }
  if (edge_.lock != nullptr) edge_.lock->acquire();
  record(stage, true);
  for (const data::Output& out : stage.outs) report.outs.push_back(report_file(project_.repository(), out));
  finish();
}

void StageRunner::record(Stage& stage, bool ran) {
  data::Repository& repository = project_.repository();
  for (const data::Output& out : stage.outs) {
    std::error_code ignored;
    if (fs::exists(out.location, ignored)) continue;
    if (!ran) fail(Code::not_found, "missing data 'source': {}", shown_path(out.location, project_.cwd()));
    fail(Code::not_found, "output '{}' does not exist", out.path);
  }
  for (data::Output& dep : stage.deps) data::save(repository, dep, false);
  for (data::Output& out : stage.outs) {
    data::save(repository, out, out.cached && !options_.no_commit);
    for (const fs::path& file : ignore_output(repository, out)) note_changed(file);
  }
  bool uncached = std::any_of(stage.outs.begin(), stage.outs.end(), [](const data::Output& out) {
    return !out.cached && out.kind == data::OutputKind::plain;
  });
  if (ran && !options_.no_commit && !uncached && is_cacheable(stage)) save_run(project_, stage, lock_entry_of(stage));
  save_lock(stage);
}

void StageRunner::save_lock(Stage& stage) {
  LockEntry entry = lock_entry_of(stage);
  fs::path file = stage.lock_file();
  LockWrite written = save_lock_entry(file, stage.name, entry);
  stage.lock = std::move(entry);
  if (written == LockWrite::unchanged) return;
  std::string shown = shown_path(file, project_.cwd());
  if (written == LockWrite::created) edge_.say(fmt::format("Generating lock file '{}'", shown));
  edge_.say(fmt::format("Updating lock file '{}'", shown));
  note_changed(file);
}

}  // namespace fettle::pipelines
