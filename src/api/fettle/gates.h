// gates and their reports (docs/rest.md 10).
#pragma once

#include <vector>

#include "http/router.h"
#include "validation/validation.h"

namespace fettle::api {

std::vector<http::Route> gate_routes(validation::Validation& validation);

}  // namespace fettle::api
