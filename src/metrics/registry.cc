#include "metrics/registry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "metrics/exposition.h"

namespace fettle::metrics {
namespace {

constexpr std::array<double, 14> kLatencyBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

bool is_name(std::string_view name, bool colon_allowed) {
  auto is_start = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon_allowed && c == ':');
  };
  if (name.empty() || !is_start(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return is_start(c) || (c >= '0' && c <= '9'); });
}

bool same_label_names(const Labels& a, const Labels& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

}  // namespace

std::span<const double> latency_bounds() { return kLatencyBounds; }

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  FETTLE_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()), "the bounds of a histogram ascend");
}

void Histogram::observe(double value) {
  // NaN is in no finite bucket: it counts in +Inf and makes the sum NaN, as the client library guidelines ask.
  size_t bucket = std::isnan(value)
                      ? bounds_.size()
                      : static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot;
  snapshot.bounds = bounds_;
  for (const auto& count : counts_) {
    snapshot.counts.push_back(count.load(std::memory_order_relaxed));
    snapshot.count += snapshot.counts.back();
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

double Histogram::quantile(const Snapshot& snapshot, double q) {
  if (snapshot.count == 0 || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -std::numeric_limits<double>::infinity();
  if (q > 1) return std::numeric_limits<double>::infinity();
  double rank = q * static_cast<double>(snapshot.count);
  uint64_t below = 0;
  size_t bucket = 0;
  while (bucket < snapshot.bounds.size() && static_cast<double>(below + snapshot.counts[bucket]) < rank) {
    below += snapshot.counts[bucket++];
  }
  if (bucket == snapshot.bounds.size()) {
    return snapshot.bounds.empty() ? std::numeric_limits<double>::quiet_NaN() : snapshot.bounds.back();
  }
  double upper = snapshot.bounds[bucket];
  if (bucket == 0 && upper <= 0) return upper;
  double lower = bucket == 0 ? 0 : snapshot.bounds[bucket - 1];
  if (snapshot.counts[bucket] == 0) return upper;
  return lower + (upper - lower) * (rank - static_cast<double>(below)) / static_cast<double>(snapshot.counts[bucket]);
}

struct Registry::Family {
  std::string help;
  Type type = Type::counter;
  Labels label_names;  // values empty
  struct Series {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  std::vector<std::unique_ptr<Series>> series;  // in order of first use
  std::map<Labels, Series*> by_labels;
  uint64_t dropped = 0;

  // The series of these labels, a new one, or beyond `limit` the shared one.
  Series& at(const Labels& labels, size_t limit) {
    if (auto found = by_labels.find(labels); found != by_labels.end()) return *found->second;
    Labels key = labels;
    if (by_labels.size() >= limit && !labels.empty()) {
      ++dropped;
      for (auto& [name, value] : key) value = "other";
      if (auto found = by_labels.find(key); found != by_labels.end()) return *found->second;
    }
    series.push_back(std::make_unique<Series>());
    series.back()->labels = key;
    by_labels.emplace(std::move(key), series.back().get());
    return *series.back();
  }
};

Registry::Registry(size_t series_limit) : series_limit_(series_limit) {}
Registry::~Registry() = default;

Registry::Family& Registry::family(std::string_view name, std::string_view help, Type type, const Labels& labels) {
  auto found = families_.find(name);
  if (found != families_.end()) {
    FETTLE_CHECK(found->second->type == type, std::string(name));
    FETTLE_CHECK(same_label_names(found->second->label_names, labels), std::string(name));
    return *found->second;
  }
  FETTLE_CHECK(is_name(name, true), std::string(name));
  FETTLE_CHECK((type == Type::counter) == name.ends_with("_total"), std::string(name));
  auto made = std::make_unique<Family>();
  made->help = help;
  made->type = type;
  for (const auto& [label, value] : labels) {
    FETTLE_CHECK(is_name(label, false) && !label.starts_with("__") && label != "le", label);
    made->label_names.emplace_back(label, "");
  }
  return *families_.emplace(name, std::move(made)).first->second;
}

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series = family(name, help, Type::counter, labels).at(labels, series_limit_);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series = family(name, help, Type::gauge, labels).at(labels, series_limit_);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Gauge& Registry::observed_counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series = family(name, help, Type::counter, labels).at(labels, series_limit_);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                               const Labels& labels) {
  std::lock_guard lock(mutex_);
  auto& series = family(name, help, Type::histogram, labels).at(labels, series_limit_);
  if (!series.histogram)
    series.histogram = std::make_unique<Histogram>(std::vector<double>(bounds.begin(), bounds.end()));
  return *series.histogram;
}

Histogram::Snapshot Registry::merged(std::string_view name) {
  std::lock_guard lock(mutex_);
  Histogram::Snapshot sum;
  auto found = families_.find(name);
  if (found == families_.end()) return sum;
  for (const auto& series : found->second->series) {
    if (!series->histogram) continue;
    Histogram::Snapshot part = series->histogram->snapshot();
    if (sum.bounds.empty()) sum = {.bounds = part.bounds, .counts = std::vector<uint64_t>(part.counts.size())};
    if (part.bounds != sum.bounds) continue;
    for (size_t i = 0; i < part.counts.size(); ++i) sum.counts[i] += part.counts[i];
    sum.count += part.count;
    sum.sum += part.sum;
  }
  return sum;
}

void Registry::on_collect(std::function<void()> collect) {
  std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collect));
}

// Collectors ask for series themselves, so they run outside the lock.
void Registry::collect() {
  std::vector<std::function<void()>> collectors;
  {
    std::lock_guard lock(mutex_);
    collectors = collectors_;
  }
  for (auto& collector : collectors) collector();
}

std::string Registry::expose(Format format) {
  collect();
  std::string out;
  uint64_t dropped = 0;
  std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    dropped += family->dropped;
    static constexpr std::array<std::string_view, 3> kTypes = {"counter", "gauge", "histogram"};
    append_family_head(out, name, family->help, kTypes[static_cast<size_t>(family->type)], format);
    for (const auto& series : family->series) {
      if (series->counter)
        append_sample(out, name, series->labels, static_cast<double>(series->counter->value()), format);
      if (series->gauge) append_sample(out, name, series->labels, series->gauge->value(), format);
      if (series->histogram) append_histogram(out, name, series->labels, series->histogram->snapshot(), format);
    }
  }
  static constexpr std::string_view kDropped = "fettle_metrics_series_dropped_total";
  append_family_head(out, kDropped, "Label sets folded into a shared series because their family was full.", "counter",
                     format);
  append_sample(out, kDropped, {}, static_cast<double>(dropped), format);
  if (format == Format::openmetrics) out += "# EOF\n";
  return out;
}

std::vector<Registry::Sample> Registry::samples(std::string_view prefix) {
  collect();
  std::vector<Sample> samples;
  std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    if (!name.starts_with(prefix)) continue;
    for (const auto& series : family->series) {
      if (series->counter) samples.push_back({name, series->labels, static_cast<double>(series->counter->value())});
      if (series->gauge) samples.push_back({name, series->labels, series->gauge->value()});
      if (!series->histogram) continue;
      auto snapshot = series->histogram->snapshot();
      samples.push_back({name + "_count", series->labels, static_cast<double>(snapshot.count)});
      samples.push_back({name + "_sum", series->labels, snapshot.sum});
    }
  }
  return samples;
}

}  // namespace fettle::metrics
