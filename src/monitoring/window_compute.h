// Computes one window of a monitor from the prediction log, the labels and the training reference. Nothing of it comes
// from anywhere else, so that computing it again gives the same.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/feature_window.h"
#include "monitoring/label_store.h"
#include "monitoring/prediction_log.h"
#include "monitoring/reference.h"
#include "monitoring/window_result.h"

namespace fettle::monitoring {

// Score and confidence counts of an earlier window of the same version, for versions whose reference has no scores.
struct PredictionBaseline {
  std::vector<double> score;
  std::vector<double> confidence;
};
using FindBaseline = std::function<PredictionBaseline(const std::string& model, const std::string& version)>;

struct WindowQuestion {
  const MonitorSpec& spec;
  WindowBounds bounds;
  FindBaseline baseline;
};

class WindowComputer {
 public:
  WindowComputer(sql::Database& database, PredictionLog& log, LabelStore& labels, ReferenceCache& references)
      : database_(database), log_(log), labels_(labels), references_(references) {}

  // Reads the log twice: the heads to learn rows and versions, then the bodies one segment at a time.
  WindowResult compute(const WindowQuestion& question);

 private:
  sql::Database& database_;
  PredictionLog& log_;
  LabelStore& labels_;
  ReferenceCache& references_;
};

// Accuracy, AUC and so on of labelled rows: fills metrics, intervals, calibration and mature. Pure.
struct LabelledScores {
  std::vector<double> scores;          // NaN: none
  std::vector<uint8_t> positive;       // the label is the positive class
  std::vector<uint8_t> said_positive;  // the prediction is
  std::vector<uint8_t> right;          // prediction and label are one class
};
void fill_quality(const LabelledScores& labelled, const MonitorSpec& spec, WindowResult& result);

}  // namespace fettle::monitoring
