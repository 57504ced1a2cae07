// Counters, gauges and histograms with labels, and their text: Prometheus 0.0.4 and OpenMetrics 1.0.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order of exposition

// Adding is one relaxed atomic operation. Thread-safe.
class Counter {
 public:
  void add(uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Cumulative buckets with upper bounds in the unit of the name (seconds, bytes).
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);

  struct Snapshot {
    std::vector<double> bounds;
    std::vector<uint64_t> counts;  // per bucket, not cumulative; one more than bounds
    uint64_t count = 0;
    double sum = 0;
  };
  Snapshot snapshot() const;
  // Linear within the bucket, as Prometheus' histogram_quantile. NaN when empty.
  static double quantile(const Snapshot& snapshot, double q);

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

enum class Format { prometheus, openmetrics };

// Owns all series. References stay valid for the registry's life. Thread-safe. A family holds at most `series_limit`
// label sets; further ones share a series whose label values are "other", so that cardinality is bounded.
class Registry {
 public:
  explicit Registry(size_t series_limit = 1000);
  // Names follow Prometheus; a counter's name ends in `_total`. The same name with another type or other label names
  // aborts (programmer's error).
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                       const Labels& labels = {});
  // A counter that is read from elsewhere and may have a fraction (CPU seconds): set to its total, which never falls.
  Gauge& observed_counter(std::string_view name, std::string_view help, const Labels& labels = {});

  // Called before each exposition, to set gauges that are read from elsewhere.
  void on_collect(std::function<void()> collect);
  std::string expose(Format format);

  struct Sample {
    std::string name;
    Labels labels;
    double value = 0;
  };
  // Counters and gauges (and `_count`/`_sum` of histograms) whose name starts with `prefix`.
  std::vector<Sample> samples(std::string_view prefix = "");
  // All series of a histogram family added up (they share their bounds); without a bucket when there is no such family.
  Histogram::Snapshot merged(std::string_view name);

 private:
  enum class Type { counter, gauge, histogram };
  struct Family;
  void collect();
  Family& family(std::string_view name, std::string_view help, Type type, const Labels& labels);
  size_t series_limit_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
  std::vector<std::function<void()>> collectors_;

 public:
  ~Registry();
};

// 0.5 ms … 10 s, for request latencies in seconds.
std::span<const double> latency_bounds();

}  // namespace fettle::metrics
