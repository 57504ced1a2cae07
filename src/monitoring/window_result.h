// What is known about one window of a monitor once it was computed: the document that REST answers, alerts judge and
// the heat map shows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitoring/spec.h"
#include "stats/binary_scores.h"

namespace fettle::monitoring {

// Why a feature has no score. Anything but ok: never a number, never "ok", never stops other features.
enum class FeatureStatus { ok, insufficient_data, constant, all_null, no_reference, type_changed };
std::string_view status_name(FeatureStatus status);

// Shares of all rows of a side.
struct FeatureBin {
  std::string label;
  std::optional<double> low, high;  // numeric cells
  double reference = 0;
  double current = 0;
  double contribution = 0;  // to the score, where the test has such parts
};

// NaN: not known.
struct SideStatistics {
  double min = 0, p5 = 0, p50 = 0, p95 = 0, max = 0, mean = 0, sd = 0;
  double missing_rate = 0;
  std::optional<int64_t> distinct;  // nothing beyond the cap of counting
};

struct FeatureResult {
  std::string name;
  bool numeric = true;
  DriftTest test = DriftTest::psi;
  FeatureStatus status = FeatureStatus::ok;
  std::string reason;        // of a status other than ok
  double score = 0;          // these are NaN unless status is ok
  double threshold = 0;      // max(configured, 99.9 % null quantile for these sizes)
  double expected_null = 0;  // what the score is without a change
  double p_value = 0;
  double q_value = 0;  // after Benjamini-Hochberg over the features of the window
  bool drifted = false;
  double importance = 1;
  int64_t rows = 0;
  int64_t reference_rows = 0;
  double missing_rate = 0;
  double reference_missing_rate = 0;
  double unseen_rate = 0;               // categories not in the reference, of all rows
  double out_of_range_rate = 0;         // numbers outside the reference's min..max, of all rows
  double mean = 0, reference_mean = 0;  // numeric
  std::vector<FeatureBin> bins;
  SideStatistics current, reference;
};

struct WindowResult {
  std::string id;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  std::string status;       // "ok", "drifted", "insufficient_data", "no_reference"
  bool incomplete = false;  // a log segment was damaged
  int64_t rows = 0;
  struct Version {
    std::string version;
    int64_t rows = 0;
  };
  std::vector<Version> versions;  // by falling rows
  std::string model;
  std::vector<std::string> revisions;  // endpoint revisions that answered
  std::string reference_version;
  std::string reference_run;
  int64_t reference_rows = 0;
  bool mature = false;                    // enough labels for quality to count
  std::map<std::string, double> metrics;  // NaN: not computable
  std::map<std::string, stats::Interval> intervals;
  std::vector<stats::CalibrationBin> calibration;
  double calibration_noise = 0;         // what calibration_error shows for perfect scores; NaN without labels
  std::vector<FeatureResult> features;  // fettle_score and fettle_confidence last
  std::vector<double> score_counts;     // 20 equal cells of [0, 1] and missing: baseline for later windows
  std::vector<double> confidence_counts;

  const FeatureResult* feature(std::string_view name) const;
  // The value that an alert's METRIC names; nothing: not computable, with the reason.
  std::optional<double> value(const AlertSpec& alert, std::string& reason) const;
};

// JSON text, as it is stored (window_file.cc).
std::string format_window(const WindowResult& window);
WindowResult parse_window(std::string_view json);

}  // namespace fettle::monitoring
