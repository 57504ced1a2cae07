#include "tracking/metric_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace fettle::tracking {
namespace {

bool equal(const std::vector<Point>& a, const std::vector<Point>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same_point);
}

std::vector<Point> round_trip(const std::vector<Point>& points, size_t* bytes = nullptr) {
  std::string packed;
  append_points(packed, points);
  if (bytes != nullptr) *bytes = packed.size();
  std::string_view in = packed;
  auto read = read_points(in);
  EXPECT_TRUE(in.empty());
  return read;
}

TEST(MetricCodec, KeepsEveryPoint) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr double kHuge = std::numeric_limits<double>::max();
  std::vector<Point> extremes = {{0, kMin, 0.0},  {kMax, kMax, -kHuge},  {0, 0, -0.0},
                                 {5, -3, 1e-310}, {5, -3, std::nan("")}, {kMin, 7, kHuge}};
  EXPECT_TRUE(equal(round_trip(extremes), extremes));
  EXPECT_TRUE(round_trip({}).empty());
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Point> points(random() % 50);
    for (auto& p : points)
      p = {static_cast<int64_t>(random()), static_cast<int64_t>(random() >> (random() % 60)),
           std::ldexp(1.0, static_cast<int>(random() % 40))};
    EXPECT_TRUE(equal(round_trip(points), points));
  }
}

TEST(MetricCodec, AnEvenlyLoggedSeriesTakesUnderTwelveBytesAPoint) {
  std::vector<Point> points;
  for (int i = 0; i < 1000; ++i) points.push_back({1'700'000'000'000 + i * 1000 + i % 7, i, 1.0 / (i + 1)});
  size_t bytes = 0;
  round_trip(points, &bytes);
  EXPECT_LT(bytes, 12'000U);
}

TEST(MetricCodec, NormalisingSortsAndDropsDuplicates) {
  std::vector<Point> points = {{2, 0, 1}, {1, 5, 2}, {1, 0, 3}, {2, 0, 1}, {1, 0, std::nan("")}, {1, 0, std::nan("")},
                               {1, 0, 0}};
  normalise(points);
  EXPECT_TRUE(equal(points, {{1, 0, 0}, {1, 0, std::nan("")}, {1, 0, 3}, {1, 5, 2}, {2, 0, 1}}));
}

TEST(MetricCodec, NewestIsByStepThenTimeThenValue) {
  EXPECT_TRUE(is_newer({1, 2, 0}, {9, 1, 9}));
  EXPECT_TRUE(is_newer({2, 1, 0}, {1, 1, 9}));
  EXPECT_TRUE(is_newer({1, 1, 2}, {1, 1, 1}));
  EXPECT_FALSE(is_newer({1, 1, 1}, {1, 1, 1}));
}

TEST(MetricCodec, SegmentsAndNewestValuesReadBack) {
  auto series = group_by_key({{.key = "b", .value = 1, .timestamp_ms = 5, .step = 1},
                              {.key = "a", .value = 2, .timestamp_ms = 1},
                              {.key = "b", .value = 0, .timestamp_ms = 4}});
  auto read = decode_segment(encode_segment(series));
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].key, "a");
  EXPECT_TRUE(equal(read[1].points, {{4, 0, 0}, {5, 1, 1}}));
  auto latest = decode_latest(encode_latest({{"a", {1, -2, 3.5}}, {"é", {2, 0, std::nan("")}}}));
  ASSERT_EQ(latest.size(), 2U);
  EXPECT_EQ(latest[1].key, "é");
  EXPECT_TRUE(same_point(latest[0].point, {1, -2, 3.5}));
}

TEST(MetricCodec, DamageIsDataLossNeverACrash) {
  std::string good = encode_segment(group_by_key({{.key = "loss", .value = 1.5, .timestamp_ms = 1000, .step = 3},
                                                  {.key = "loss", .value = 1.25, .timestamp_ms = 2000, .step = 4}}));
  for (size_t size = 0; size < good.size(); ++size) {
    try {
      decode_segment(std::string_view(good).substr(0, size));
      ADD_FAILURE() << "cut at " << size << " was accepted";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), Code::data_loss);
    }
  }
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    for (auto decode :
         {+[](std::string_view b) { decode_segment(b); }, +[](std::string_view b) { decode_latest(b); }}) {
      try {
        decode(bytes);
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.code(), Code::data_loss);
      }
    }
  }
}

}  // namespace
}  // namespace fettle::tracking
