// Endpoints and their revisions (docs/rest.md 8). They are made and changed as resources.
#pragma once

#include <vector>

#include "gateway/control.h"
#include "http/router.h"

namespace fettle::api {

std::vector<http::Route> endpoint_routes(gateway::Gateway& gateway, gateway::Control& control);

}  // namespace fettle::api
