// Golden values: computed with scipy 1.17, numpy 2.4, scikit-learn 1.9 and Evidently 0.7.23; the letter names the case.
#include "stats/distance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stats/profile.h"

namespace fettle::stats {
namespace {

std::vector<double> lcg(uint32_t seed, size_t n, double scale = 1, double offset = 0) {
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) {
    seed = 1664525U * seed + 1013904223U;
    values.push_back(scale * (static_cast<double>(seed) / 4294967296.0) + offset);
  }
  return values;
}

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

void expect_close(double value, double expected) {
  EXPECT_NEAR(value, expected, 1e-9 * std::max(1.0, std::fabs(expected)));
}

TEST(Lcg, IsTheOneOfTheGoldenValues) {
  auto values = lcg(42, 3);
  EXPECT_DOUBLE_EQ(values[0], 0.2523451747838408);
  EXPECT_DOUBLE_EQ(values[2], 0.5772811982315034);
}

TEST(CountDistances, NewCategoryC) {
  std::vector<double> ref = {50, 30, 20, 0};
  std::vector<double> cur = {40, 30, 20, 10};
  expect_close(js_distance_nats({ref, cur}), 0.19349646201204068);
  expect_close(js_divergence_bits({ref, cur}), 0.054015773072799964);
  expect_close(psi({ref, cur}, 0.5).score, 0.3201170392051219);
  expect_close(psi({ref, cur}, 1).score, 0.2515527729633066);
  expect_close(hellinger({ref, cur}), 0.22975292054736132);
  expect_close(total_variation({ref, cur}), 0.1);
  expect_close(l_infinity({ref, cur}), 0.1);
}

TEST(CountDistances, SharesMovedD) {
  std::vector<double> ref = {50, 30, 20};
  std::vector<double> cur = {40, 35, 25};
  expect_close(js_distance_nats({ref, cur}), 0.0716782508899371);
  expect_close(js_divergence_bits({ref, cur}), 0.007412237681599339);
  expect_close(psi({ref, cur}, 0).score, 0.04117906668849436);
  expect_close(kl_divergence_nats({ref, cur}), 0.020697861446085472);
  expect_close(kl_divergence_nats({cur, ref}), 0.020481205242408977);
  expect_close(hellinger({ref, cur}), 0.07171172728131815);
}

TEST(CountDistances, ContributionsAddUp) {
  std::vector<double> ref = {50, 30, 20, 0};
  std::vector<double> cur = {40, 30, 20, 10};
  Psi score = psi({ref, cur});
  double sum = 0;
  for (double part : score.contributions) sum += part;
  expect_close(sum, score.score);
  sum = 0;
  for (double part : js_contributions({ref, cur})) sum += part;
  expect_close(std::sqrt(sum), js_distance_nats({ref, cur}));
}

TEST(CountDistances, SymmetricOnesStayTheSameWhenSwappedAndOneEmptySideIsNotANumber) {
  std::vector<double> a = {5, 0, 3};
  std::vector<double> b = {1, 4, 9};
  std::vector<double> none = {0, 0, 0};
  EXPECT_DOUBLE_EQ(js_distance_nats({a, b}), js_distance_nats({b, a}));
  EXPECT_NEAR(psi({a, b}).score, psi({b, a}).score, 1e-12);
  EXPECT_DOUBLE_EQ(total_variation({a, b}), total_variation({b, a}));
  EXPECT_EQ(psi({a, a}).score, 0);
  EXPECT_TRUE(std::isnan(psi({a, none}).score));
  EXPECT_TRUE(std::isnan(js_distance_nats({none, b})));
}

TEST(SampleDistances, TenAgainstDoubledA) {
  std::vector<double> ref, cur;
  for (int i = 1; i <= 10; ++i) {
    ref.push_back(i);
    cur.push_back(2 * i);
  }
  expect_close(ks_statistic(ref, cur), 0.5);
  expect_close(ks_p_value(0.5, 10, 10), 0.16782134274394334);
  expect_close(wasserstein1(ref, cur), 5.5);
}

TEST(SampleDistances, TiesB) {
  std::vector<double> ref = {1, 1, 2, 2, 3};
  std::vector<double> cur = {1, 2, 2, 3, 3, 4};
  expect_close(ks_statistic(ref, cur), 0.3);
  expect_close(ks_p_value(0.3, 5, 6), 0.8961038961038962);
  expect_close(wasserstein1(ref, cur), 0.7);
}

TEST(SampleDistances, ShiftedUniformF) {
  auto ref = sorted(lcg(42, 1000));
  auto cur = sorted(lcg(7, 500, 1.1, 0.05));
  expect_close(ks_statistic(ref, cur), 0.146);
  expect_close(ks_p_value(0.146, 1000, 500), 1.2501054569575426e-06);
  expect_close(ks_p_value(0.146, 1000, 500, 0), 1.1686078975036978e-06);
  expect_close(wasserstein1(ref, cur), 0.08690844816500327);
  ColumnProfile profile = profile_numbers("x", ref);
  EXPECT_NEAR(wasserstein1(ref, cur) / profile.sd, 0.3049050305120016, 1e-9);
  std::vector<uint64_t> counts(profile.edges.size() + 2);
  count_into_cells(profile.edges, cur, counts);
  EXPECT_EQ(counts, (std::vector<uint64_t>{33, 47, 42, 44, 53, 42, 42, 37, 46, 114, 0}));
  std::vector<double> reference(10, 100);
  std::vector<double> current(counts.begin(), counts.end() - 1);
  expect_close(psi({reference, current}, 0).score, 0.13874159599040406);
  Sizes sizes{1000, 500, 10};
  EXPECT_NEAR(psi_expected_null(sizes), 0.027, 1e-12);
  EXPECT_NEAR(psi_p_value(0.13874159599040406, sizes), 5.418033220e-07, 1e-12);
}

TEST(SampleDistances, FurtherCasesQAndS) {
  std::vector<double> ref = {1, 1, 1, 1, 2, 2, 2, 3, 3, 4};
  std::vector<double> cur = {1, 2, 2, 3, 3, 3, 4, 4, 5, 5};
  expect_close(ks_p_value(ks_statistic(ref, cur), 10, 10), 0.41752365281777043);
  auto a = sorted(lcg(1, 1001));
  auto b = sorted(lcg(2, 400, 1, 0.1));
  expect_close(ks_p_value(ks_statistic(a, b), 1001, 400), 5.873024828732922e-07);
  expect_close(wasserstein1(a, b) / profile_numbers("a", a).sd, 0.4221976382678562);
}

TEST(SampleDistances, IdenticalSamplesAreAtDistanceZero) {
  auto values = sorted(lcg(3, 200));
  EXPECT_EQ(ks_statistic(values, values), 0);
  EXPECT_EQ(wasserstein1(values, values), 0);
  EXPECT_EQ(ks_p_value(0, 200, 200), 1);
}

// Without a change each distance exceeds its 99.9 % null quantile about once in a thousand.
TEST(NullBehaviour, QuantilesHold) {
  int psi_alarms = 0;
  int js_alarms = 0;
  int w_alarms = 0;
  constexpr int kRounds = 1000;
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> draw(0, 0.5);
  std::vector<double> ref(3000);
  for (int round = 0; round < kRounds; ++round) {
    if (round % 20 == 0) std::generate(ref.begin(), ref.end(), [&] { return draw(random); });
    auto reference = sorted(ref);
    std::vector<double> cur(500);
    std::generate(cur.begin(), cur.end(), [&] { return draw(random); });
    auto profile = profile_numbers("x", reference);
    std::vector<uint64_t> counts(profile.edges.size() + 2);
    count_into_cells(profile.edges, cur, counts);
    std::vector<double> a(profile.counts.begin(), profile.counts.end());
    std::vector<double> b(counts.begin(), counts.end() - 1);
    Sizes sizes{3000, 500, used_cells({a, b})};
    psi_alarms += psi({a, b}).score > psi_null_quantile(0.999, sizes);
    js_alarms += js_distance_nats({a, b}) > js_null_quantile(0.999, sizes);
    w_alarms += wasserstein1(reference, sorted(cur)) / profile.sd > w1_over_sd_null_999(sizes);
  }
  EXPECT_LE(psi_alarms, 6);
  EXPECT_LE(js_alarms, 6);
  EXPECT_LE(w_alarms, 6);
}

}  // namespace
}  // namespace fettle::stats
