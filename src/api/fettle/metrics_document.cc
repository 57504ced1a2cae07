#include "api/fettle/metrics_document.h"

#include <sys/statvfs.h>

#include <cmath>
#include <fstream>
#include <mutex>
#include <thread>

#include "api/fettle/route.h"
#include "base/text.h"
#include "metrics/process.h"

namespace fettle::api {
namespace {

using monitoring::WindowResult;

json::Value number_or_null(double value) { return std::isfinite(value) ? json::Value(value) : json::Value(); }

json::Object latency_json(const LiveLatency& latency) {
  return {{"p50", number_or_null(latency.p50_ms)},
          {"p95", number_or_null(latency.p95_ms)},
          {"p99", number_or_null(latency.p99_ms)}};
}

double rate(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Share of the host's CPU that was busy between two looks; the first look covers the time since boot.
class HostCpu {
 public:
  double percent() {
    std::lock_guard lock(mutex_);
    std::ifstream stat("/proc/stat");
    std::string label;
    stat >> label;
    double total = 0, idle = 0, ticks = 0;
    // user nice system idle iowait irq softirq steal; guest is part of user.
    for (int i = 0; i < 8 && stat >> ticks; ++i) {
      total += ticks;
      if (i == 3 || i == 4) idle += ticks;
    }
    if (total <= 0) return std::nan("");
    if (total - total_ < 1) return last_;  // asked again within a tick
    // The kernel may take idle time back: a share stays within 0 and 100.
    last_ = std::clamp(100 * (1 - (idle - idle_) / (total - total_)), 0.0, 100.0);
    total_ = total;
    idle_ = idle;
    return last_;
  }

 private:
  std::mutex mutex_;
  double total_ = 0, idle_ = 0, last_ = 0;
};

// The limit of this process' memory: its control group's, else the host's. Nothing when neither is told.
std::optional<int64_t> memory_limit_bytes() {
  std::string text;
  if (std::ifstream file("/sys/fs/cgroup/memory.max"); file >> text) {
    if (auto limit = parse_int(text)) return limit;
  }
  std::ifstream meminfo("/proc/meminfo");
  int64_t kib = 0;
  if (meminfo >> text >> kib && text == "MemTotal:") return kib * 1024;
  return std::nullopt;
}

struct Disk {
  std::optional<int64_t> free_bytes, total_bytes;
};

Disk disk_of(const std::filesystem::path& directory) {
  struct statvfs found{};
  if (statvfs(directory.c_str(), &found) != 0) return {};
  auto unit = static_cast<int64_t>(found.f_frsize);
  return {static_cast<int64_t>(found.f_bavail) * unit, static_cast<int64_t>(found.f_blocks) * unit};
}

struct HttpTotals {
  int64_t requests = 0, errors = 0;  // errors: answers of 500 and above
  LiveLatency latency;
};

HttpTotals http_totals(metrics::Registry& registry) {
  HttpTotals totals;
  for (const auto& sample : registry.samples("fettle_http_requests_total")) {
    totals.requests += static_cast<int64_t>(sample.value);
    for (const auto& [name, value] : sample.labels) {
      if (name == "status" && value.starts_with('5')) totals.errors += static_cast<int64_t>(sample.value);
    }
  }
  auto merged = registry.merged("fettle_http_request_duration_seconds");
  auto at = [&](double p) { return 1000 * metrics::Histogram::quantile(merged, p); };
  totals.latency = {at(0.5), at(0.95), at(0.99)};
  return totals;
}

json::Object system_json(const MetricsSources& s, HostCpu& cpu) {
  metrics::ProcessSample process = metrics::read_process();
  HttpTotals http = http_totals(s.registry);
  Disk disk = disk_of(s.data_directory);
  int64_t now = s.clock.now_ms();
  return {{"time_ms", now},
          {"uptime_ms", process.start_time_s < 0
                            ? int64_t{0}
                            : std::max<int64_t>(0, now - static_cast<int64_t>(1000 * process.start_time_s))},
          {"cpu_cores", static_cast<int64_t>(std::thread::hardware_concurrency())},
          {"cpu_percent", number_or_null(cpu.percent())},
          {"memory_bytes", static_cast<int64_t>(std::max(0.0, process.resident_bytes))},
          {"memory_limit_bytes", optional_json(memory_limit_bytes())},
          {"disk_free_bytes", disk.free_bytes.value_or(0)},
          {"disk_bytes", optional_json(disk.total_bytes)},
          {"gpus", json::Array()},
          {"requests", http.requests},
          {"errors", http.errors},
          {"error_rate", rate(static_cast<double>(http.errors), static_cast<double>(http.requests))},
          {"latency_ms", latency_json(http.latency)},
          {"log_queue_share", s.monitoring.log().queue_share()},
          {"log_dropped", static_cast<int64_t>(s.monitoring.log().dropped())}};
}

// The newest window with labels among the monitors of an endpoint.
std::optional<WindowResult> quality_of(monitoring::Monitoring& monitoring, const std::string& endpoint) {
  std::optional<WindowResult> newest;
  for (const auto& monitor : monitoring.windows().monitors()) {
    if (monitor->spec.endpoint != endpoint) continue;
    auto window = monitoring.windows().newest_labelled(monitor->name, false);
    if (window && (!newest || window->start_ms > newest->start_ms)) newest = window->result;
  }
  return newest;
}

json::Object endpoint_json(const LiveEndpoint& e, const std::optional<WindowResult>& quality) {
  json::Object answer = {{"endpoint", e.endpoint},
                         {"model", e.model},
                         {"version", e.version},
                         {"requests", e.requests},
                         {"rows", e.rows},
                         {"errors", e.errors},
                         {"error_rate", rate(static_cast<double>(e.errors), static_cast<double>(e.requests))},
                         {"latency_ms", latency_json(e.latency)},
                         {"fallback_rate", number_or_null(e.fallback_rate)},
                         {"low_confidence_rate", number_or_null(e.low_confidence_rate)},
                         {"ood_rate", number_or_null(e.ood_rate)},
                         {"confidence_mean", number_or_null(e.confidence_mean)},
                         {"score_mean", number_or_null(e.score_mean)},
                         {"window", quality ? json::Value(quality->id) : json::Value()}};
  for (const char* name : {"label_coverage", "accuracy", "auc", "log_loss", "brier", "calibration_error"}) {
    bool known = quality && quality->metrics.contains(name);
    answer[name] = known ? number_or_null(quality->metrics.at(name)) : json::Value();
  }
  return answer;
}

json::Object model_json(const MetricsSources& s) {
  json::Array endpoints;
  if (s.endpoints) {
    for (const auto& endpoint : s.endpoints())
      endpoints.push_back(endpoint_json(endpoint, quality_of(s.monitoring, endpoint.endpoint)));
  }
  return {{"endpoints", std::move(endpoints)}};
}

json::Object monitor_json(const monitoring::MonitorEntry& monitor, const WindowResult& w) {
  json::Object missing, drift;
  json::Array drifted;
  for (const auto& f : w.features) {
    if (f.name.starts_with("fettle_")) continue;
    missing[f.name] = number_or_null(f.missing_rate);
    drift[f.name] = number_or_null(f.score);
    if (f.drifted) drifted.emplace_back(f.name);
  }
  json::Object answer = {
      {"monitor", monitor.name}, {"endpoint", monitor.spec.endpoint}, {"window", w.id}, {"rows", w.rows}};
  for (const char* name : {"completeness", "missing_rate", "violation_rate", "data_quality", "drift_share"}) {
    answer[name] = number_or_null(w.metrics.at(name));
  }
  answer["missing_rates"] = std::move(missing);
  answer["drifted_features"] = std::move(drifted);
  answer["drift"] = std::move(drift);
  return answer;
}

json::Object data_json(const MetricsSources& s) {
  json::Array monitors;
  for (const auto& monitor : s.monitoring.windows().monitors()) {
    auto window = s.monitoring.windows().newest_computed(monitor->name);
    if (window && window->result) monitors.push_back(monitor_json(*monitor, *window->result));
  }
  return {{"monitors", std::move(monitors)}};
}

}  // namespace

std::vector<http::Route> metrics_document_routes(MetricsSources sources) {
  auto cpu = std::make_shared<HostCpu>();
  return {rest_route("GET", "/metrics", [sources, cpu](http::Request&) {
    return json_response(json::Object{
        {"system", system_json(sources, *cpu)}, {"model", model_json(sources)}, {"data", data_json(sources)}});
  })};
}

}  // namespace fettle::api
