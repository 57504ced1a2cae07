// Rollouts: start, list, look, command (docs/rest.md 8).
#pragma once

#include <vector>

#include "gateway/control.h"
#include "http/router.h"

namespace fettle::api {

std::vector<http::Route> rollout_routes(gateway::Control& control);

}  // namespace fettle::api
