// labels (docs/rest.md 3).
#pragma once

#include <vector>

#include "api/fettle/monitoring_facts.h"
#include "base/clock.h"
#include "http/router.h"
#include "monitoring/monitoring.h"

namespace fettle::api {

std::vector<http::Route> label_routes(monitoring::Monitoring& monitoring, const Clock& clock, MonitoringFacts facts);

}  // namespace fettle::api
