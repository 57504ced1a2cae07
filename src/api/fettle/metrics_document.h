// The three-part document of system, model and data metrics (docs/rest.md 4).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/router.h"
#include "metrics/registry.h"
#include "monitoring/monitoring.h"

namespace fettle::api {

struct LiveLatency {
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;  // NaN: nothing answered yet
};

// What an endpoint's stable arm and its candidate together did since their revision.
struct LiveEndpoint {
  std::string endpoint, model, version;
  int64_t requests = 0, rows = 0, errors = 0;
  LiveLatency latency;
  double fallback_rate = 0, low_confidence_rate = 0, ood_rate = 0;
  double confidence_mean = 0, score_mean = 0;  // NaN: none
};

struct MetricsSources {
  monitoring::Monitoring& monitoring;
  metrics::Registry& registry;
  const Clock& clock;
  std::filesystem::path data_directory;
  std::function<std::vector<LiveEndpoint>()> endpoints;  // connected to the gateway in app/
};

std::vector<http::Route> metrics_document_routes(MetricsSources sources);

}  // namespace fettle::api
