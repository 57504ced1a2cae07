// logged predictions (docs/rest.md 5).
#pragma once

#include <vector>

#include "api/fettle/monitoring_facts.h"
#include "http/router.h"
#include "monitoring/monitoring.h"

namespace fettle::api {

std::vector<http::Route> prediction_routes(monitoring::Monitoring& monitoring, MonitoringFacts facts);

}  // namespace fettle::api
