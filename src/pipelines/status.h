// What differs between the workspace, the cache and what the files of a project recorded.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

enum class ParamChange { modified, added, deleted };
std::string_view word_of(ParamChange change);

struct DepChange {
  std::string path;  // as shown from the current directory
  std::string word;  // "modified", "deleted", "new"; empty where single parameters changed
  std::vector<std::pair<std::string, ParamChange>> params = {};
};

struct OutChange {
  std::string path;
  data::OutputState state;
};

struct StageStatus {
  std::vector<DepChange> deps;
  std::vector<OutChange> outs;
  bool command_changed = false;
  bool always_changed = false;

  bool clean() const { return deps.empty() && outs.empty() && !command_changed && !always_changed; }
};

// `only` (absolute): restricts outputs to this path; empty for all.
StageStatus status_of(Project& project, const Stage& stage, const std::filesystem::path& only = {});
// The part of it that concerns dependencies and parameters.
std::vector<DepChange> changed_deps(Project& project, const Stage& stage);

}  // namespace fettle::pipelines
