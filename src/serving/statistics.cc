#include "serving/statistics.h"

#include <array>
#include <bit>

namespace fettle::serving {

namespace {

constexpr size_t kBatchSizes = 256;  // kept apart in the statistics; further ones share their next power of two
constexpr std::array<double, 12> kRowBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 16384};
constexpr std::array<double, 14> kRunBounds = {10e-6,  25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3,
                                               2.5e-3, 5e-3,  10e-3, 50e-3,  0.1,    0.5,    2.5};

void add(DurationStatistics& to, uint64_t count, int64_t ns) {
  to.count += count;
  to.ns += count * static_cast<uint64_t>(ns < 0 ? 0 : ns);
}

double seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }
double micros(int64_t ns) { return static_cast<double>(ns) * 1e-3; }

}  // namespace

VersionStatistics::TritonSeries::TritonSeries(metrics::Registry& registry, const metrics::Labels& labels)
    : success(registry.gauge("nv_inference_request_success", "Requests answered.", labels)),
      failure(registry.gauge("nv_inference_request_failure", "Requests refused or failed.", labels)),
      count(registry.gauge("nv_inference_count", "Rows computed.", labels)),
      exec_count(registry.gauge("nv_inference_exec_count", "Runs of the model.", labels)),
      request_us(
          registry.gauge("nv_inference_request_duration_us", "Sum of the time of requests, in microseconds.", labels)),
      queue_us(
          registry.gauge("nv_inference_queue_duration_us", "Sum of the time in the queue, in microseconds.", labels)),
      compute_input_us(registry.gauge("nv_inference_compute_input_duration_us",
                                      "Sum of the time to gather inputs, in microseconds.", labels)),
      compute_infer_us(registry.gauge("nv_inference_compute_infer_duration_us",
                                      "Sum of the time inside the model, in microseconds.", labels)),
      compute_output_us(registry.gauge("nv_inference_compute_output_duration_us",
                                       "Sum of the time to part outputs, in microseconds.", labels)) {}

VersionStatistics::VersionStatistics(std::string name, std::string version, const Clock& clock,
                                     metrics::Registry& registry)
    : clock_(clock),
      registry_(registry),
      labels_{{"model", name}, {"version", version}},
      requests_(registry.counter("fettle_model_requests_total", "Requests that a model version answered.", labels_)),
      rows_(registry.counter("fettle_model_rows_total", "Rows that a model version computed.", labels_)),
      runs_(registry.counter("fettle_model_runs_total", "Runs of a model version; a run may serve several requests.",
                             labels_)),
      queue_seconds_(registry.histogram("fettle_model_queue_seconds", "Time from submission to the start of the run.",
                                        kRunBounds, labels_)),
      infer_seconds_(
          registry.histogram("fettle_model_infer_seconds", "Time of a run inside the model.", kRunBounds, labels_)),
      batch_rows_(registry.histogram("fettle_model_batch_rows", "Rows of a run.", kRowBounds, labels_)),
      triton_(registry, labels_) {
  total_.name = std::move(name);
  total_.version = std::move(version);
}

int64_t VersionStatistics::batch_key(int64_t rows) const {
  if (batches_.size() < kBatchSizes || batches_.contains(rows)) return rows;
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(rows)));
}

void VersionStatistics::ran(int64_t rows, size_t requests, const RunTimes& times) {
  rows_.add(static_cast<uint64_t>(rows));
  runs_.add();
  infer_seconds_.observe(seconds(times.infer_ns));
  batch_rows_.observe(static_cast<double>(rows));
  triton_.count.add(static_cast<double>(rows));
  triton_.exec_count.add(1);
  triton_.compute_input_us.add(micros(times.input_ns) * static_cast<double>(requests));
  triton_.compute_infer_us.add(micros(times.infer_ns) * static_cast<double>(requests));
  triton_.compute_output_us.add(micros(times.output_ns) * static_cast<double>(requests));
  const int64_t now_ms = clock_.now_ms();
  std::lock_guard lock(mutex_);
  total_.last_inference_ms = now_ms;
  total_.inference_count += static_cast<uint64_t>(rows);
  total_.execution_count += 1;
  add(total_.compute_input, requests, times.input_ns);
  add(total_.compute_infer, requests, times.infer_ns);
  add(total_.compute_output, requests, times.output_ns);
  ModelStatistics::Batch& batch = batches_[batch_key(rows)];
  add(batch.compute_input, 1, times.input_ns);
  add(batch.compute_infer, 1, times.infer_ns);
  add(batch.compute_output, 1, times.output_ns);
}

void VersionStatistics::succeeded(int64_t queue_ns, int64_t total_ns) {
  requests_.add();
  queue_seconds_.observe(seconds(queue_ns));
  triton_.success.add(1);
  triton_.request_us.add(micros(total_ns));
  triton_.queue_us.add(micros(queue_ns));
  std::lock_guard lock(mutex_);
  add(total_.success, 1, total_ns);
  add(total_.queue, 1, queue_ns);
}

void VersionStatistics::failed(int64_t total_ns, Code code) {
  metrics::Labels labels = labels_;
  labels.emplace_back("code", code_name(code));
  registry_
      .counter("fettle_model_failures_total", "Requests that a model version refused or failed, by error code.", labels)
      .add();
  triton_.failure.add(1);
  std::lock_guard lock(mutex_);
  add(total_.fail, 1, total_ns);
}

ModelStatistics VersionStatistics::snapshot() const {
  std::lock_guard lock(mutex_);
  ModelStatistics copy = total_;
  for (const auto& [rows, batch] : batches_) {
    copy.batches.push_back(batch);
    copy.batches.back().rows = rows;
  }
  return copy;
}

}  // namespace fettle::serving
