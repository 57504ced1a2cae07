// The resources Monitor and Alert as plain values (docs/rest.md 7.1). Their JSON is read by spec_file.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "monitoring/calendar.h"

namespace fettle::monitoring {

enum class DriftTest { psi, wasserstein, jensen_shannon, ks };
std::string_view test_name(DriftTest test);

struct FeatureRule {
  std::string name;
  std::optional<DriftTest> test;
  std::optional<double> threshold;
  double importance = 1;
  bool skip = false;
};

struct MonitorSpec {
  std::string endpoint;
  WindowRule window;
  int64_t grace_ms = 0;
  std::string reference;  // "NAME/VERSION" or "NAME@ALIAS"; empty: of the version that answered most rows of the window
  std::string reference_artifact;  // empty: as the endpoint's contract
  std::vector<std::string> ignore;
  int64_t min_rows = 500;
  DriftTest numeric_test = DriftTest::psi;
  DriftTest categorical_test = DriftTest::jensen_shannon;
  std::map<DriftTest, double> thresholds = {
      {DriftTest::psi, 0.2}, {DriftTest::wasserstein, 0.2}, {DriftTest::jensen_shannon, 0.1}, {DriftTest::ks, 0.1}};
  double alpha = 0.01;
  std::vector<FeatureRule> features;
  double drift_share = 0.3;
  int64_t label_delay_ms = 0;
  double mature_coverage = 0.8;
  std::string positive_class = "1";
  int64_t bins = 10;

  const FeatureRule* rule(std::string_view feature) const;
  bool ignores(std::string_view feature) const;
};

enum class Comparison { gt, ge, lt, le };
enum class NoData { keep, ok, alert };

struct AlertSpec {
  std::string monitor;
  std::string expr;     // as written
  std::string metric;   // parsed from expr
  std::string feature;  // of `METRIC{feature="…"}`; empty otherwise
  Comparison comparison = Comparison::gt;
  double threshold = 0;
  int64_t for_windows = 1;
  int64_t resolve_windows = 1;
  NoData no_data = NoData::keep;
  std::string severity = "warning";
  std::map<std::string, std::string> labels;
  std::string webhook_url;
  int64_t webhook_timeout_ms = 10'000;

  bool holds(double value) const;
};

// JSON of the spec -> value. invalid_argument with every problem at its path (`min_rows: 50 is below 200`); unknown
// members are problems.
MonitorSpec parse_monitor_spec(std::string_view json);
AlertSpec parse_alert_spec(std::string_view json);

// The names that an alert's METRIC may have.
const std::vector<std::string>& metric_names();

}  // namespace fettle::monitoring
