// Making stages: `stage add`, and DVC 2's `run`.
#pragma once

#include <string>
#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

struct OutputRequest {
  std::string path;
  data::OutputKind kind = data::OutputKind::plain;
  bool cached = true;
  bool persist = false;
};

struct StageRequest {
  std::string name;
  std::string command;
  std::string directory;  // working directory, relative to the project's cwd
  std::vector<std::string> deps;
  std::vector<std::string> params;  // `key,key` of params.yaml, `file:key,key`, or `file:` for a whole file
  std::vector<OutputRequest> outs;
  bool always_changed = false;
  bool replace = false;
  std::string description;
};

struct AddedStage {
  std::filesystem::path file;
  bool replaced = false;
  std::vector<std::filesystem::path> changed_files;
};

// Checks the request against the whole graph, then writes dvc.yaml (of the project's cwd) and .gitignore. Failures
// carry DVC's texts; nothing was written then.
AddedStage add_stage(Project& project, const StageRequest& request);

// What a command line on its own tells about dependencies: each existing file or directory that it names, apart from
// outputs. Redirection targets are no dependencies.
std::vector<std::string> files_named_in(const std::filesystem::path& directory, const std::vector<std::string>& command,
                                        const std::vector<OutputRequest>& outs);

// One command line of several arguments, as DVC quotes them: an argument with a blank and no double quote gets double
// quotes.
std::string command_line_of(const std::vector<std::string>& arguments);

}  // namespace fettle::pipelines
