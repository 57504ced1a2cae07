// dvc.yaml: the stages of a pipeline (spec data-versioning 1.6).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/repository.h"
#include "pipelines/stage.h"

namespace fettle::pipelines {

struct DvcYaml {
  std::vector<Stage> stages;                   // in the file's order, templates filled, without hashes
  std::vector<std::filesystem::path> metrics;  // of the top level
  std::vector<std::filesystem::path> params;
};

// Throws invalid_argument in DVC's words for what DVC's schema refuses.
DvcYaml load_dvc_yaml(const data::Repository& repository, const std::filesystem::path& file);

// A stage as `stage add` writes it; comments and order of the rest of the file stay. With `replace`, a stage of that
// name is overwritten, otherwise failed_precondition (`Stage 'x' already exists in 'dvc.yaml'. Use '--force' to
// overwrite.`).
void add_to_dvc_yaml(const std::filesystem::path& file, const Stage& stage, bool replace);
// Takes a stage out; the file goes with its last one. Returns false when it is not there.
bool remove_from_dvc_yaml(const std::filesystem::path& file, const std::string& stage);

}  // namespace fettle::pipelines
