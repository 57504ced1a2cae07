#include "retraining/retraining.h"

#include <gtest/gtest.h>

#include "journal/journal.h"
#include "schema/schema.h"

namespace fettle::retraining {
namespace {

constexpr std::string_view kSpec =
    R"({"endpoint":"flights","on":["drift","quality"],"block_on":["nulls"],"cooldown_ms":1000,"min_new_labels":100,"max_rejections":2,)"
    R"("pipeline":{"directory":"/repo","data":["data/a.csv"]},"model":"delay","gate":"g"})";

Policy policy() { return parse_policy("p", 3, std::string(kSpec)); }

TEST(Decide, TellsWhyItWaitsBlocksOrStarts) {
  struct Case {
    Observations seen;
    Verdict verdict;
    std::string_view reason;
  };
  const std::vector<FiringAlert> drift = {{"drift", "m", "2013-05"}};
  const Case cases[] = {
      {{}, Verdict::wait, "no alert"},
      {{.firing = drift, .new_labels = 99}, Verdict::block, "99 new labels"},
      {{.firing = drift, .new_labels = 100}, Verdict::start, "'drift' fires since window 2013-05"},
      {{.firing = drift, .newest_event_ms = 5999, .last_start_event_ms = 5000, .new_labels = 100},
       Verdict::block,
       "cool-down"},
      {{.firing = drift, .newest_event_ms = 6000, .last_start_event_ms = 5000, .new_labels = 100},
       Verdict::start,
       "drift"},
      {{.firing = {{"nulls", "m", "w"}, {"drift", "m", "w"}}, .new_labels = 100}, Verdict::block, "data is broken"},
      {{.firing = {{"other", "m", "w"}}, .new_labels = 100}, Verdict::wait, "no alert"},
      {{.firing = drift, .new_labels = 100, .rejections = 2}, Verdict::block, "circuit is open"},
      {{.firing = drift, .new_labels = 100, .running = true}, Verdict::wait, "in progress"},
      {{.rejections = 9, .by_hand = true}, Verdict::start, "by hand"},
      {{.running = true, .by_hand = true}, Verdict::wait, "in progress"},
  };
  for (const auto& one : cases) {
    Decision decision = decide(policy(), one.seen);
    EXPECT_EQ(decision.verdict, one.verdict) << decision.reason;
    EXPECT_NE(decision.reason.find(one.reason), std::string::npos) << decision.reason;
  }
}

TEST(Policy, NamesEveryProblem) {
  auto problems = check_policy(
      R"({"endpoint":7,"cooldown_ms":-1,"pipeline":{"directory":"rel","data":["../x"]},"model":"m","gat":"g"})");
  std::vector<std::string> paths;
  for (const auto& problem : problems) paths.push_back(problem.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"endpoint", "on", "cooldown_ms", "pipeline.directory", "pipeline.data",
                                             "gate", "gat"}));
}

using RetrainingRun = Run;  // testing::Test has a Run of its own

class FakeSteps : public Steps {
 public:
  std::vector<FiringAlert> firing_alerts() override { return firing; }
  std::optional<int64_t> newest_event_ms(const std::string&) override { return event_ms; }
  int64_t label_count(const std::string&) override { return labels; }
  std::optional<EvaluationWindow> evaluation_window(const Policy&) override { return EvaluationWindow{10, 20}; }
  std::string start_versioning(const Policy&, const Run&) override { return "job-v"; }
  std::string start_training(const Policy&, const Run&) override { return "job-t"; }
  JobEnd job(const std::string& id) override {
    return {
        .over = jobs_over, .ok = id != failing_job, .reason = "exited with 1", .pipeline_run = "pipe", .cpu_ms = 50};
  }
  std::optional<Candidate> candidate(const Policy&, const Run&) override {
    if (!registers) return std::nullopt;
    return Candidate{"2", "run-2", 500};
  }
  GateEnd judge(const Policy&, const Run&) override {
    if (unavailable) fail(Code::unavailable, "later");
    return {.report = "rep",
            .verdict = verdict,
            .reason = "by 0.06 auc",
            .champion = "1",
            .gain = Gain{"auc", 0.66, 0.72, 0.06, 0.05, 0.07}};
  }
  std::string start_rollout(const Policy&, const Run&) override { return "roll"; }
  RolloutEnd rollout(const std::string&) override {
    return {.over = true, .succeeded = rollout_succeeds, .reason = "done"};
  }

