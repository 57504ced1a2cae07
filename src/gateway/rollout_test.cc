#include "gateway/rollout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gateway/routing.h"
#include "stats/tests.h"

namespace fettle::gateway {
namespace {

using enum RolloutState;

RolloutSpec two_steps() {
  RolloutSpec spec;
  spec.steps = {{.weight = 1000, .min_rows = 500}, {.weight = kWeightTotal, .min_rows = 0}};
  return spec;
}

// Requests of one arm: errors at `error_rate`, scores of a beta-like shape around `mean`.
struct Arm {
  double error_rate = 0.01;
  double mean = 0.25;
  double spread = 0.15;
  double latency_ms = 3;
};

void serve(ArmFigures& figures, const Arm& arm, int requests, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  for (int i = 0; i < requests; ++i) {
    ++figures.requests;
    ++figures.rows;
    double latency = arm.latency_ms * std::exp(0.3 * normal(random));
    ++figures.latency[latency_bucket(static_cast<int64_t>(latency * 1e6))];
    if (uniform(random) < arm.error_rate) {
      ++figures.errors;
      continue;
    }
    double score = std::clamp(arm.mean + arm.spread * normal(random), 0.0, 0.999);
    ++figures.scored;
    figures.score_sum += score;
    ++figures.scores[static_cast<size_t>(score * kScoreCells)];
  }
}

// Runs one rollout to its end with a look every 50 candidate requests; true when it was rolled back.
bool ends_in_rollback(const RolloutSpec& spec, const Arm& stable, const Arm& candidate, uint64_t seed, size_t& step) {
  std::mt19937_64 random(seed);
  Rollout rollout{.spec = spec, .state = progressing};
  for (int look = 0; look < 2000; ++look) {
    int32_t weight = rollout.spec.steps[rollout.step].weight;
    int candidates = 50;
    serve(rollout.candidate_total, candidate, candidates, random);
    if (weight < kWeightTotal)
      serve(rollout.stable_total, stable, std::min(450, candidates * (kWeightTotal - weight) / weight), random);
    auto decision = decide_step(rollout, observe_step(rollout), look);
    step = rollout.step;
    if (decision.verdict == StepVerdict::roll_back) return true;
    if (decision.verdict == StepVerdict::finish) return false;
    if (decision.verdict != StepVerdict::advance) continue;
    ++rollout.step;
    rollout.stable_at_step = rollout.stable_total;
    rollout.candidate_at_step = rollout.candidate_total;
  }
  return false;
}

TEST(Rollout, TwoHundredGoodAndBadOnes) {
  constexpr int kRuns = 200;
  RolloutSpec spec;
  spec.steps = {
      {.weight = 1000, .min_rows = 500}, {.weight = 5000, .min_rows = 1000}, {.weight = kWeightTotal, .min_rows = 0}};
  spec.analysis.score_psi_fails = true;
  struct Case {
    const char* name;
    Arm candidate;
    bool bad;
  };
  const Case cases[] = {{"equal", {}, false},
                        {"random scores", {.mean = 0.5, .spread = 0.29}, true},
                        {"errors 1 % -> 8 %", {.error_rate = 0.08}, true},
                        {"slower 3 ms -> 15 ms", {.latency_ms = 15}, true}};
  for (const auto& [name, candidate, bad] : cases) {
    int back = 0;
    int first = 0;
    for (int run = 0; run < kRuns; ++run) {
      size_t step = 0;
      bool was = ends_in_rollback(spec, Arm{}, candidate, static_cast<uint64_t>(run) * 7919 + 1, step);
      back += was;
      first += was && step == 0;
    }
    fmt::print("rollouts: {:<22} rolled back {:>3} of {} ({:.1f} % {}), {} of them at the first step\n", name, back,
               kRuns, 100.0 * (bad ? kRuns - back : back) / kRuns, bad ? "missed" : "false alarms", first);
    if (bad) {
      EXPECT_GE(back, 190) << name;
      EXPECT_GE(first, 180) << name;
    } else {
      EXPECT_LE(back, 10) << name;
    }
  }
}

TEST(Rollout, QualityTestIsValidAtEveryLook) {
  // Log losses of two arms with equal and with worse means, looked at after each 100 labels.
  QualityRule rule{.metric = "log_loss", .margin = 0.02, .min_labels = 200};
  RolloutSpec spec = two_steps();
  spec.analysis.quality = rule;
  auto run = [&](double worse, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> noise(0, 0.4);
    double sums[2] = {};
    double squares[2] = {};
    for (int n = 1; n <= 5000; ++n) {
      for (int arm = 0; arm < 2; ++arm) {
        double loss = 0.5 + (arm == 1 ? worse : 0) + noise(random);
        sums[arm] += loss;
        squares[arm] += loss * loss;
      }
      if (n % 100 != 0) continue;
      auto quality = [&](int arm) {
        double mean = sums[arm] / n;
        return ArmQuality{.labels = n, .value = mean, .variance = (squares[arm] / n - mean * mean) / n};
      };
      Rollout rollout{.spec = spec, .state = progressing};
      StepObservations seen{.outcomes =
                                Outcomes{.stable = quality(0), .candidate = quality(1), .paired = std::nullopt}};
      if (decide_step(rollout, seen, 0).verdict == StepVerdict::roll_back) return true;
    }
    return false;
  };
  int false_alarms = 0;
  int found = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    false_alarms += run(0.02, seed);  // exactly at the margin: the hardest case that must pass
    found += run(0.12, seed + 1000);
  }
  fmt::print("quality: at the margin rolled back {} of 200 (promised 10), 0.1 beyond it {} of 200\n", false_alarms,
             found);
  EXPECT_LE(false_alarms, 10);
  EXPECT_GE(found, 195);
}

TEST(Rollout, CommandTable) {
  // Rows: states in order; columns: pause, resume, promote, abort, rollback. "=" no-op, "!" refused.
  constexpr const char* kTable[kRolloutStates][kCommands] = {
      {"!", "!", "!", "aborting", "aborting"},                      // pending
      {"!", "!", "!", "aborting", "aborting"},                      // loading
      {"paused", "=", "progressing", "aborting", "aborting"},       // progressing
      {"=", "progressing", "progressing", "aborting", "aborting"},  // paused
      {"!", "!", "=", "!", "!"},                                    // promoting
      {"!", "!", "=", "!", "rolled_back"},                          // succeeded
      {"!", "!", "!", "=", "="},                                    // aborting
      {"!", "!", "!", "=", "="},                                    // rolled_back
      {"!", "!", "!", "=", "="},                                    // failed
      {"!", "!", "!", "=", "="},                                    // superseded
  };
  for (int state = 0; state < kRolloutStates; ++state) {
    for (int command = 0; command < kCommands; ++command) {
      Rollout rollout{.spec = two_steps(), .state = static_cast<RolloutState>(state)};
      std::string got;
      try {
        auto effect = apply_command(rollout, static_cast<Command>(command), false);
        got = effect.no_op ? "=" : std::string(state_name(effect.next));
      } catch (const Failure& failure) {
        EXPECT_EQ(failure.code(), Code::failed_precondition);
        got = "!";
      }
      EXPECT_EQ(got, kTable[state][command])
          << state_name(rollout.state) << " " << command_name(static_cast<Command>(command));
    }
  }
}

TEST(Rollout, StepDecisionsAtTheirLimits) {
  auto at = [](int64_t rows, int64_t elapsed, RolloutStep step) {
    Rollout rollout{.spec = two_steps(), .state = progressing};
    rollout.spec.steps[0] = step;
    StepObservations seen;
    seen.candidate.rows = static_cast<uint64_t>(rows);
    return decide_step(rollout, seen, elapsed).verdict;
  };
  RolloutStep rows{.weight = 1000, .min_rows = 200};
  EXPECT_EQ(at(199, 0, rows), StepVerdict::wait);
  EXPECT_EQ(at(200, 0, rows), StepVerdict::advance);
  RolloutStep timed{.weight = 1000, .min_rows = 200, .min_duration_ms = 1000};
  EXPECT_EQ(at(500, 999, timed), StepVerdict::wait);
  EXPECT_EQ(at(500, 1000, timed), StepVerdict::advance);
  RolloutStep bounded{.weight = 1000, .min_rows = 200, .max_duration_ms = 5000};
  EXPECT_EQ(at(0, 4999, bounded), StepVerdict::wait);
  EXPECT_EQ(at(0, 5000, bounded), StepVerdict::pause);
  EXPECT_EQ(at(200, 5000, bounded), StepVerdict::advance);
  EXPECT_EQ(at(0, -1'000'000, bounded), StepVerdict::wait);  // a clock that jumped back
}

TEST(Rollout, FailureLimitCountsFreshEvidence) {
  Rollout rollout{.spec = two_steps(), .state = progressing};
  rollout.spec.analysis.failure_limit = 2;
  StepObservations seen;
  seen.stable.requests = seen.stable.rows = 1000;
  seen.candidate.requests = seen.candidate.rows = 100;
  seen.candidate.errors = 90;
  auto first = decide_step(rollout, seen, 0);
  EXPECT_EQ(first.verdict, StepVerdict::wait);
  EXPECT_TRUE(first.counts_failure);
  rollout.failures = 1;
  rollout.failures_rows = 100;
  EXPECT_FALSE(decide_step(rollout, seen, 0).counts_failure);
  EXPECT_EQ(decide_step(rollout, seen, 0).verdict, StepVerdict::wait);
  seen.candidate.rows = seen.candidate.requests = 600;
  seen.candidate.errors = 500;
  EXPECT_EQ(decide_step(rollout, seen, 0).verdict, StepVerdict::roll_back);
}

TEST(Rollout, ScoreShiftWarnsByDefaultAndSaysSo) {
  Rollout rollout{.spec = two_steps(), .state = progressing};
  std::mt19937_64 random(3);
  serve(rollout.stable_total, {}, 5000, random);
  serve(rollout.candidate_total, {.mean = 0.6}, 600, random);
  auto decision = decide_step(rollout, observe_step(rollout), 0);
  EXPECT_EQ(decision.verdict, StepVerdict::advance);
  EXPECT_NE(decision.reason.find("warnings: score_psi"), std::string::npos);
}

TEST(Rollout, JsonKeepsEverything) {
  Rollout rollout{.id = "01R",
                  .endpoint = "flights",
                  .model = "m",
                  .stable = "1",
                  .candidate = "2",
                  .spec = two_steps(),
                  .by = "ann"};
  std::mt19937_64 random(5);
  serve(rollout.candidate_total, {}, 300, random);
  rollout.spec.analysis.quality = QualityRule{};
  rollout.checks = decide_step(rollout, observe_step(rollout), 0).checks;
  rollout.ended_at_ms = 9;
  std::string text = format_rollout(rollout);
  Rollout back = parse_rollout(text);
  EXPECT_EQ(format_rollout(back), text);
  EXPECT_EQ(back.candidate_total.latency, rollout.candidate_total.latency);
  EXPECT_EQ(back.checks.size(), rollout.checks.size());
}

TEST(Routing, GoldenBuckets) {
  // Golden numbers of the published hash: SDKs in other languages must agree.
  EXPECT_EQ(bucket_of("s1", "exp-1", "user-1"), 9744);
  EXPECT_EQ(bucket_of("s1", "exp-1", "user-2"), 6698);
  EXPECT_EQ(bucket_of("s1", "exp-1", "Zoë"), 2430);
  EXPECT_EQ(bucket_of("s2", "exp-1", "user-1"), 7192);
  EXPECT_EQ(bucket_of("s1", "exp-2", "user-1"), 1077);
  EXPECT_EQ(bucket_of("", "", ""), 5743);
  EXPECT_EQ(bucket_of("s1", "exp-1", std::string(2000, 'x')), bucket_of("s1", "exp-1", std::string(2000, 'x')));
}

TEST(Routing, SharesAreExactAndRampsOnlyAdd) {
  int below[3] = {};
  for (int i = 0; i < 100'000; ++i) {
    int32_t bucket = bucket_of("s1", "exp-1", fmt::format("u{}", i));
    below[0] += goes_to_candidate(bucket, 100);
    below[1] += goes_to_candidate(bucket, 1000);
    below[2] += goes_to_candidate(bucket, 5000);
    EXPECT_LE(goes_to_candidate(bucket, 100), goes_to_candidate(bucket, 1000));
  }
  EXPECT_EQ(below[0], 966);
  EXPECT_EQ(below[1], 10'045);
  EXPECT_EQ(below[2], 50'306);
}

TEST(ArmFigures, QuantilesAreWithinABucket) {
  ArmCounters counters;
  for (int i = 1; i <= 1000; ++i) counters.count_request(1, false, i * 100'000);  // 0.1 to 100 ms
  auto figures = counters.figures();
  EXPECT_NEAR(figures.latency_quantile_ms(0.5), 50, 5);
  EXPECT_NEAR(figures.latency_quantile_ms(0.99), 99, 9);
  EXPECT_TRUE(std::isnan(ArmFigures{}.latency_quantile_ms(0.5)));
  EXPECT_EQ(latency_bucket(0), 0U);
  EXPECT_EQ(latency_bucket(int64_t{1} << 62), kLatencyBuckets - 1);
}

}  // namespace
}  // namespace fettle::gateway
