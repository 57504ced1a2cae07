// Tests of a difference, and intervals. Pure. Two-sided unless said. "Not computable" is NaN with the reason at each
// function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fettle::stats {

struct Interval {
  double low = 0;
  double high = 0;
};

// A value with its standard error (NaN: not computable).
struct Estimate {
  double value = 0;
  double standard_error = 0;
  uint64_t rows = 0;
  // Normal interval; confidence in (0, 1), two-sided.
  Interval interval(double confidence = 0.95) const;
};

struct TestResult {
  double statistic = 0;
  double p_value = 1;
  double degrees = 0;  // where the test has them
};

// Wilson's score interval of a proportion; [0, 1] without trials.
Interval wilson(double successes, double trials, double confidence = 0.95);

// The reference taken as exact: expected = share of the reference x current rows. A cell new in current gives an
// infinite statistic, p 0.
TestResult chi_square_goodness(std::span<const double> reference, std::span<const double> current);
// Both sides are samples. `yates` only matters for 2 x 2. Columns empty on both sides are left out.
TestResult chi_square_contingency(std::span<const double> reference, std::span<const double> current,
                                  bool yates = false);
// Pooled two-proportion z-test; both constant and equal: p 1.
TestResult two_proportions(double successes_a, double trials_a, double successes_b, double trials_b);
// Difference b - a of two proportions with its unpooled standard error.
Estimate proportion_difference(double successes_a, double trials_a, double successes_b, double trials_b);
// Welch's test of the difference b - a of two means.
TestResult welch(std::span<const double> a, std::span<const double> b);
// Pooled-variance t-test (statistic of mean a - mean b).
TestResult student(std::span<const double> a, std::span<const double> b);
Estimate mean_of(std::span<const double> values);
// Mean of b - a over pairs, with the paired standard error. Sizes are equal.
Estimate paired_difference(std::span<const double> a, std::span<const double> b);
// McNemar: exact binomial below 25 discordant pairs, else chi-square with continuity correction. Arguments: pairs where
// only a / only b is right.
TestResult mcnemar(uint64_t only_a, uint64_t only_b);

// Adjusted p-values (q) of Benjamini and Hochberg (1995), in the order of the input. NaN entries stay NaN and are not
// counted as tests.
std::vector<double> benjamini_hochberg(std::span<const double> p_values);

// Mixture sequential probability ratio test (Robbins 1970; Johari et al. 2017) of "difference = null_value", valid at
// every look. Lambda = sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2))), V = standard_error^2, d = value -
// null_value. `tau` ~ the effect that one hopes to find, > 0. Feed looks in order; p only falls.
class SequentialTest {
 public:
  explicit SequentialTest(double tau, double null_value = 0) : tau_(tau), null_value_(null_value) {}
  // Returns the always-valid p-value so far.
  double observe(const Estimate& difference);
  double p_value() const { return p_; }

 private:
  double tau_;
  double null_value_;
  double p_ = 1;
};

// Confidence sequence of the same test: covers the true difference at all looks together with probability `confidence`.
Interval always_valid_interval(const Estimate& difference, double tau, double confidence = 0.95);

// Rows per arm that tell proportion p1 from p2 with a two-sided test (unpooled variance, rounded up).
uint64_t rows_per_arm(double p1, double p2, double alpha = 0.05, double power = 0.8);

}  // namespace fettle::stats
