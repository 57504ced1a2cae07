#include "stats/profile.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fettle::stats {
namespace {

TEST(Profile, NumbersWithMissingAndInfinite) {
  std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, std::nan(""), HUGE_VAL};
  ColumnProfile p = profile_numbers("x", values);
  EXPECT_EQ(p.rows, 13u);
  EXPECT_EQ(p.missing, 2u);
  EXPECT_EQ(p.distinct, 11u);
  EXPECT_TRUE(p.integral);
  EXPECT_EQ(p.min, 1);
  EXPECT_EQ(p.max, 50);
  EXPECT_DOUBLE_EQ(p.median(), 6);
  EXPECT_DOUBLE_EQ(p.quantile(0.25), 3.5);
  EXPECT_NEAR(p.mean, 105.0 / 11, 1e-12);
  uint64_t sum = 0;
  for (uint64_t c : p.counts) sum += c;
  EXPECT_EQ(sum, 11u);
}

TEST(Profile, FewDistinctValuesGetACellEach) {
  std::vector<double> values = {0, 0, 0, 1, 1, 3};
  ColumnProfile p = profile_numbers("x", values);
  EXPECT_EQ(p.edges, (std::vector<double>{0.5, 2}));
  EXPECT_EQ(p.counts, (std::vector<uint64_t>{3, 2, 1}));
}

TEST(Profile, TiesStayInOneCell) {
  std::vector<double> values(1000, 0);
  for (size_t i = 700; i < 1000; ++i) values[i] = static_cast<double>(i);
  ColumnProfile p = profile_numbers("x", values);
  EXPECT_EQ(p.counts[0], 700u);
  EXPECT_EQ(cell_of(p.edges, 0), 0u);
  EXPECT_EQ(cell_of(p.edges, 1e9), p.edges.size());
}

TEST(Profile, EmptyAndConstantColumns) {
  ColumnProfile none = profile_numbers("x", std::vector<double>{std::nan("")});
  EXPECT_TRUE(std::isnan(none.mean));
  EXPECT_TRUE(none.edges.empty());
  EXPECT_TRUE(std::isnan(none.quantile(0.5)));
  ColumnProfile same = profile_numbers("x", std::vector<double>{4, 4, 4});
  EXPECT_TRUE(same.edges.empty());
  EXPECT_EQ(same.counts, (std::vector<uint64_t>{3}));
  EXPECT_EQ(same.sd, 0);
}

TEST(Profile, CategoriesByCountWithACap) {
  Column column{.name = "c", .numeric = false};
  for (const char* v : {"b", "a", "a", "", "c"}) {
    column.categories.push_back(v);
    column.missing.push_back(*v == 0);
  }
  ColumnProfile p = profile_column(column, {.max_categories = 2});
  EXPECT_EQ(p.missing, 1u);
  EXPECT_EQ(p.distinct, 3u);
  EXPECT_EQ(p.most_frequent(), "a");
  EXPECT_EQ(p.other, 1u);
  EXPECT_TRUE(p.knows("b"));
  EXPECT_FALSE(p.knows("c"));
}

}  // namespace
}  // namespace fettle::stats
