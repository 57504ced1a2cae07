// init, add, status, checkout, commit, remove, unprotect, root.
#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "cli/dvc_call.h"
#include "cli/dvc_cloud_status.h"
#include "cli/dvc_json_file.h"
#include "data/failures.h"
#include "pipelines/add.h"
#include "pipelines/checkout.h"
#include "pipelines/status.h"

namespace fettle::cli {
namespace {

namespace fs = std::filesystem;
using pipelines::Project;

int init(DvcCall& call) {
  data::Repository::InitOptions options{call.has("no-scm"), call.has("force"), call.has("subdir")};
  fs::path directory = call.targets().empty() ? call.cwd : call.cwd / call.targets()[0];
  if (!call.targets().empty()) fs::create_directories(directory);
  data::Repository::init(directory, options);
  call.say("Initialized DVC repository.");
  if (!options.no_scm) call.say("\nYou can now commit the changes to git.");
  return 0;
}

std::vector<std::string> expand_globs(const DvcCall& call) {
  if (!call.has("glob")) return call.targets();
  std::vector<std::string> out;
  for (const std::string& target : call.targets()) {
    fs::path directory = fs::path(target).parent_path();
    for (const auto& entry : fs::directory_iterator(call.cwd / directory)) {
      std::string name = entry.path().filename().string();
      bool own = name.ends_with(".dvc") || name == ".gitignore";
      if (!own && glob_match(fs::path(target).filename().string(), name)) out.push_back((directory / name).string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

int add(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  if (call.has("to-remote") || call.has("out"))
    fail(Code::unimplemented, "'add --to-remote' and 'add --out' are not there yet");
  Project project(repository, call.cwd);
  std::vector<fs::path> changed;
  {
    ProgressDisplay display(call, repository.progress());
    for (const std::string& target : expand_globs(call)) {
      for (fs::path& file : pipelines::add_path(project, target, {.into_cache = !call.has("no-commit")})) {
        if (std::find(changed.begin(), changed.end(), file) == changed.end()) changed.push_back(std::move(file));
      }
    }
  }
  git_hint(call, repository, changed);
  return 0;
}

std::string row(std::string_view word, std::string_view name, int tabs) {
  return fmt::format("{}{:<20}{}\n", std::string(static_cast<size_t>(tabs), '\t'), std::string(word) + ":", name);
}

std::string text_of(const pipelines::StageStatus& status) {
  std::string out;
  if (!status.deps.empty()) out += "\tchanged deps:\n";
  for (const pipelines::DepChange& dep : status.deps) {
    if (!dep.word.empty()) {
      out += row(dep.word, dep.path, 2);
      continue;
    }
    out += "\t\t" + dep.path + ":\n";
    for (const auto& [key, change] : dep.params) out += row(pipelines::word_of(change), key, 3);
  }
  if (!status.outs.empty()) out += "\tchanged outs:\n";
  for (const pipelines::OutChange& change : status.outs) out += row(data::word_of(change.state), change.path, 2);
  if (status.always_changed) out += "\talways changed\n";
  if (status.command_changed) out += "\tchanged command\n";
  return out;
}

int status(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  Project project(repository, call.cwd);
  if (call.has("cloud") || call.has("remote")) return cloud_status(call, project);
  std::vector<std::pair<std::string, pipelines::StageStatus>> dirty;
  auto consider = [&](size_t stage, const fs::path& only) {
    if (project.stages()[stage].frozen && project.stages()[stage].has_command()) {
      complain(fmt::format(
          "WARNING: stage: '{}' is frozen. Its dependencies are not going to be shown in the status output.",
          project.address(stage)));
    }
    pipelines::StageStatus found = pipelines::status_of(project, project.stages()[stage], only);
    if (!found.clean()) dirty.emplace_back(project.address(stage), std::move(found));
  };
  {
    ProgressDisplay display(call, repository.progress());
    if (call.targets().empty()) {
      for (size_t i = 0; i < project.stages().size(); ++i) consider(i, {});
    }
    for (const std::string& target : call.targets()) {
      for (const auto& found : project.find(target, Project::TargetKind::stages_and_outputs, call.has("recursive")))
        consider(found.stage, found.inside);
    }
  }
  if (call.quiet_after_verb) return dirty.empty() ? 0 : 1;
  if (call.has("json")) {
    answer(status_json(dirty) + "\n");
    return 0;
  }
  for (const auto& [address, each] : dirty)
    call.say(address + ":\n" + text_of(each).substr(0, text_of(each).size() - 1));
  if (!dirty.empty()) return 0;
  if (!project.stages().empty()) {
    call.say("Data and pipelines are up to date.");
  } else {
    call.say(
        "There are no data or pipelines tracked in this project yet.\nSee <https://dvc.org/doc/start> to get started!");
  }
  return 0;
}

int checkout(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  pipelines::CheckoutReport report;
  try {
    ProgressDisplay display(call, repository.progress());
    report = pipelines::checkout(project, call.targets(),
                                 {.force = call.has("force"),
                                  .relink = call.has("relink"),
                                  .recursive = call.has("recursive"),
                                  .allow_missing = call.has("allow-missing")});
  } catch (const Failure& failure) {
    if (failure.code() != Code::not_found || call.targets().empty()) throw;
    std::string message = failure.what();
    if (!message.starts_with("'")) throw;
    fail(Code::not_found, "Did you mean `git checkout {}`?: {}", join(call.targets(), " "), message);
  }
  report_checkout(call, report, call.has("summary"));
  return 0;
}

int commit(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  std::vector<fs::path> changed;
  ProgressDisplay display(call, repository.progress());
  std::vector<size_t> selected;
  try {
    selected = project.select(call.targets(), Project::TargetKind::stages_and_outputs, call.has("recursive"));
  } catch (const Failure& failure) {
    fail(failure.code(), "failed to commit {} - {}", join(call.targets(), " "), failure.what());
  }
  for (size_t stage : selected) {
    pipelines::StageStatus status = pipelines::status_of(project, project.stages()[stage]);
    if (status.clean()) continue;
    bool recorded = std::all_of(status.outs.begin(), status.outs.end(),
                                [](const auto& out) { return out.state == data::OutputState::not_in_cache; });
    if (!(recorded && status.deps.empty() && !status.command_changed) && !call.has("force")) {
      fail(Error{Code::failed_precondition,
                 fmt::format("failed to commit{} - unable to commit changed stage: '{}'. Use `-f|--force` to force.",
                             call.targets().empty() ? "" : " " + join(call.targets(), " "), project.address(stage))});
    }
    for (fs::path& file : pipelines::commit_stage(project, stage)) changed.push_back(std::move(file));
  }
  repository.git_add(changed);
  return 0;
}

int remove(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  for (const std::string& target : call.targets()) {
    Project project(repository, call.cwd);
    for (const auto& found : project.find(target, Project::TargetKind::stages_only)) {
      pipelines::remove_stage(project, found.stage, call.has("outs"));
    }
  }
  return 0;
}

int unprotect(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  for (const std::string& target : call.targets()) {
    fs::path path = (call.cwd / target).lexically_normal();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) fail(Code::not_found, "failed to unprotect '{}': it does not exist", target);
    data::unprotect(path);
  }
  return 0;
}

int root(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  answer(pipelines::shown_path(repository.root(), call.cwd) + "\n");
  return 0;
}

}  // namespace

void report_checkout(const DvcCall& call, const pipelines::CheckoutReport& report, bool summary) {
  std::vector<std::string> totals;
  auto total = [&](size_t count, const char* word) {
    if (count > 0) totals.push_back(fmt::format("{} file{} {}", count, count == 1 ? "" : "s", word));
  };
  total(report.modified.size(), "modified");
  total(report.added.size(), "added");
  total(report.deleted.size(), "deleted");
  if (summary) {
    call.say(totals.empty() ? "No changes." : join(totals, " and "));
  } else {
    for (const std::string& path : report.modified) call.say("M       " + path);
    for (const std::string& path : report.added) call.say("A       " + path);
    for (const std::string& path : report.deleted) call.say("D       " + path);
  }
  if (report.failed.empty()) return;
  Error error{Code::not_found, "Checkout failed for following targets:"};
  for (const std::string& why : report.reasons) complain("WARNING: " + why);
  for (const std::string& path : report.failed) error.details.push_back({path, ""});
  error.details.push_back({"Is your cache up to date?", ""});
  error.details.push_back({"<https://error.dvc.org/missing-files>", ""});
  throw data::CheckoutFailure(std::move(error));
}

std::vector<DvcVerb> data_verbs() {
  return {
      {.name = "init",
       .summary = "Start a data repository in a git repository.",
       .usage = "[--no-scm] [-f] [--subdir] [directory]",
       .examples = "fettle init\nfettle init --no-scm",
       .options = {{"no-scm"}, {"force", 'f'}, {"subdir"}},
       .handler = init,
       .failure_exit = 1},
      {.name = "add",
       .summary = "Track data files or directories.",
       .usage = "[--no-commit] [--glob] [-f] [--no-relink] targets [targets ...]",
       .examples = "fettle add data/raw.csv\nfettle add images/",
       .options = {{"no-commit"},
                   {"glob"},
                   {"out", 'o', true},
                   {"to-remote"},
                   {"remote", 'r', true},
                   {"remote-jobs", 'j', true},
                   {"force", 'f'},
                   {"no-relink"},
                   {"recursive", 'R'}},
       .handler = add,
       .failure_exit = 1,
       .least_positional = 1,
       .positional_name = "targets"},
      {.name = "status",
       .summary = "Show what changed in data and pipelines.",
       .usage = "[-q] [-c] [-r name] [-R] [--json] [targets ...]",
       .examples = "fettle status\nfettle status data/raw.csv.dvc train\nfettle status -c",
       .options = {{"jobs", 'j', true},
                   {"cloud", 'c'},
                   {"remote", 'r', true},
                   {"all-branches", 'a'},
                   {"all-tags", 'T'},
                   {"all-commits", 'A'},
                   {"with-deps", 'd'},
                   {"recursive", 'R'},
                   {"json"},
                   {"no-updates"}},
       .handler = status,
       .failure_exit = 1},
      {.name = "checkout",
       .summary = "Bring tracked files into the workspace from the cache.",
       .usage = "[-f] [-R] [--relink] [--allow-missing] [--summary] [targets ...]",
       .examples = "fettle checkout\nfettle checkout data/raw.csv",
       .options = {{"summary"}, {"with-deps", 'd'}, {"recursive", 'R'}, {"force", 'f'}, {"relink"}, {"allow-missing"}},
       .handler = checkout},
      {.name = "commit",
       .summary = "Record the current content of tracked files.",
       .usage = "[-f] [-R] [targets ...]",
       .examples = "fettle commit -f data.dvc",
       .options = {{"force", 'f'}, {"with-deps", 'd'}, {"recursive", 'R'}, {"no-relink"}},
       .handler = commit,
       .failure_exit = 1},
      {.name = "remove",
       .alias = "rm",
       .summary = "Stop tracking data, or remove stages.",
       .usage = "[--outs] targets [targets ...]",
       .examples = "fettle remove data/raw.csv.dvc\nfettle remove train",
       .options = {{"outs"}},
       .handler = remove,
       .failure_exit = 1,
       .least_positional = 1,
       .positional_name = "targets"},
      {.name = "unprotect",
       .summary = "Turn links to the cache into files that may be edited.",
       .usage = "targets [targets ...]",
       .examples = "fettle unprotect data/raw.csv",
       .options = {},
       .handler = unprotect,
       .least_positional = 1,
       .positional_name = "targets"},
      {.name = "root",
       .summary = "Print the way to the root of the data repository.",
       .usage = "",
       .examples = "fettle root",
       .options = {},
       .handler = root},
  };
}

}  // namespace fettle::cli
