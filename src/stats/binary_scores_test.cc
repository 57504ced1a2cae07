// Golden values: computed with scikit-learn 1.9; the letter names the case.
#include "stats/binary_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fettle::stats {
namespace {

const std::vector<uint8_t> kY = {1, 1, 0, 1, 0, 0, 1, 0, 0, 0};
const std::vector<double> kS = {.9, .8, .7, .6, .55, .5, .45, .3, .2, .1};

TEST(BinaryScores, L) {
  ScoredOutcomes data{kS, kY};
  EXPECT_NEAR(auc(data).value, 0.8333333333333333, 1e-12);
  EXPECT_NEAR(average_precision(data), 0.8303571428571428, 1e-12);
  EXPECT_NEAR(log_loss(data).value, 0.5018644078970219, 1e-12);
  EXPECT_NEAR(brier(data).value, 0.1695, 1e-12);
  EXPECT_NEAR(expected_calibration_error(calibration_equal_width(data, 5)), 0.13, 1e-12);
  EXPECT_NEAR(expected_calibration_error(calibration_equal_width(data, 10)), 0.18, 1e-12);
  EXPECT_NEAR(expected_calibration_error(calibration_equal_mass(data, 5)), 0.22, 1e-12);
}

TEST(BinaryScores, ConfusionO) {
  Confusion c{.true_positive = 40, .false_positive = 10, .true_negative = 130, .false_negative = 20};
  EXPECT_NEAR(c.accuracy(), 0.85, 1e-12);
  EXPECT_NEAR(c.precision(), 0.8, 1e-12);
  EXPECT_NEAR(c.recall(), 0.6666666666666666, 1e-12);
  EXPECT_NEAR(c.f1(), 0.7272727272727273, 1e-12);
  EXPECT_TRUE(std::isnan(Confusion{}.accuracy()));
  Confusion counted = confusion({kS, kY}, 0.5);
  EXPECT_EQ(counted.true_positive, 3);
  EXPECT_EQ(counted.false_positive, 3);
}

TEST(BinaryScores, OneKindOfOutcomeIsNotComputable) {
  std::vector<uint8_t> ones(10, 1);
  EXPECT_TRUE(std::isnan(auc({kS, ones}).value));
  EXPECT_TRUE(std::isnan(paired_auc(kS, kS, ones).difference.value));
  EXPECT_TRUE(std::isnan(auc({{}, {}}).value));
  EXPECT_TRUE(std::isnan(expected_calibration_error({})));
}

TEST(BinaryScores, TiedScoresCountHalf) {
  std::vector<double> same(10, 0.5);
  EXPECT_DOUBLE_EQ(auc({same, kY}).value, 0.5);
}

struct Sample {
  std::vector<double> good, bad;
  std::vector<uint8_t> y;
};

Sample sample(std::mt19937_64& random, size_t n, double skill_a, double skill_b) {
  std::normal_distribution<double> noise;
  Sample s;
  for (size_t i = 0; i < n; ++i) {
    double truth = noise(random);
    s.y.push_back(truth + noise(random) > 0);
    auto squash = [](double x) { return 1 / (1 + std::exp(-x)); };
    s.good.push_back(squash(skill_a * truth + noise(random)));
    s.bad.push_back(squash(skill_b * truth + noise(random)));
  }
  return s;
}

// 95 % intervals cover the long-run value, and the paired one covers a true difference of zero, about 95 times in 100.
TEST(BinaryScores, DeLongIntervalsCover) {
  std::mt19937_64 random(3);
  Sample big = sample(random, 100'000, 1, 1);
  double truth = auc({big.good, big.y}).value;
  int covered = 0;
  int equal = 0;
  for (int run = 0; run < 200; ++run) {
    Sample s = sample(random, 400, 1, 1);
    Interval i = auc({s.good, s.y}).interval();
    covered += i.low <= truth && truth <= i.high;
    Interval d = paired_auc(s.good, s.bad, s.y).difference.interval();
    equal += d.low <= 0 && 0 <= d.high;
  }
  EXPECT_GE(covered, 180);
  EXPECT_GE(equal, 180);
}

TEST(BinaryScores, PairedComparisonSeesTheBetterOne) {
  std::mt19937_64 random(4);
  Sample s = sample(random, 2000, 2, 0.5);
  auto difference = paired_auc(s.good, s.bad, s.y).difference;
  EXPECT_LT(difference.interval().high, 0);
  EXPECT_DOUBLE_EQ(paired_auc(s.good, s.good, s.y).difference.standard_error, 0);
  auto loss = paired_log_loss(s.good, s.bad, s.y);
  EXPECT_NEAR(loss.difference.value, loss.second - loss.first, 1e-12);
}

TEST(BinaryScores, CalibrationNoiseIsWhatPerfectScoresShow) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> uniform;
  double shown = 0;
  double expected = 0;
  for (int run = 0; run < 50; ++run) {
    std::vector<double> s;
    std::vector<uint8_t> y;
    for (int i = 0; i < 1000; ++i) {
      s.push_back(uniform(random));
      y.push_back(uniform(random) < s.back());
    }
    auto bins = calibration_equal_mass({s, y});
    shown += expected_calibration_error(bins) / 50;
    expected += calibration_error_noise(bins) / 50;
  }
  EXPECT_NEAR(shown, expected, 0.15 * expected);
}

}  // namespace
}  // namespace fettle::stats
