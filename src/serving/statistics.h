// What a loaded version did: counted per run of the model, under one short lock, and exported as metrics.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "metrics/registry.h"
#include "serving/runtime.h"

namespace fettle::serving {

struct RunTimes {  // nanoseconds
  int64_t input_ns = 0;
  int64_t infer_ns = 0;
  int64_t output_ns = 0;
};

// Thread-safe.
class VersionStatistics {
 public:
  VersionStatistics(std::string name, std::string version, const Clock& clock, metrics::Registry& registry);

  // One run of `rows` rows for `requests` requests.
  void ran(int64_t rows, size_t requests, const RunTimes& times);
  void succeeded(int64_t queue_ns, int64_t total_ns);
  void failed(int64_t total_ns, Code code);
  ModelStatistics snapshot() const;

 private:
  int64_t batch_key(int64_t rows) const;

  const Clock& clock_;
  metrics::Registry& registry_;
  metrics::Labels labels_;
  metrics::Counter& requests_;
  metrics::Counter& rows_;
  metrics::Counter& runs_;
  metrics::Histogram& queue_seconds_;
  metrics::Histogram& infer_seconds_;
  metrics::Histogram& batch_rows_;
  // Triton's names, which dashboards ask for. They have no `_total`, so they are gauges that only grow.
  struct TritonSeries {
    TritonSeries(metrics::Registry& registry, const metrics::Labels& labels);
    metrics::Gauge& success;
    metrics::Gauge& failure;
    metrics::Gauge& count;
    metrics::Gauge& exec_count;
    metrics::Gauge& request_us;
    metrics::Gauge& queue_us;
    metrics::Gauge& compute_input_us;
    metrics::Gauge& compute_infer_us;
    metrics::Gauge& compute_output_us;
  };
  TritonSeries triton_;
  mutable std::mutex mutex_;
  ModelStatistics total_;
  std::map<int64_t, ModelStatistics::Batch> batches_;
};

}  // namespace fettle::serving
