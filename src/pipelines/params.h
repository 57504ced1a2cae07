// Parameter files: params.yaml and its like.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/stage.h"
#include "pipelines/value.h"

namespace fettle::pipelines {

// The tracked parameters that the file has now, in the order of the stage's keys (of the file, when it is tracked
// whole). Keys that the file lacks are left out; a missing file has none. YAML and JSON by suffix; unimplemented for
// .toml and .py.
Params read_params(const ParamFile& file);

}  // namespace fettle::pipelines
