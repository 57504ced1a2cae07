// The JSON that DVC's verbs print.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelines/status.h"

namespace fettle::cli {

std::string status_json(const std::vector<std::pair<std::string, pipelines::StageStatus>>& dirty);

}  // namespace fettle::cli
