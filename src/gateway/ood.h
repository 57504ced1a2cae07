// Out-of-distribution detection for rows of mixed features (spec gateway.md 5.2), calibrated on held-out training data.
//
// Each number goes through the reference's empirical distribution to a normal score (beyond the reference it grows
// linearly by robust standard deviations); the normal scores' correlation gives a squared Mahalanobis distance;
// categories and missing values add -2 ln(p / p of the most frequent). The sum is the score. Its meaning comes from the
// half of the reference that was not fitted: p = (1 + #{calibration >= score}) / (n + 1) is a conformal p-value, so a
// row like the training data falls below `rate` with probability at most `rate`, whatever the distribution (split
// conformal anomaly detection, Bates et al. 2023).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gateway/contract.h"

namespace fettle::gateway {

struct OodConfig {
  double rate = 0.01;        // false positives promised
  double ridge = 0.05;       // share of the identity mixed into the correlation
  size_t max_numeric = 256;  // more: correlations are left out (the distance is then diagonal)
};

// Immutable; score() and p_value() are const and thread-safe.
class OodDetector {
 public:
  // Fits on one half of the reference (split by a fixed hash of the row number) and calibrates on the other.
  // failed_precondition when the reference has too few rows: at least ceil(1 / rate) - 1 in the calibration half.
  OodDetector(const Contract& contract, const FeatureBatch& reference, const OodConfig& config);

  // p-value of each row of a decoded request, in (0, 1].
  void p_values(const FeatureBatch& batch, std::vector<float>& out) const;
  double rate() const { return rate_; }
  // A row is out of distribution when p <= rate.
  bool flags(float p) const { return p <= static_cast<float>(rate_); }
  size_t calibration_rows() const { return calibration_.size(); }

 private:
  // A number's way to its normal score: increasing knots, linear in between.
  struct Marginal {
    std::vector<double> values;
    std::vector<double> scores;
    double scale = 1;  // of the extrapolation
    double missing_penalty = 0;
    double present_penalty = 0;
    double normal_score(double value) const;
  };
  struct Categories {
    TextMap<double> penalty;
    double missing_penalty = 0;
    double unseen_penalty = 0;
  };
  void fit_numbers(const FeatureBatch& reference, std::span<const size_t> rows);
  void fit_categories(const FeatureBatch& reference, std::span<const size_t> rows);
  void fit_correlation(const FeatureBatch& reference, std::span<const size_t> rows, const OodConfig& config);
  void scores(const FeatureBatch& batch, std::vector<double>& out) const;
  float p_of(double score) const;

  double rate_;
  std::vector<Marginal> numbers_;
  std::vector<Categories> categories_;
  std::vector<double> inverse_root_;  // rows of L^-1 (lower triangle, packed); empty: identity
  std::vector<double> calibration_;   // sorted
};

// The columns of a reference table in the shape of a decoded request: at most `max_rows`, evenly spaced.
FeatureBatch reference_batch(const Contract& contract, const stats::Table& reference, size_t max_rows);

}  // namespace fettle::gateway
