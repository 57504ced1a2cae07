#include "monitoring/window_result.h"

#include <algorithm>
#include <cmath>

namespace fettle::monitoring {
namespace {

bool is_quality(std::string_view metric) {
  for (std::string_view name :
       {"accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "calibration_error", "label_rate"}) {
    if (metric == name) return true;
  }
  return false;
}

}  // namespace

std::string_view status_name(FeatureStatus status) {
  switch (status) {
    case FeatureStatus::ok: return "ok";
    case FeatureStatus::insufficient_data: return "insufficient_data";
    case FeatureStatus::constant: return "constant";
    case FeatureStatus::all_null: return "all_null";
    case FeatureStatus::no_reference: return "no_reference";
    case FeatureStatus::type_changed: return "type_changed";
  }
  return "";
}

const FeatureResult* WindowResult::feature(std::string_view name) const {
  auto at = std::find_if(features.begin(), features.end(), [&](const FeatureResult& f) { return f.name == name; });
  return at == features.end() ? nullptr : &*at;
}

std::optional<double> WindowResult::value(const AlertSpec& alert, std::string& reason) const {
  if (!alert.feature.empty()) {
    const FeatureResult* found = feature(alert.feature);
    if (found == nullptr) {
      reason = fmt::format("window {} has no feature '{}'", id, alert.feature);
      return std::nullopt;
    }
    double number = alert.metric == "missing_rate" ? found->missing_rate : found->score;
    if (!std::isnan(number)) return number;
    reason =
        fmt::format("feature '{}' is not computable: {} {}", alert.feature, status_name(found->status), found->reason);
    return std::nullopt;
  }
  if (is_quality(alert.metric) && !mature) {
    auto coverage = metrics.find("label_coverage");
    reason = fmt::format("labels of window {} cover {:.1f} %, not mature", id,
                         coverage == metrics.end() ? 0.0 : 100 * coverage->second);
    return std::nullopt;
  }
  auto at = metrics.find(alert.metric);
  if (at != metrics.end() && !std::isnan(at->second)) return at->second;
  reason = fmt::format("{} of window {} is not computable ({})", alert.metric, id, status);
  return std::nullopt;
}

}  // namespace fettle::monitoring
