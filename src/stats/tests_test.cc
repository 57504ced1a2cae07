// Golden values: computed with scipy 1.17 and scikit-learn 1.9; the letter names the case.
#include "stats/tests.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stats/distributions.h"

namespace fettle::stats {
namespace {

void expect_close(double value, double expected) {
  EXPECT_NEAR(value, expected, 1e-9 * std::max(1.0, std::fabs(expected)));
}

TEST(Distributions, PublishedValues) {
  expect_close(chi_square_sf(16.918977604620448, 9), 0.05);
  expect_close(normal_quantile(0.975), 1.959963984540054);
  expect_close(normal_cdf(-1.6448536269514722), 0.05);
  expect_close(student_quantile(0.975, 10), 2.2281388519649385);
  expect_close(student_cdf(-2.2281388519649385, 10), 0.025);
  expect_close(beta_cdf(0.5, 2, 3), 0.6875);
  expect_close(beta_quantile(0.6875, 2, 3), 0.5);
  expect_close(chi_square_quantile(0.95, 9), 16.918977604620448);
}

TEST(Distributions, KolmogorovSmirnovG) {
  expect_close(ks_one_sample_sf(0.2, 50), 0.03143877776953241);
  expect_close(ks_one_sample_sf(0.1, 333), 0.002371773853784354);
  EXPECT_NEAR(ks_one_sample_sf(0.05, 1000), 0.013012074781090332, 1e-8);
  EXPECT_NEAR(kolmogorov_sf(1.3580986393225507), 0.05, 1e-9);
  EXPECT_EQ(ks_one_sample_sf(0.001, 100), 1);
  EXPECT_EQ(ks_one_sample_sf(1, 100), 0);
}

// Marsaglia's matrix, the Pelz-Good expansion and the limit law must meet where one takes over from the other.
TEST(Distributions, KolmogorovSmirnovBranchesMeet) {
  for (double z : {0.5, 0.8, 1.1, 1.4}) {
    double below = ks_one_sample_sf(z / std::sqrt(140.0), 140);
    double above = ks_one_sample_sf(z / std::sqrt(141.0), 141);
    EXPECT_NEAR(below, above, 5e-4) << z;
    EXPECT_NEAR(ks_one_sample_sf(z / std::sqrt(1e6), 1'000'000), kolmogorov_sf(z), 1e-3) << z;
  }
}

TEST(ChiSquare, GoodnessAndContingencyCD) {
  std::vector<double> ref = {50, 30, 20, 0};
  std::vector<double> cur = {40, 30, 20, 10};
  EXPECT_TRUE(std::isinf(chi_square_goodness(ref, cur).statistic));
  EXPECT_EQ(chi_square_goodness(ref, cur).p_value, 0);
  auto result = chi_square_contingency(ref, cur);
  expect_close(result.statistic, 11.11111111111111);
  expect_close(result.p_value, 0.011139980641667716);
  std::vector<double> a = {50, 30, 20};
  std::vector<double> b = {40, 35, 25};
  expect_close(chi_square_goodness(a, b).p_value, 0.12981217685543797);
  expect_close(chi_square_contingency(a, b).p_value, 0.3585665413731905);
}

TEST(Proportions, E) {
  auto z = two_proportions(30, 100, 36, 80);
  expect_close(z.statistic, -2.0751433915982247);
  expect_close(z.p_value, 0.037973247231988916);
  std::vector<double> a = {30, 70};
  std::vector<double> b = {36, 44};
  expect_close(chi_square_contingency(a, b).p_value, 0.0379732472319890);
  expect_close(chi_square_contingency(a, b, true).p_value, 0.05492012068982329);
  EXPECT_EQ(two_proportions(0, 10, 0, 20).p_value, 1);
  auto difference = proportion_difference(30, 100, 36, 80);
  expect_close(difference.value, 0.15);
}

TEST(Proportions, WilsonO) {
  Interval i = wilson(40, 60);
  EXPECT_NEAR(i.low, 0.5405686645, 1e-9);
  EXPECT_NEAR(i.high, 0.7727073848, 1e-9);
  EXPECT_EQ(wilson(0, 0).high, 1);
  EXPECT_EQ(wilson(0, 10).low, 0);
}

TEST(Means, StudentA) {
  std::vector<double> ref, cur;
  for (int i = 1; i <= 10; ++i) {
    ref.push_back(i);
    cur.push_back(2 * i);
  }
  auto t = student(ref, cur);
  expect_close(t.statistic, -2.5690465157330253);
  expect_close(t.p_value, 0.0193142516616752);
  EXPECT_GT(welch(ref, cur).statistic, 0);
  auto paired = paired_difference(ref, cur);
  expect_close(paired.value, 5.5);
  expect_close(paired.standard_error, std::sqrt(82.5 / 9 / 10));
  EXPECT_TRUE(std::isnan(welch(std::vector<double>{1, 1}, std::vector<double>{1, 1}).p_value));
}

TEST(McNemar, ExactBelow25AndChiSquareAbove) {
  expect_close(mcnemar(5, 15).p_value, 0.041389465332031264);  // 2 P(Binomial(20, 1/2) <= 5)
  EXPECT_EQ(mcnemar(0, 0).p_value, 1);
  EXPECT_EQ(mcnemar(3, 3).p_value, 1);
  expect_close(mcnemar(59, 6).statistic, 52.0 * 52.0 / 65.0);
}

TEST(BenjaminiHochberg, I) {
  std::vector<double> p = {.001, .008, .039, .041, .042, .06, .074, .205, .212, .216};
  std::vector<double> q = benjamini_hochberg(p);
  std::vector<double> expected = {.01, .04, .084, .084, .084, .1, .105714, .216, .216, .216};
  for (size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(q[i], expected[i], 1e-6) << i;
  q = benjamini_hochberg(std::vector<double>{0.02, std::nan(""), 0.01});
  EXPECT_DOUBLE_EQ(q[0], 0.02);
  EXPECT_TRUE(std::isnan(q[1]));
  EXPECT_DOUBLE_EQ(q[2], 0.02);
}

TEST(Sequential, FiftyLooksAtEqualArmsRarelyAlarm) {
  std::mt19937_64 random(5);
  std::bernoulli_distribution draw(0.05);
  int alarms = 0;
  int found = 0;
  for (int run = 0; run < 300; ++run) {
    SequentialTest equal(0.01);
    double a = 0, b = 0, n = 0;
    for (int look = 0; look < 50; ++look) {
      for (int i = 0; i < 200; ++i) {
        a += draw(random);
        b += draw(random);
        ++n;
      }
      equal.observe(proportion_difference(a, n, b, n));
    }
    alarms += equal.p_value() < 0.05;
    SequentialTest worse(0.01);
    found += worse.observe({0.03, 0.005, 1000}) < 0.05;
  }
  EXPECT_LE(alarms, 15);  // 5 % of 300; 1.7 % expected
  EXPECT_EQ(found, 300);
}

TEST(Sequential, IntervalExcludesExactlyWhatTheTestRejects) {
  Estimate difference{0.02, 0.006, 1000};
  Interval interval = always_valid_interval(difference, 0.01, 0.95);
  SequentialTest inside(0.01, interval.low + 1e-6);
  SequentialTest outside(0.01, interval.low - 1e-6);
  EXPECT_GT(inside.observe(difference), 0.05);
  EXPECT_LT(outside.observe(difference), 0.05);
}

TEST(SampleSize, PublishedFigures) {
  EXPECT_EQ(rows_per_arm(0.01, 0.02), 2316u);
  EXPECT_EQ(rows_per_arm(0.01, 0.015), 7747u);
  EXPECT_EQ(rows_per_arm(0.05, 0.055), 31231u);
  EXPECT_EQ(rows_per_arm(0.90, 0.89), 14749u);
}

}  // namespace
}  // namespace fettle::stats
