// Running what changed: the skip logic of `repro` (spec data-versioning 3), one stage after another in the order of the
// graph.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "pipelines/graph.h"
#include "pipelines/project.h"

namespace fettle::pipelines {

struct ReproOptions {
  bool force = false;
  bool single_item = false;
  bool pipeline = false;
  bool all_pipelines = false;
  bool recursive = false;
  bool downstream = false;
  bool force_downstream = false;
  bool allow_missing = false;
  bool dry = false;
  bool keep_going = false;
  bool ignore_errors = false;
  bool no_commit = false;
  bool no_run_cache = false;
};

// What one executed stage consumed and produced: the edge "data -> stage run -> data" of the lineage. The same id is
// handed to the stage's command, so that experiment runs that it starts can be joined to it.
struct StageReport {
  struct File {
    std::string path;  // relative to the repository
    std::string md5;   // with `.dir` for a directory
    int64_t size_bytes = 0;
  };
  std::string id;     // time-ordered, 26 characters
  std::string stage;  // `train`, `sub/dvc.yaml:train`; from the root
  std::string command;
  std::vector<File> deps;
  std::vector<File> outs;
  Params params;  // `params.yaml:lr` -> value
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  int exit_code = 0;
  std::string git_commit;  // empty without one
};

// The ways in which a reproduction reaches the world.
struct ReproEdge {
  std::function<void(std::string_view)> say;  // a line for people
  std::function<void(std::string_view)> warn;
  // Environment for a stage's commands, on top of the process's own; `id` is that of the report to come.
  std::function<std::map<std::string, std::string>(const Stage& stage, const std::string& id)> environment = {};
  std::function<void(const StageReport&)> report = {};  // after each executed stage, failed ones too
  data::RepositoryLock* lock = nullptr;                 // let go while commands run
  const Clock* clock = nullptr;
};

struct ReproResult {
  size_t executed = 0;                               // stages that ran, were restored, or were recorded anew
  std::vector<std::filesystem::path> changed_files;  // for git
  std::vector<std::string> failures;                 // messages, with keep_going or ignore_errors
};

// Throws the first stage's failure (`failed to reproduce 'a': …`), unless told to go on.
ReproResult reproduce(Project& project, const std::vector<std::string>& targets, const ReproOptions& options,
                      const ReproEdge& edge);

// Runs one stage as `stage add --run` does, whatever its state.
ReproResult run_stage(Project& project, size_t stage, const ReproEdge& edge);

}  // namespace fettle::pipelines
