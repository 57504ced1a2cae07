// All stages of a repository: every dvc.yaml and `.dvc` file that discovery finds (spec data-versioning 1.12), with
// what dvc.lock recorded of them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/repository.h"
#include "pipelines/stage.h"

namespace fettle::pipelines {

// A target on the command line, found.
struct Target {
  size_t stage = 0;
  std::filesystem::path inside;  // only this path within an output of the stage; empty: all of it
};

class Project {
 public:
  // Reads everything below the repository's root. `cwd` (absolute) is what addresses and targets are relative to.
  Project(data::Repository& repository, std::filesystem::path cwd);

  data::Repository& repository() const { return *repository_; }
  const std::filesystem::path& cwd() const { return cwd_; }
  std::vector<Stage>& stages() { return stages_; }
  const std::vector<Stage>& stages() const { return stages_; }
  // Metrics files named at the top of a dvc.yaml.
  const std::vector<std::filesystem::path>& extra_metrics() const { return extra_metrics_; }
  std::string address(size_t stage) const { return address_of(stages_[stage], cwd_); }

  enum class TargetKind { stages_only, stages_and_outputs };
  // Stage name, `path:name`, `.dvc` file, dvc.yaml, and (if asked) an output or a path inside one. `recursive`: a
  // directory stands for all stages below it. Throws not_found in DVC's words.
  std::vector<Target> find(const std::string& target, TargetKind kind, bool recursive = false) const;
  // Indices of the stages of `targets`; all stages when there are none.
  std::vector<size_t> select(const std::vector<std::string>& targets, TargetKind kind, bool recursive = false) const;

  // The stage that has this path as an output, or inside one; -1 when none does.
  int producer_of(const std::filesystem::path& path) const;

 private:
  void discover(const std::filesystem::path& directory, data::IgnoreRules dvc_rules, data::IgnoreRules git_rules);
  void load_data(const std::filesystem::path& file);
  void load_pipeline(const std::filesystem::path& file);
  void fill_from_lock(Stage& stage, const LockEntry& entry) const;
  std::vector<Target> find_output(const std::string& target) const;

  data::Repository* repository_;
  std::filesystem::path cwd_;
  std::vector<Stage> stages_;
  std::vector<std::filesystem::path> extra_metrics_;
};

// Writes what a stage now says: the hashes of a `.dvc` file, or the stage's entry of dvc.lock (values of parameters as
// read now). Returns the file that changed, or nothing.
std::optional<std::filesystem::path> save_stage(const Stage& stage);
// The entry that dvc.lock gets for a stage.
LockEntry lock_entry_of(const Stage& stage);

}  // namespace fettle::pipelines
