#include "metrics/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "metrics/exposition.h"
#include "metrics/process.h"

namespace fettle::metrics {
namespace {

constexpr std::string_view kNoneDropped =
    "# HELP fettle_metrics_series_dropped_total Label sets folded into a shared series because their family was full.\n"
    "# TYPE fettle_metrics_series_dropped_total counter\n"
    "fettle_metrics_series_dropped_total 0\n";

void fill(Registry& registry) {
  registry.counter("b_requests_total", "Requests\nby \\ \"path\".", {{"path", "a\"b\\c\nd"}}).add(3);
  registry.gauge("a_temperature", "Now.").set(-0.5);
  const std::array<double, 2> bounds = {0.1, 1};
  auto& histogram = registry.histogram("c_seconds", "Time.", bounds, {{"route", "/x"}});
  histogram.observe(0.05);
  histogram.observe(0.1);
  histogram.observe(7);
}

TEST(Exposition, PrometheusText) {
  Registry registry;
  fill(registry);
  EXPECT_EQ(registry.expose(Format::prometheus), std::string(R"(# HELP a_temperature Now.
# TYPE a_temperature gauge
a_temperature -0.5
# HELP b_requests_total Requests\nby \\ "path".
# TYPE b_requests_total counter
b_requests_total{path="a\"b\\c\nd"} 3
# HELP c_seconds Time.
# TYPE c_seconds histogram
c_seconds_bucket{route="/x",le="0.1"} 2
c_seconds_bucket{route="/x",le="1"} 2
c_seconds_bucket{route="/x",le="+Inf"} 3
c_seconds_sum{route="/x"} 7.15
c_seconds_count{route="/x"} 3
)") + std::string(kNoneDropped));
}

TEST(Exposition, OpenMetricsNamesFamiliesWithoutTotalAndEnds) {
  Registry registry;
  fill(registry);
  std::string text = registry.expose(Format::openmetrics);
  EXPECT_NE(
      text.find("# HELP b_requests Requests\\nby \\\\ \\\"path\\\".\n# TYPE b_requests counter\nb_requests_total{"),
      std::string::npos);
  EXPECT_NE(text.find("c_seconds_bucket{route=\"/x\",le=\"1.0\"} 2\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("fettle_metrics_series_dropped_total 0\n# EOF\n"));
}

TEST(Exposition, NonFiniteAndLargeNumbers) {
  Registry registry;
  registry.gauge("g", "h", {{"k", "nan"}}).set(std::nan(""));
  registry.gauge("g", "h", {{"k", "inf"}}).set(std::numeric_limits<double>::infinity());
  registry.gauge("g", "h", {{"k", "-inf"}}).set(-std::numeric_limits<double>::infinity());
  registry.gauge("g", "h", {{"k", "big"}}).set(1e21);
  registry.gauge("g", "h", {{"k", "whole"}}).set(1700000000000);
  std::string text = registry.expose(Format::prometheus);
  for (const char* line : {"g{k=\"nan\"} NaN\n", "g{k=\"inf\"} +Inf\n", "g{k=\"-inf\"} -Inf\n", "g{k=\"big\"} 1e+21\n",
                           "g{k=\"whole\"} 1700000000000\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Exposition, NegotiatesAsPrometheusAsks) {
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,application/"
                      "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::openmetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text; version=0.0.1"), Format::prometheus);
  EXPECT_EQ(negotiate("application/openmetrics-text;q=0, text/plain"), Format::prometheus);
  EXPECT_EQ(negotiate("application/openmetrics-text;q=0.3, text/plain;q=0.9"), Format::prometheus);
  EXPECT_EQ(negotiate(""), Format::prometheus);
  EXPECT_EQ(negotiate("*/*"), Format::prometheus);
}

TEST(Registry, GivesTheSameSeriesForTheSameLabels) {
  Registry registry;
  auto& one = registry.counter("x_total", "h", {{"a", "1"}});
  EXPECT_EQ(&one, &registry.counter("x_total", "h", {{"a", "1"}}));
  EXPECT_NE(&one, &registry.counter("x_total", "h", {{"a", "2"}}));
}

TEST(Registry, FoldsLabelSetsBeyondTheLimit) {
  Registry registry(2);
  for (int i = 0; i < 5; ++i) registry.counter("x_total", "h", {{"a", std::to_string(i)}}).add();
  std::string text = registry.expose(Format::prometheus);
  EXPECT_NE(text.find("x_total{a=\"0\"} 1\nx_total{a=\"1\"} 1\nx_total{a=\"other\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("fettle_metrics_series_dropped_total 3\n"), std::string::npos);
}

TEST(Registry, CollectsBeforeItAnswers) {
  Registry registry;
  registry.on_collect([&] { registry.gauge("late", "h").add(1); });
  EXPECT_NE(registry.expose(Format::prometheus).find("late 1\n"), std::string::npos);
  auto samples = registry.samples("late");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].value, 2);
}

TEST(RegistryDeathTest, MisuseIsAProgrammersError) {
  Registry registry;
  registry.counter("x_total", "h", {{"a", "1"}});
  EXPECT_DEATH(registry.counter("x_total", "h", {{"b", "1"}}), "x_total");
  EXPECT_DEATH(registry.counter("no_suffix", "h"), "no_suffix");
  EXPECT_DEATH(registry.gauge("bad-name", "h"), "bad-name");
}

TEST(Histogram, QuantileIsLinearWithinItsBucket) {
  Histogram histogram({1, 2, 4});
  EXPECT_TRUE(std::isnan(Histogram::quantile(histogram.snapshot(), 0.5)));
  for (double value : {0.5, 1.5, 1.5, 3.0}) histogram.observe(value);
  EXPECT_DOUBLE_EQ(Histogram::quantile(histogram.snapshot(), 0.25), 1);
  EXPECT_DOUBLE_EQ(Histogram::quantile(histogram.snapshot(), 0.5), 1.5);
  EXPECT_DOUBLE_EQ(Histogram::quantile(histogram.snapshot(), 1), 4);
  histogram.observe(100);
  EXPECT_DOUBLE_EQ(Histogram::quantile(histogram.snapshot(), 1), 4);
}

TEST(Histogram, LosesNothingBetweenThreads) {
  Histogram histogram({1});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10000; ++i) histogram.observe(i % 2 == 0 ? 0.5 : 2.0);
      });
    }
  }
  auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.counts, (std::vector<uint64_t>{20000, 20000}));
  EXPECT_DOUBLE_EQ(snapshot.sum, 50000);
}

TEST(ProcessMetrics, TellOfThisProcess) {
  ProcessSample sample = read_process();
  EXPECT_GE(sample.cpu_seconds, 0);
  EXPECT_GT(sample.resident_bytes, 1 << 20);
  EXPECT_GE(sample.virtual_bytes, sample.resident_bytes);
  EXPECT_GE(sample.open_fds, 3);
  EXPECT_GE(sample.threads, 1);
  EXPECT_GT(sample.start_time_s, 1.6e9);
  Registry registry;
  add_process_metrics(registry);
  std::string text = registry.expose(Format::openmetrics);
  EXPECT_NE(text.find("# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total "), std::string::npos);
  EXPECT_NE(text.find("\nprocess_max_fds "), std::string::npos);
}

}  // namespace
}  // namespace fettle::metrics
