// monitors and their windows (docs/rest.md 9).
#pragma once

#include <vector>

#include "http/router.h"
#include "monitoring/monitoring.h"

namespace fettle::api {

std::vector<http::Route> monitor_routes(monitoring::Monitoring& monitoring);

}  // namespace fettle::api
