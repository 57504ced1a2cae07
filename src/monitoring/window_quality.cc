#include <cmath>
#include <limits>
#include <numeric>

#include "monitoring/window_compute.h"

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double count(const std::vector<uint8_t>& flags) { return std::accumulate(flags.begin(), flags.end(), 0.0); }

stats::Confusion confusion_of(const LabelledScores& labelled) {
  stats::Confusion c;
  for (size_t i = 0; i < labelled.positive.size(); ++i) {
    bool said = labelled.said_positive[i] != 0;
    bool is = labelled.positive[i] != 0;
    ++(said ? (is ? c.true_positive : c.false_positive) : (is ? c.false_negative : c.true_negative));
  }
  return c;
}

void put(WindowResult& result, const std::string& name, const stats::Estimate& estimate) {
  result.metrics[name] = estimate.value;
  if (!std::isnan(estimate.standard_error)) result.intervals[name] = estimate.interval();
}

void fill_from_scores(const LabelledScores& labelled, const MonitorSpec& spec, WindowResult& result) {
  std::vector<double> scores;
  std::vector<uint8_t> outcomes;
  for (size_t i = 0; i < labelled.scores.size(); ++i) {
    if (std::isnan(labelled.scores[i])) continue;
    scores.push_back(labelled.scores[i]);
    outcomes.push_back(labelled.positive[i]);
  }
  stats::ScoredOutcomes data{scores, outcomes};
  for (const char* name : {"auc", "log_loss", "brier", "calibration_error"}) result.metrics[name] = kNan;
  result.calibration_noise = kNan;
  if (scores.empty()) return;
  put(result, "auc", stats::auc(data));
  put(result, "log_loss", stats::log_loss(data));
  put(result, "brier", stats::brier(data));
  result.calibration = stats::calibration_equal_mass(data, static_cast<size_t>(spec.bins));
  result.metrics["calibration_error"] = stats::expected_calibration_error(result.calibration);
  result.calibration_noise = stats::calibration_error_noise(result.calibration);
}

}  // namespace

void fill_quality(const LabelledScores& labelled, const MonitorSpec& spec, WindowResult& result) {
  auto n = static_cast<double>(labelled.positive.size());
  double coverage = result.rows > 0 ? n / static_cast<double>(result.rows) : 0;
  result.metrics["labelled"] = n;
  result.metrics["label_coverage"] = coverage;
  result.mature = n > 0 && coverage >= spec.mature_coverage;
  for (const char* name : {"label_rate", "accuracy", "precision", "recall", "f1"}) result.metrics[name] = kNan;
  fill_from_scores(labelled, spec, result);
  if (n == 0) return;
  result.metrics["label_rate"] = count(labelled.positive) / n;
  result.intervals["label_rate"] = stats::wilson(count(labelled.positive), n);
  result.metrics["accuracy"] = count(labelled.right) / n;
  result.intervals["accuracy"] = stats::wilson(count(labelled.right), n);
  stats::Confusion c = confusion_of(labelled);
  result.metrics["precision"] = c.precision();
  result.metrics["recall"] = c.recall();
  result.metrics["f1"] = c.f1();
}

}  // namespace fettle::monitoring
