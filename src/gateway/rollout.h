// Rollouts of a candidate version on an endpoint: their state, the decision of a step and the effect of a command, all
// pure (spec gateway.md 1.9, 1.10; docs/rest.md 8). Storing and acting: rollout_store.h, control.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/arm_counters.h"
#include "gateway/outcome_source.h"
#include "gateway/spec.h"

namespace fettle::gateway {

enum class RolloutState {
  pending,
  loading,
  progressing,
  paused,
  promoting,
  succeeded,
  aborting,
  rolled_back,
  failed,
  superseded
};
inline constexpr int kRolloutStates = 10;
std::string_view state_name(RolloutState state);
std::optional<RolloutState> parse_rollout_state(std::string_view name);
inline bool is_final(RolloutState state) {
  return state == RolloutState::succeeded || state == RolloutState::rolled_back || state == RolloutState::failed ||
         state == RolloutState::superseded;
}

enum class CheckVerdict { pass, fail, warn, wait };
std::string_view verdict_name(CheckVerdict verdict);

// One comparison of candidate and stable. NaN: not known.
struct RolloutCheck {
  std::string name;  // "error_rate", "latency_p95_ms", "score_psi", "low_confidence_rate", the quality metric, "rows"
  double stable = 0;
  double candidate = 0;
  double difference = 0;
  double low = 0;  // interval of the difference, valid at every look
  double high = 0;
  double limit = 0;
  int64_t rows = 0;  // what it rests on, of the smaller arm
  CheckVerdict verdict = CheckVerdict::pass;
  std::string message;
};

struct Rollout {
  std::string id;
  std::string endpoint;
  std::string model;
  std::string stable;     // version
  std::string candidate;  // version
  RolloutSpec spec;
  std::string gate_report;      // empty: none
  std::string override_reason;  // empty: not overridden
  std::string by;

  RolloutState state = RolloutState::pending;
  std::string reason;
  int64_t generation = 1;  // rises with each transition
  size_t step = 0;
  int64_t started_at_ms = 0;
  std::optional<int64_t> ended_at_ms;
  int64_t step_started_ms = 0;  // wall clock, so that pauses survive a restart
  int64_t failures = 0;         // failed evaluations in this rollout
  int64_t failures_rows = 0;    // candidate rows of the step when the last one was counted
  std::string last_verdict;     // of the last stored decision
  ArmFigures stable_total;      // since the start
  ArmFigures candidate_total;
  ArmFigures stable_at_step;  // of the totals, when the step began
  ArmFigures candidate_at_step;
  std::vector<RolloutCheck> checks;  // of the last evaluation

  // Weight of the candidate that its state asks for, in 1/10,000.
  int32_t weight() const;
};

// What a step's decision sees.
struct StepObservations {
  ArmFigures stable;                 // in this step (at 100 %, where stable gets nothing: in the steps before)
  ArmFigures candidate;              // in this step
  std::optional<Outcomes> outcomes;  // if the analysis asks for quality and somebody knows
};
StepObservations observe_step(const Rollout& rollout);

enum class StepVerdict { wait, advance, pause, roll_back, finish };
std::string_view verdict_name(StepVerdict verdict);

struct StepDecision {
  StepVerdict verdict = StepVerdict::wait;
  std::string reason;
  std::vector<RolloutCheck> checks;
  bool counts_failure = false;  // this evaluation is one of failure_limit
};

// Decides a progressing rollout's step. Each comparison is a confidence sequence (mSPRT), valid however often one
// looks, so a rollout may be judged at every tick. Verdicts, in this order: a failed check that reaches failure_limit
// rolls back; too few rows at max_duration_ms pauses; rows, time and labels enough without a failed check advance
// (finish at the last step); else wait. No data is neither success nor failure.
StepDecision decide_step(const Rollout& rollout, const StepObservations& observations, int64_t now_ms);

enum class Command { pause, resume, promote, abort, rollback };
inline constexpr int kCommands = 5;
std::string_view command_name(Command command);

struct CommandEffect {
  bool no_op = false;  // already so: answer the rollout as it is
  RolloutState next = RolloutState::progressing;
  size_t step = 0;
};
// The effect of a command; `full` = promote to the end at once. Throws failed_precondition, `cannot 'promote' a rollout
// in state 'rolled_back'`.
CommandEffect apply_command(const Rollout& rollout, Command command, bool full);

// JSON of what is stored (the whole rollout) and of what a decision saw. rollout_file.cc.
std::string format_rollout(const Rollout& rollout);
Rollout parse_rollout(std::string_view json);
std::string format_observations(const Rollout& rollout, const StepObservations& observations,
                                const std::vector<RolloutCheck>& checks);

}  // namespace fettle::gateway
