#include "stats/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace fettle::stats {
namespace {

double worst_rank_error(const QuantileSketch& sketch, size_t n) {
  double worst = 0;
  for (double p : {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}) {
    worst = std::max(worst, std::fabs(sketch.rank(p * static_cast<double>(n)) - p));
  }
  return worst;
}

std::vector<double> shuffled(size_t n, uint64_t seed) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), 1.0);
  std::mt19937_64 random(seed);
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

TEST(QuantileSketch, RankErrorIsBoundedOverSeeds) {
  constexpr size_t kCount = 20'000;
  int beyond = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    QuantileSketch sketch(200, seed);
    for (double v : shuffled(kCount, seed)) sketch.add(v);
    EXPECT_LT(sketch.retained(), 1000u);
    beyond += worst_rank_error(sketch, kCount) > 0.0165;
  }
  EXPECT_LE(beyond, 2);
}

TEST(QuantileSketch, MergedPartsAreAsGoodAsTheWhole) {
  constexpr size_t kCount = 20'000;
  auto values = shuffled(kCount, 3);
  std::vector<QuantileSketch> parts;
  for (uint64_t i = 0; i < 8; ++i) parts.emplace_back(200, i);
  for (size_t i = 0; i < values.size(); ++i) parts[i % 8].add(values[i]);
  QuantileSketch whole(200, 99);
  for (const auto& part : parts) whole.merge(part);
  EXPECT_EQ(whole.count(), kCount);
  EXPECT_LT(worst_rank_error(whole, kCount), 0.02);
}

TEST(QuantileSketch, FewValuesAreExact) {
  QuantileSketch sketch;
  EXPECT_TRUE(std::isnan(sketch.quantile(0.5)));
  for (double v : {5.0, 1.0, 3.0}) sketch.add(v);
  EXPECT_EQ(sketch.quantile(0), 1);
  EXPECT_EQ(sketch.quantile(0.5), 3);
  EXPECT_EQ(sketch.quantile(1), 5);
  EXPECT_DOUBLE_EQ(sketch.rank(3), 2.0 / 3);
}

}  // namespace
}  // namespace fettle::stats