  std::vector<FiringAlert> firing = {{"drift", "m", "2013-05"}};
  int64_t event_ms = 100'000;
  int64_t labels = 1000;
  bool jobs_over = true, registers = true, unavailable = false, rollout_succeeds = true;
  std::string failing_job, verdict = "pass";
};

class RetrainingTest : public ::testing::Test {
 protected:
  RetrainingTest() {
    sql::migrate(*database, schema::migrations());
    retraining.put_policy("p", 3, std::string(kSpec));
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) retraining.tick();
  }
  RetrainingRun newest() { return retraining.list({}).front(); }
  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  ManualClock clock;
  FakeSteps steps;
  Retraining retraining{*database, clock, steps};
};

TEST_F(RetrainingTest, GoesTheWholeWayOnceAndRemembersWhy) {
  tick(8);
  auto runs = retraining.list({});
  ASSERT_EQ(runs.size(), 1u);
  const RetrainingRun& run = runs[0];
  EXPECT_EQ(run.state, State::succeeded);
  EXPECT_EQ(run.candidate, "2");
  EXPECT_EQ(run.rollout, "roll");
  EXPECT_EQ(run.cpu_ms, 100);
  EXPECT_EQ(run.evaluation_to_ms, 20);
  EXPECT_NE(run.gain.find("0.06"), std::string::npos);
  std::vector<std::string> states;
  for (const auto& transition : retraining.transitions(run.id)) states.push_back(transition.to);
  EXPECT_EQ(states, (std::vector<std::string>{"versioning", "training", "gating", "rolling_out", "succeeded"}));
  auto decision = database->read([&](sql::Connection& c) { return journal::find_decision(c, run.decision); });
  ASSERT_TRUE(decision);
  EXPECT_NE(decision->observations.find("\"new_labels\":1000"), std::string::npos);
  EXPECT_EQ(retraining.policies()[0].new_labels, 0);
}

TEST_F(RetrainingTest, ResumesAfterARestartInEveryState) {
  for (int i = 0; i < 10; ++i) Retraining(*database, clock, steps).tick();
  EXPECT_EQ(newest().state, State::succeeded);
  EXPECT_EQ(retraining.transitions(newest().id).size(), 5u);
}

TEST_F(RetrainingTest, ARejectedCandidateIsNotRolledOutAndOpensTheCircuit) {
  steps.verdict = "fail";
  for (int round = 0; round < 3; ++round) {
    steps.event_ms += 10'000;
    steps.labels += 1000;
    tick(6);
  }
  auto runs = retraining.list({});
  EXPECT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].state, State::rejected);
  EXPECT_TRUE(runs[0].rollout.empty());
  EXPECT_NE(retraining.policies()[0].last_reason.find("circuit is open"), std::string::npos);
  retraining.run_now("p", "me", "I looked");
  EXPECT_EQ(retraining.policies()[0].rejections, 0);
  EXPECT_THROW(retraining.run_now("p", "me", ""), Failure);
}

TEST_F(RetrainingTest, FailuresEndTheRunWithTheirReason) {
  steps.failing_job = "job-t";
  tick(5);
  EXPECT_EQ(newest().state, State::failed);
  EXPECT_EQ(newest().reason, "the pipeline failed: exited with 1");
  steps.failing_job = "";
  steps.registers = false;
  steps.event_ms += 10'000;
  steps.labels += 1000;
  tick(5);
  EXPECT_EQ(newest().reason, "the pipeline ran, but registered no new version of 'delay'");
}

TEST_F(RetrainingTest, WhatIsUnavailableIsTriedAgain) {
  steps.unavailable = true;
  tick(6);
  EXPECT_EQ(newest().state, State::gating);
  steps.unavailable = false;
  steps.rollout_succeeds = false;
  tick(3);
  EXPECT_EQ(newest().state, State::rolled_back);
}

TEST_F(RetrainingTest, RefusesUnknownPolicies) {
  EXPECT_THROW(retraining.run_now("q", "me", ""), Failure);
  EXPECT_THROW(retraining.put_policy("q", 1, "{}"), Failure);
}

}  // namespace
}  // namespace fettle::retraining
