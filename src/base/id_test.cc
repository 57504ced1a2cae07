#include "base/id.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace fettle {
namespace {

constexpr int64_t kNow = 1'469'918'176'385;

TEST(RunId, IsThirtyTwoHexDigitsAndNeverTwice) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(new_run_id());
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_EQ(ids.begin()->size(), 32u);
  EXPECT_EQ(ids.begin()->find_first_not_of("0123456789abcdef"), std::string::npos);
}

// The time part is that of the ULID specification: its README shows 01ARYZ6S41 for this time.
TEST(Id, BeginsWithItsTimeAsUlidsDo) {
  std::string id = new_id(kNow);
  EXPECT_EQ(id.substr(0, 10), "01ARYZ6S41");
  EXPECT_EQ(id.size(), 26u);
  EXPECT_EQ(id_time_ms(id), kNow);
}

TEST(Id, SortsByCreationWithinOneMillisecondAndWhenTheClockGoesBack) {
  std::string last = new_id(kNow + 1000);
  for (int i = 0; i < 2000; ++i) {
    std::string next = new_id(kNow + (i % 2 == 0 ? 1000 : -1000));
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(Id, IsUniqueAcrossThreads) {
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&mine] {
        for (int i = 0; i < 500; ++i) mine.push_back(new_id(kNow + 5000));
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 2000u);
}

TEST(Id, TellsIdsFromOtherText) {
  EXPECT_TRUE(is_id("01ARYZ6S41TSV4RRFFQ69G5FAV"));
  EXPECT_TRUE(is_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  EXPECT_FALSE(is_id("8ZZZZZZZZZZZZZZZZZZZZZZZZZ")) << "more than 128 bits";
  EXPECT_FALSE(is_id("01ARYZ6S41TSV4RRFFQ69G5FA")) << "25 characters";
  EXPECT_FALSE(is_id("01aryz6s41tsv4rrffq69g5fav")) << "one spelling only";
  EXPECT_FALSE(is_id("01ARYZ6S41TSV4RRFFQ69G5FAI")) << "I is not of the alphabet";
  EXPECT_FALSE(is_id(std::string_view("01ARYZ6S41TSV4RRFFQ69G5FA\0", 26)));
  EXPECT_FALSE(is_id(""));
}

TEST(PredictionId, CarriesItsPartsAtTheirLimits) {
  const PredictionIdParts cases[] = {
      {.time_ms = 0, .endpoint = 0, .revision = 0, .sequence = 0},
      {.time_ms = kNow, .endpoint = 1, .revision = 2, .sequence = 3},
      {.time_ms = (int64_t{1} << 47), .endpoint = 0xFFFFF, .revision = 0, .sequence = 0},
      {.time_ms = kNow, .endpoint = 0, .revision = 0xFFFFF, .sequence = 0},
      {.time_ms = kNow, .endpoint = 0x12345, .revision = 0xABCDE, .sequence = 0xFF'FFFF'FFFF},
  };
  for (const auto& parts : cases) {
    std::string id = format_prediction_id(parts);
    EXPECT_TRUE(is_id(id)) << id;
    auto read = parse_prediction_id(id);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->time_ms, parts.time_ms);
    EXPECT_EQ(read->endpoint, parts.endpoint);
    EXPECT_EQ(read->revision, parts.revision);
    EXPECT_EQ(read->sequence, parts.sequence);
  }
}

TEST(PredictionId, SortsByTimeThenEndpointThenSequence) {
  auto id = [](int64_t time, uint32_t endpoint, uint64_t sequence) {
    return format_prediction_id({.time_ms = time, .endpoint = endpoint, .revision = 1, .sequence = sequence});
  };
  EXPECT_LT(id(kNow, 9, 9), id(kNow + 1, 0, 0));
  EXPECT_LT(id(kNow, 1, 9), id(kNow, 2, 0));
  EXPECT_LT(id(kNow, 1, 8), id(kNow, 1, 9));
}

TEST(PredictionId, RefusesARowSuffixAndOtherText) {
  std::string id = format_prediction_id({.time_ms = kNow});
  EXPECT_FALSE(parse_prediction_id(id + "/0"));
  EXPECT_FALSE(parse_prediction_id(""));
  EXPECT_FALSE(parse_prediction_id(std::string(26, '\xff')));
}

TEST(RandomBytes, AreAsManyAsAskedAndDiffer) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1000).size(), 1000u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

}  // namespace
}  // namespace fettle
