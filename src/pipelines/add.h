// Taking paths of the workspace under version control, and renewing or ending that.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

struct AddOptions {
  bool into_cache = true;  // --no-commit clears it: only hashes are recorded
};

// Adds one path (as typed, relative to the project's cwd) and returns its files for git: the `.dvc` file, and
// `.gitignore` if it changed. A path inside a tracked directory renews that directory's entry for this path alone. The
// content is in the cache before the `.dvc` file names it, so that a kill leaves a repository as before. Failures carry
// DVC's texts.
std::vector<std::filesystem::path> add_path(Project& project, const std::string& target, const AddOptions& options);

// Records what the workspace has for the outputs and dependencies of a stage. Returns changed files.
std::vector<std::filesystem::path> commit_stage(Project& project, size_t stage, bool into_cache = true);

// Ends the tracking of a stage or `.dvc` file; with `remove_outputs` the data goes from the workspace too.
void remove_stage(Project& project, size_t stage, bool remove_outputs);

// Puts an output into the `.gitignore` beside it, unless git ignores it anyway; returns that file if it changed. A
// git-tracked output is a failure in DVC's words.
std::vector<std::filesystem::path> ignore_output(data::Repository& repository, const data::Output& output);

}  // namespace fettle::pipelines
