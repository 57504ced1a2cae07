#include "monitoring/spec.h"

#include <algorithm>

namespace fettle::monitoring {

std::string_view test_name(DriftTest test) {
  switch (test) {
    case DriftTest::psi: return "psi";
    case DriftTest::wasserstein: return "wasserstein";
    case DriftTest::jensen_shannon: return "jensen_shannon";
    case DriftTest::ks: return "ks";
  }
  return "";
}

const FeatureRule* MonitorSpec::rule(std::string_view feature) const {
  auto at = std::find_if(features.begin(), features.end(), [&](const FeatureRule& r) { return r.name == feature; });
  return at == features.end() ? nullptr : &*at;
}

bool MonitorSpec::ignores(std::string_view feature) const {
  const FeatureRule* found = rule(feature);
  return (found != nullptr && found->skip) || std::find(ignore.begin(), ignore.end(), feature) != ignore.end();
}

bool AlertSpec::holds(double value) const {
  switch (comparison) {
    case Comparison::gt: return value > threshold;
    case Comparison::ge: return value >= threshold;
    case Comparison::lt: return value < threshold;
    case Comparison::le: return value <= threshold;
  }
  return false;
}

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = {"rows",
                                                 "labelled",
                                                 "label_coverage",
                                                 "label_rate",
                                                 "score_mean",
                                                 "score_drift",
                                                 "confidence_mean",
                                                 "low_confidence_rate",
                                                 "ood_rate",
                                                 "fallback_rate",
                                                 "missing_rate",
                                                 "completeness",
                                                 "violation_rate",
                                                 "data_quality",
                                                 "drift_share",
                                                 "drifted_features",
                                                 "drift",
                                                 "accuracy",
                                                 "precision",
                                                 "recall",
                                                 "f1",
                                                 "auc",
                                                 "log_loss",
                                                 "brier",
                                                 "calibration_error"};
  return names;
}

}  // namespace fettle::monitoring
