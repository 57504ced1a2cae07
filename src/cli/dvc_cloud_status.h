// `status -c`: the cache against a remote.
#pragma once

#include "cli/dvc_call.h"

namespace fettle::cli {

int cloud_status(DvcCall& call, pipelines::Project& project);

}  // namespace fettle::cli
