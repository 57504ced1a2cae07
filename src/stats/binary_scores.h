// How well probabilities foretell outcomes of two kinds: area under the ROC curve, log loss, Brier score, calibration.
// Pure. `scores[i]` in [0, 1] for the outcome 1, `outcomes[i]` is 0 or 1; sizes are equal, no NaN. One kind of outcome
// only, or no rows: NaN where the measure needs both (said at each).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/tests.h"

namespace fettle::stats {

struct ScoredOutcomes {
  std::span<const double> scores;
  std::span<const uint8_t> outcomes;
  size_t size() const { return scores.size(); }
};

// Area under the ROC curve (ties count half) with DeLong's standard error (DeLong 1988, by the midranks of Sun and Xu
// 2014). Needs both kinds.
Estimate auc(ScoredOutcomes data);

// Two scorings of the same rows.
struct PairedEstimate {
  double first = 0;
  double second = 0;
  Estimate difference;  // second - first
};
PairedEstimate paired_auc(std::span<const double> first, std::span<const double> second,
                          std::span<const uint8_t> outcomes);
PairedEstimate paired_log_loss(std::span<const double> first, std::span<const double> second,
                               std::span<const uint8_t> outcomes);

// Per row: -ln of the probability given to what happened, clipped to [1e-15, 1 - 1e-15].
double log_loss_of(double score, uint8_t outcome);
std::vector<double> log_losses(ScoredOutcomes data);
Estimate log_loss(ScoredOutcomes data);
Estimate brier(ScoredOutcomes data);
double average_precision(ScoredOutcomes data);  // needs an outcome 1

struct CalibrationBin {
  double score = 0;  // mean score of the bin
  double outcome_rate = 0;
  uint64_t rows = 0;
};
// Equal-mass bins of ascending score; ties stay in the order given (stable).
std::vector<CalibrationBin> calibration_equal_mass(ScoredOutcomes data, size_t bins = 10);
// Equal-width bins (lo, hi]; 0 belongs to the first.
std::vector<CalibrationBin> calibration_equal_width(ScoredOutcomes data, size_t bins = 10);
// Mean |outcome rate - score| weighted by rows.
double expected_calibration_error(std::span<const CalibrationBin> bins);
// What expected_calibration_error is on average for perfectly calibrated scores of these sizes: E|N(0, s)| = s sqrt(2 /
// pi) per bin.
double calibration_error_noise(std::span<const CalibrationBin> bins);

// Counts at score >= threshold.
struct Confusion {
  double true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;
  double total() const { return true_positive + false_positive + true_negative + false_negative; }
  double accuracy() const;  // NaN where the denominator is 0, as all below
  double precision() const;
  double recall() const;
  double f1() const;
};
Confusion confusion(ScoredOutcomes data, double threshold = 0.5);

}  // namespace fettle::stats
