// plan, apply, resources (docs/rest.md 7).
#pragma once

#include <vector>

#include "http/router.h"
#include "platform/platform.h"

namespace fettle::api {

std::vector<http::Route> resource_routes(platform::Platform& platform);

}  // namespace fettle::api
