// The run cache: outputs of earlier runs by what went into them (spec data-versioning 1.9).
#pragma once

#include <optional>

#include "pipelines/project.h"

namespace fettle::pipelines {

// Whether runs of this stage may be remembered: it has a command, dependencies and outputs, none of them persistent,
// and does not ask to run always.
bool is_cacheable(const Stage& stage);

// The entry of the newest earlier run with the same inputs whose outputs can all be restored. `stage.deps` must hold
// current hashes.
std::optional<LockEntry> find_cached_run(Project& project, const Stage& stage, const LockEntry& current);

// Remembers a run; outputs that are not cached otherwise (metrics) are stored for it too, so that they can come back.
void save_run(Project& project, const Stage& stage, const LockEntry& entry);

}  // namespace fettle::pipelines
