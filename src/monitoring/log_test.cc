#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/id.h"
#include "monitoring/calendar.h"
#include "monitoring/prediction_log.h"
#include "monitoring/testing.h"
#include "schema/schema.h"

namespace fettle::monitoring {
namespace {

TEST(Calendar, WindowsAndTheirIds) {
  int64_t ms = 1'372'943'100'000;  // 2013-07-04T13:05:00Z
  auto id = [&](WindowRule rule) { return window_id(rule, window_of(rule, ms).start_ms); };
  EXPECT_EQ(id({WindowKind::month}), "2013-07");
  EXPECT_EQ(id({WindowKind::day}), "2013-07-04");
  EXPECT_EQ(id({WindowKind::hour}), "2013-07-04T13");
  EXPECT_EQ(id({WindowKind::week}), "2013-W27");
  EXPECT_EQ(id({WindowKind::fixed, 300'000}), "2013-07-04T13:05:00Z");
  EXPECT_EQ(window_id({WindowKind::week}, window_of({WindowKind::week}, 1'356'912'000'000).start_ms),
            "2013-W01");  // Monday 2012-12-31
  WindowBounds month = window_of({WindowKind::month}, ms);
  EXPECT_EQ(month.end_ms - month.start_ms, 31LL * 86'400'000);
  EXPECT_FALSE(month.holds(month.end_ms));
  EXPECT_EQ(window_of({WindowKind::day}, -1).start_ms, -86'400'000);
}

TEST(LogBlock, RoundTripsThroughASegment) {
  auto batches = std::vector{testing::batch(1, 3, 1000), testing::batch(2, 2, 5000)};
  batches[1].keys = {"k1", ""};
  batches[0].warnings = "temp.range=1";
  batches[0].verdicts = {0, kLowConfidence, 0};
  auto blocks = build_blocks(batches);
  ASSERT_EQ(blocks.size(), 1u);
  EncodedSegment encoded = encode_segment(blocks);
  auto read = decode_head(encoded.head);
  decode_body(encoded.body, read);
  ASSERT_EQ(read.size(), 1u);
  const LogBlock& b = read[0];
  EXPECT_EQ(b.rows(), 5u);
  EXPECT_EQ(b.requests[1].first_row, 3u);
  EXPECT_EQ(b.requests[0].warnings, "temp.range=1");
  EXPECT_EQ(b.keys, (std::vector<std::string>{"", "", "", "k1", ""}));
  EXPECT_EQ(b.verdicts, (std::vector<uint8_t>{0, kLowConfidence, 0, 0, 0}));
  EXPECT_EQ(b.event_ms[3], 5000);
  EXPECT_EQ(b.numbers[0], blocks[0].numbers[0]);
  EXPECT_EQ(b.categories[0].at(0), "UA");
  EXPECT_EQ(b.scores.size(), 5u);
}

TEST(LogBlock, DamageIsFoundAndNeverReadPastTheEnd) {
  auto batches = std::vector{testing::batch(1, 50, 1000)};
  EncodedSegment encoded = encode_segment(build_blocks(batches));
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string head = encoded.head;
    std::string body = encoded.body;
    head[random() % head.size()] ^= static_cast<char>(1 + random() % 255);
    body.resize(random() % body.size());
    for (auto action : {0, 1}) {
      try {
        auto blocks = decode_head(action == 0 ? head : encoded.head);
        decode_body(action == 0 ? encoded.body : body, blocks);
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.code(), Code::data_loss);
        ++refused;
      }
    }
  }
  EXPECT_GE(refused, 595);
}

class PredictionLogTest : public ::testing::Test {
 protected:
  PredictionLogTest() { sql::migrate(*database, schema::migrations()); }
  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  ManualClock clock;
  metrics::Registry registry;
};

TEST_F(PredictionLogTest, WhatWasOfferedIsFoundByIdAfterAFlush) {
  PredictionLog log(*database, clock, registry);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    auto b = testing::batch(i, 2, 1000 * i);
    ids.push_back(b.prediction_id);
    EXPECT_TRUE(log.offer(std::move(b)));
    if (i % 3 == 0) log.flush();
  }
  EXPECT_GT(log.queue_share(), 0);
  log.flush();
  EXPECT_EQ(log.queue_share(), 0);
  EXPECT_EQ(log.flush(), 0);
  database->read([&](sql::Connection& c) {
    for (const auto& id : ids) {
      auto found = log.find(c, id);
      ASSERT_TRUE(found) << id;
      EXPECT_EQ(found->block.requests[found->request].id, id);
      EXPECT_EQ(found->block.numbers.size(), 2u);
    }
    EXPECT_FALSE(log.find(c, testing::id(999)));
    EXPECT_EQ(log.newest_event_ms(c, "flights"), 19'001);
    EXPECT_EQ(log.logged_rows(c, "flights"), 40);
    EXPECT_FALSE(log.newest_event_ms(c, "nothing"));
  });
}

TEST_F(PredictionLogTest, AFullQueueDropsAndCounts) {
  PredictionLog log(*database, clock, registry, {.queue_rows = 5});
  EXPECT_TRUE(log.offer(testing::batch(1, 3, 0)));
  EXPECT_FALSE(log.offer(testing::batch(2, 3, 0)));
  EXPECT_EQ(log.dropped(), 3u);
  log.flush();
  EXPECT_TRUE(log.offer(testing::batch(3, 3, 0)));
}

TEST_F(PredictionLogTest, AFailedWriteKeepsThePredictionsQueued) {
  PredictionLog log(*database, clock, registry);
  log.offer(testing::batch(1, 3, 0));
  auto broken = [](sql::Connection&, const std::vector<LogBlock>&) {
    fail(Code::resource_exhausted, "the disk is full");
  };
  EXPECT_THROW(log.flush(broken), Failure);
  EXPECT_GT(log.queue_share(), 0);
  EXPECT_EQ(log.flush(), 3);
}

TEST_F(PredictionLogTest, ADamagedSegmentIsLeftOutAndCounted) {
  PredictionLog log(*database, clock, registry);
  log.offer(testing::batch(1, 3, 0));
  log.flush();
  log.offer(testing::batch(2, 3, 10));
  log.flush();
  database->write([](sql::Connection& c) {
    c.exec("update prediction_segments set head = $1 where first_event_ms = 0", sql::Bytes{"FPL1 nonsense"});
  });
  int64_t damaged = 0;
  auto heads = database->read([&](sql::Connection& c) { return log.heads(c, "flights", 0, 1000, damaged); });
  EXPECT_EQ(heads.size(), 1u);
  EXPECT_EQ(damaged, 1);
}

TEST_F(PredictionLogTest, ExpiryRemovesOldSegmentsAndTheirKeys) {
  PredictionLog log(*database, clock, registry);
  auto old = testing::batch(1, 1, 0);
  old.keys = {"old"};
  log.offer(std::move(old));
  log.flush();
  clock.advance_ms(1000);
  auto young = testing::batch(2, 1, 5);
  young.keys = {"young"};
  log.offer(std::move(young));
  log.flush();
  EXPECT_EQ(log.expire("flights", clock.now_ms()), 1);
  auto keys = database->read([](sql::Connection& c) { return c.query("select caller_key from prediction_keys"); });
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].text(0), "young");
}

TEST_F(PredictionLogTest, SmallSegmentsAreMergedAndNothingIsLost) {
  PredictionLog log(*database, clock, registry, {.segment_rows = 100});
  for (int i = 0; i < 30; ++i) {
    auto b = testing::batch(i, 5, 1000 * i);
    b.categories[0] = i % 2 == 0 ? "AA" : "";
    if (i % 3 == 0) b.keys.assign(5, fmt::format("k{}", i));
    if (i % 4 == 0) b.verdicts.assign(5, kImputed);
    if (i == 7) b.version = "2";
    log.offer(std::move(b));
    log.flush();
  }
  EXPECT_EQ(log.compact("flights"), 0);  // too young
  clock.advance_ms(60'001);
  int64_t merged = 0;
  while (int64_t some = log.compact("flights")) merged += some;
  EXPECT_EQ(merged, 30);
  EXPECT_EQ(log.endpoints(), (std::vector<std::string>{"flights"}));
  database->read([&](sql::Connection& c) {
    EXPECT_EQ(c.query("select id from prediction_segments").size(), 2u);
    EXPECT_EQ(log.logged_rows(c, "flights"), 150);
    for (int i = 0; i < 30; ++i) {
      auto found = log.find(c, testing::id(i));
      ASSERT_TRUE(found) << i;
      const LogBlock& b = found->block;
      size_t row = b.requests[found->request].first_row;
      EXPECT_EQ(b.event_ms[row], 1000 * i);
      EXPECT_EQ(b.version, i == 7 ? "2" : "1");
      EXPECT_EQ(b.categories[0].at(row), i % 2 == 0 ? "AA" : "");
      EXPECT_EQ(b.keys.empty() ? "" : b.keys[row], i % 3 == 0 ? fmt::format("k{}", i) : "");
      EXPECT_EQ(b.verdicts.empty() ? 0 : b.verdicts[row], i % 4 == 0 ? kImputed : 0);
      EXPECT_EQ(b.numbers[0][row + 1], 1);
    }
  });
}

TEST(Batch, WrongSizesAreRefused) {
  auto b = testing::batch(1, 3, 0);
  b.scores.pop_back();
  EXPECT_THROW(check_batch(b), Failure);
  b = testing::batch(1, 3, 0);
  b.prediction_id = "x";
  EXPECT_THROW(check_batch(b), Failure);
}

}  // namespace
}  // namespace fettle::monitoring
