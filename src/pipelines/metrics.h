// The metrics files of a project as they lie in the workspace.
#pragma once

#include <string>
#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

struct MetricsOfFile {
  std::string path;  // as shown from the project's cwd
  Value root;        // what the file holds
  Params flat;       // numbers and texts by dotted key; lists are left out
};

// Of every metrics output (and the top-level `metrics:`), or of the targets. Files that are not there are left out.
std::vector<MetricsOfFile> read_metrics(const Project& project, const std::vector<std::string>& targets);

// A JSON, YAML or plain number file. invalid_argument when it cannot be read.
Value read_value_file(const std::filesystem::path& path);

}  // namespace fettle::pipelines
