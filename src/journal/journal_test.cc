#include "journal/journal.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/id.h"
#include "schema/schema.h"

namespace fettle::journal {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { sql::migrate(*db_, schema::migrations()); }

  template <class Body>
  auto write(Body body) {
    return db_->write(body);
  }
  std::vector<Edge> edges_of(const Node& node, Direction direction, int64_t limit = 100) {
    return db_->read([&](sql::Connection& c) { return edges(c, node, direction, limit); });
  }
  std::vector<Decision> decisions(const DecisionFilter& filter) {
    return db_->read([&](sql::Connection& c) { return list_decisions(c, filter); });
  }

  std::unique_ptr<sql::Database> db_ = sql::Database::open("sqlite://:memory:");
};

const Node kData{"data", "md5:aa"}, kRun{"run", "7c1e"}, kModel{"model_version", "flights/1"};

TEST_F(JournalTest, EdgesAreFoundFromBothEnds) {
  write([](sql::Connection& c) {
    add_edge(c, {kData, kRun, "input", 10});
    add_edge(c, {kRun, kModel, "registered", 20});
  });
  auto up = edges_of(kRun, Direction::up);
  ASSERT_EQ(up.size(), 1u);
  EXPECT_EQ(up[0].from, kData);
  EXPECT_EQ(up[0].relation, "input");
  EXPECT_EQ(up[0].at_ms, 10);
  auto down = edges_of(kRun, Direction::down);
  ASSERT_EQ(down.size(), 1u);
  EXPECT_EQ(down[0].to, kModel);
  EXPECT_TRUE(edges_of(kData, Direction::up).empty());
}

TEST_F(JournalTest, AnEdgeThatIsThereAlreadyKeepsItsFirstTime) {
  write([](sql::Connection& c) { add_edge(c, {kData, kRun, "input", 10}); });
  write([](sql::Connection& c) { add_edge(c, {kData, kRun, "input", 99}); });
  write([](sql::Connection& c) { add_edge(c, {kData, kRun, "output", 50}); });
  auto found = edges_of(kRun, Direction::up);
  ASSERT_EQ(found.size(), 2u) << "one per relation";
  EXPECT_EQ(found[0].at_ms, 50) << "newest first";
  EXPECT_EQ(found[1].at_ms, 10);
}

TEST_F(JournalTest, GivesTheNewestEdgesUpToALimit) {
  write([](sql::Connection& c) {
    for (int i = 0; i < 10; ++i) add_edge(c, {kRun, {"prediction", fmt::format("p{}", i)}, "served", i});
  });
  auto found = edges_of(kRun, Direction::down, 3);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].to.id, "p9");
}

TEST_F(JournalTest, WhatTheCallersTransactionUndoesWasNeverWritten) {
  EXPECT_THROW(write([](sql::Connection& c) {
                 add_edge(c, {kData, kRun, "input", 10});
                 record_decision(c, {.kind = "gate", .subject = "gate/g", .at_ms = 5});
                 record_audit(c, {.actor = "cli", .action = "alias.set", .subject = "m/1", .detail = "{}", .at_ms = 5});
                 fail(Code::aborted, "the caller's own write failed");
               }),
               Failure);
  EXPECT_TRUE(edges_of(kRun, Direction::up).empty());
  EXPECT_TRUE(decisions({}).empty());
  EXPECT_TRUE(db_->read([](sql::Connection& c) { return list_audit(c, "", 10); }).empty());
}

TEST_F(JournalTest, ADecisionKeepsAllThatItSaw) {
  std::string id = write([](sql::Connection& c) {
    return record_decision(c, {.kind = "retrain",
                               .subject = "retrain_policy/flights",
                               .verdict = "start",
                               .reason = "log loss rose",
                               .policy_version = "3",
                               .observations = R"({"log_loss":0.74})",
                               .actor = "system",
                               .at_ms = 1'700'000'000'000});
  });
  EXPECT_TRUE(is_id(id));
  EXPECT_EQ(id_time_ms(id), 1'700'000'000'000);
  auto found = db_->read([&](sql::Connection& c) { return find_decision(c, id); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict, "start");
  EXPECT_EQ(found->reason, "log loss rose");
  EXPECT_EQ(found->policy_version, "3");
  EXPECT_EQ(found->observations, R"({"log_loss":0.74})");
  EXPECT_EQ(found->actor, "system");
  EXPECT_FALSE(db_->read([](sql::Connection& c) { return find_decision(c, "01J"); }));
}

TEST_F(JournalTest, PagesOfDecisionsMeetWithoutGapOrOverlap) {
  write([](sql::Connection& c) {
    for (int i = 0; i < 7; ++i)
      record_decision(
          c, {.kind = i % 2 == 0 ? "gate" : "alert", .subject = "s", .verdict = std::to_string(i), .at_ms = 1000 + i});
  });
  std::string seen;
  DecisionFilter filter{.limit = 3};
  for (auto page = decisions(filter); !page.empty(); page = decisions(filter)) {
    for (const auto& decision : page) seen += decision.verdict;
    filter.before = page.back().id;
  }
  EXPECT_EQ(seen, "6543210");
  EXPECT_EQ(decisions({.kind = "alert"}).size(), 3u);
  EXPECT_EQ(decisions({.kind = "gate", .subject = "other"}).size(), 0u);
  EXPECT_EQ(decisions({.subject = "s", .limit = 100}).size(), 7u);
}

TEST_F(JournalTest, AuditTellsWhoDidWhatToASubject) {
  write([](sql::Connection& c) {
    record_audit(c, {.actor = "cli",
                     .action = "alias.set",
                     .subject = "flights/1",
                     .detail = R"({"alias":"champion"})",
                     .at_ms = 1000});
    record_audit(c, {.actor = "ui", .action = "rollout.abort", .subject = "rollout/1", .detail = "{}", .at_ms = 2000});
  });
  auto one = db_->read([](sql::Connection& c) { return list_audit(c, "flights/1", 10); });
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].actor, "cli");
  EXPECT_EQ(one[0].detail, R"({"alias":"champion"})");
  auto all = db_->read([](sql::Connection& c) { return list_audit(c, "", 1); });
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].action, "rollout.abort") << "newest first";
}

}  // namespace
}  // namespace fettle::journal
