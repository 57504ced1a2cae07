#include "gateway/rollout.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/time_text.h"
#include "gateway/routing.h"
#include "stats/distance.h"
#include "stats/tests.h"

namespace fettle::gateway {
namespace {

constexpr std::string_view kStateNames[kRolloutStates] = {"pending",   "loading",   "progressing", "paused",
                                                          "promoting", "succeeded", "aborting",    "rolled_back",
                                                          "failed",    "superseded"};
constexpr std::string_view kCheckNames[] = {"pass", "fail", "warn", "wait"};
constexpr std::string_view kStepNames[] = {"wait", "advance", "pause", "roll_back", "finish"};
constexpr std::string_view kCommandNames[kCommands] = {"pause", "resume", "promote", "abort", "rollback"};

constexpr double kConfidence = 0.95;
// Effect that the error test looks for: the spread of the mixture.
constexpr double kErrorTau = 0.02;
constexpr uint64_t kMinRequests = 20;  // below, a normal approximation of rates means nothing
constexpr uint64_t kMinScores = 100;
constexpr double kLatencyFloorMs = 5;  // ratios of tiny latencies are noise
constexpr double kTail = 0.05;         // share of requests beyond p95
constexpr double kLowConfidenceIncrease = 0.1;

double nan() { return std::nan(""); }
double real(uint64_t count) { return static_cast<double>(count); }

// Half a success and half a failure more, so that no rate is certain.
stats::Estimate rate_difference(uint64_t stable_hits, uint64_t stable_n, uint64_t candidate_hits,
                                uint64_t candidate_n) {
  return stats::proportion_difference(real(stable_hits) + 0.5, real(stable_n) + 1, real(candidate_hits) + 0.5,
                                      real(candidate_n) + 1);
}

double share(uint64_t hits, uint64_t n) { return n == 0 ? nan() : real(hits) / real(n); }

RolloutCheck error_check(const AnalysisSpec& spec, const StepObservations& seen) {
  RolloutCheck check{.name = "error_rate", .limit = spec.max_error_rate_increase};
  check.stable = share(seen.stable.errors, seen.stable.requests);
  check.candidate = share(seen.candidate.errors, seen.candidate.requests);
  check.difference = check.candidate - check.stable;
  check.rows = static_cast<int64_t>(std::min(seen.stable.requests, seen.candidate.requests));
  check.low = check.high = nan();
  if (check.rows < static_cast<int64_t>(kMinRequests)) {
    check.message = fmt::format("{} requests: too few to compare errors", check.rows);
    return check;
  }
  auto estimate =
      rate_difference(seen.stable.errors, seen.stable.requests, seen.candidate.errors, seen.candidate.requests);
  auto interval =
      stats::always_valid_interval(estimate, std::max(kErrorTau, spec.max_error_rate_increase), kConfidence);
  check.low = interval.low;
  check.high = interval.high;
  if (interval.low > spec.max_error_rate_increase) check.verdict = CheckVerdict::fail;
  check.message = fmt::format("errors {:.2f} % against {:.2f} %, increase [{:.2f}, {:.2f}] points, at most {:.2f}",
                              100 * check.candidate, 100 * check.stable, 100 * interval.low, 100 * interval.high,
                              100 * spec.max_error_rate_increase);
  return check;
}

// Whether more than the usual 5 % of the candidate's requests are slower than ratio × the stable's p95.
RolloutCheck latency_check(const AnalysisSpec& spec, const StepObservations& seen) {
  RolloutCheck check{.name = "latency_p95_ms"};
  check.stable = seen.stable.latency_quantile_ms(0.95);
  check.candidate = seen.candidate.latency_quantile_ms(0.95);
  check.difference = check.candidate - check.stable;
  check.low = check.high = nan();
  check.limit = std::max(kLatencyFloorMs, spec.max_latency_ratio * check.stable);
  uint64_t n = seen.candidate.measured();
  check.rows = static_cast<int64_t>(std::min(n, seen.stable.measured()));
  if (check.rows < static_cast<int64_t>(kMinRequests)) {
    check.message = fmt::format("{} requests: too few to compare latencies", check.rows);
    return check;
  }
  uint64_t slow = 0;
  for (size_t i = 0; i < kLatencyBuckets; ++i) {
    if (i > 0 && latency_bucket_end_ms(i - 1) >= check.limit) slow += seen.candidate.latency[i];
  }
  double rate = (real(slow) + 0.5) / (real(n) + 1);
  stats::Estimate excess{.value = rate - kTail, .standard_error = std::sqrt(rate * (1 - rate) / real(n)), .rows = n};
  if (stats::always_valid_interval(excess, kTail, kConfidence).low > 0) check.verdict = CheckVerdict::fail;
  check.message = fmt::format("p95 {:.2f} ms against {:.2f} ms; {:.1f} % of requests above {:.2f} ms", check.candidate,
                              check.stable, 100 * share(slow, n), check.limit);
  return check;
}

RolloutCheck score_check(const AnalysisSpec& spec, const StepObservations& seen, int64_t min_rows) {
  RolloutCheck check{.name = "score_psi", .stable = seen.stable.score_mean(), .candidate = seen.candidate.score_mean()};
  check.difference = check.low = check.high = nan();
  check.limit = spec.score_psi_max;
  uint64_t smaller = std::min(seen.stable.scored, seen.candidate.scored);
  check.rows = static_cast<int64_t>(smaller);
  // Half of the step's rows: not all rows of a step have a score.
  if (smaller < std::max(kMinScores, static_cast<uint64_t>(std::min<int64_t>(min_rows, 20'000)) / 2)) {
    check.message = fmt::format("{} scores: too few to compare distributions", smaller);
    return check;
  }
  std::vector<double> stable(seen.stable.scores.begin(), seen.stable.scores.end());
  std::vector<double> candidate(seen.candidate.scores.begin(), seen.candidate.scores.end());
  stats::CountPair counts{.reference = stable, .current = candidate};
  check.difference = stats::psi(counts).score;
  // Where few rows alone would exceed the limit, noise does not count.
  double noise = stats::psi_null_quantile(0.999, {.reference = real(seen.stable.scored),
                                                  .current = real(seen.candidate.scored),
                                                  .cells = stats::used_cells(counts)});
  check.limit = std::max(spec.score_psi_max, noise);
  if (check.difference > check.limit) check.verdict = spec.score_psi_fails ? CheckVerdict::fail : CheckVerdict::warn;
  check.message = fmt::format("psi of scores {:.3f}, at most {:.3f}; mean {:.3f} against {:.3f}", check.difference,
                              check.limit, check.candidate, check.stable);
  return check;
}

RolloutCheck confidence_check(const StepObservations& seen) {
  RolloutCheck check{.name = "low_confidence_rate", .limit = kLowConfidenceIncrease};
  check.stable = share(seen.stable.low_confidence, seen.stable.rows);
  check.candidate = share(seen.candidate.low_confidence, seen.candidate.rows);
  check.difference = check.candidate - check.stable;
  check.low = check.high = nan();
  check.rows = static_cast<int64_t>(std::min(seen.stable.rows, seen.candidate.rows));
  if (check.rows < static_cast<int64_t>(kMinScores)) {
    check.message = fmt::format("{} rows: too few to compare", check.rows);
    return check;
  }
  auto estimate =
      rate_difference(seen.stable.low_confidence, seen.stable.rows, seen.candidate.low_confidence, seen.candidate.rows);
  auto interval = stats::always_valid_interval(estimate, kLowConfidenceIncrease, kConfidence);
  check.low = interval.low;
  check.high = interval.high;
  if (interval.low > kLowConfidenceIncrease) check.verdict = CheckVerdict::warn;
  check.message = fmt::format("low confidence {:.1f} % against {:.1f} %", 100 * check.candidate, 100 * check.stable);
  return check;
}

// Worse is positive: a loss goes up, a score goes down.
RolloutCheck quality_check(const QualityRule& rule, const std::optional<Outcomes>& outcomes) {
  RolloutCheck check{.name = rule.metric, .limit = rule.margin};
  check.stable = check.candidate = check.difference = check.low = check.high = nan();
  check.verdict = CheckVerdict::wait;
  if (!outcomes) {
    check.message = "nobody knows labels yet";
    return check;
  }
  stats::Estimate estimate;
  const auto& paired = outcomes->paired;
  bool use_paired =
      paired && paired->labels >= rule.min_labels && std::isfinite(paired->stable) && std::isfinite(paired->candidate);
  if (use_paired) {
    check.stable = paired->stable;
    check.candidate = paired->candidate;
    check.rows = paired->labels;
    estimate = {.value = paired->candidate - paired->stable,
                .standard_error = std::sqrt(paired->variance),
                .rows = static_cast<uint64_t>(paired->labels)};
  } else {
    check.stable = outcomes->stable.value;
    check.candidate = outcomes->candidate.value;
    check.rows = std::min(outcomes->stable.labels, outcomes->candidate.labels);
    estimate = {.value = check.candidate - check.stable,
                .standard_error = std::sqrt(outcomes->stable.variance + outcomes->candidate.variance),
                .rows = static_cast<uint64_t>(check.rows)};
    if (check.rows < rule.min_labels || !std::isfinite(estimate.value)) {
      check.message = fmt::format("{} labelled rows per arm, {} are needed", check.rows, rule.min_labels);
      return check;
    }
  }
  check.difference = estimate.value;
  if (rule.metric != "log_loss") estimate.value = -estimate.value;
  // One-sided 95 % is one end of the two-sided 90 %.
  auto worse = stats::always_valid_interval(estimate, std::max(rule.margin, 1e-3), 0.9);
  bool loss = rule.metric == "log_loss";
  check.low = loss ? worse.low : -worse.high;
  check.high = loss ? worse.high : -worse.low;
  check.verdict = worse.low > rule.margin ? CheckVerdict::fail : CheckVerdict::pass;
  check.message =
      fmt::format("{} {:.4f} against {:.4f} on {} {} rows, difference [{:.4f}, {:.4f}], worse by at most {:g}",
                  rule.metric, check.candidate, check.stable, check.rows,
                  use_paired ? "identical labelled" : "labelled", check.low, check.high, rule.margin);
  return check;
}

std::string messages_of(const std::vector<RolloutCheck>& checks, CheckVerdict verdict) {
  std::string text;
  for (const auto& check : checks) {
    if (check.verdict == verdict) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", check.name, check.message);
  }
  return text;
}

}  // namespace

std::string_view state_name(RolloutState state) { return kStateNames[static_cast<size_t>(state)]; }

std::optional<RolloutState> parse_rollout_state(std::string_view name) {
  const auto* found = std::find(std::begin(kStateNames), std::end(kStateNames), name);
  if (found == std::end(kStateNames)) return std::nullopt;
  return static_cast<RolloutState>(found - std::begin(kStateNames));
}

std::string_view verdict_name(CheckVerdict verdict) { return kCheckNames[static_cast<size_t>(verdict)]; }
std::string_view verdict_name(StepVerdict verdict) { return kStepNames[static_cast<size_t>(verdict)]; }
std::string_view command_name(Command command) { return kCommandNames[static_cast<size_t>(command)]; }

int32_t Rollout::weight() const {
  switch (state) {
    case RolloutState::progressing:
    case RolloutState::paused: return spec.steps[step].weight;
    case RolloutState::promoting:
    case RolloutState::succeeded: return kWeightTotal;
    default: return 0;
  }
}

StepObservations observe_step(const Rollout& rollout) {
  bool stable_has_traffic = rollout.spec.steps[rollout.step].weight < kWeightTotal;
  return {.stable = stable_has_traffic ? rollout.stable_total - rollout.stable_at_step : rollout.stable_total,
          .candidate = rollout.candidate_total - rollout.candidate_at_step};
}

StepDecision decide_step(const Rollout& rollout, const StepObservations& seen, int64_t now_ms) {
  const RolloutStep& step = rollout.spec.steps[rollout.step];
  const AnalysisSpec& analysis = rollout.spec.analysis;
  StepDecision decision;
  decision.checks.push_back(error_check(analysis, seen));
  if (analysis.max_latency_ratio > 0) decision.checks.push_back(latency_check(analysis, seen));
  decision.checks.push_back(score_check(analysis, seen, step.min_rows));
  decision.checks.push_back(confidence_check(seen));
  if (analysis.quality) decision.checks.push_back(quality_check(*analysis.quality, seen.outcomes));

  auto rows = static_cast<int64_t>(seen.candidate.rows);
  std::string failed = messages_of(decision.checks, CheckVerdict::fail);
  if (!failed.empty()) {
    decision.counts_failure =
        rollout.failures == 0 || rows - rollout.failures_rows >= std::max<int64_t>(1, step.min_rows);
    int64_t failures = rollout.failures + (decision.counts_failure ? 1 : 0);
    decision.verdict = failures >= analysis.failure_limit ? StepVerdict::roll_back : StepVerdict::wait;
    decision.reason = analysis.failure_limit == 1
                          ? failed
                          : fmt::format("{} of {} failed evaluations; {}", failures, analysis.failure_limit, failed);
    return decision;
  }
  int64_t elapsed = now_ms - rollout.step_started_ms;
  std::string waiting = messages_of(decision.checks, CheckVerdict::wait);
  if (rows < step.min_rows) waiting = fmt::format("{} of {} rows", rows, step.min_rows);
  if (!waiting.empty() && step.max_duration_ms > 0 && elapsed >= step.max_duration_ms) {
    decision.verdict = StepVerdict::pause;
    decision.reason = fmt::format("no verdict after {}: {}", format_duration(step.max_duration_ms), waiting);
    return decision;
  }
  if (waiting.empty() && elapsed < step.min_duration_ms)
    waiting = fmt::format("{} left in this step", format_duration(step.min_duration_ms - elapsed));
  if (!waiting.empty()) {
    decision.reason = waiting;
    return decision;
  }
  std::string warned = messages_of(decision.checks, CheckVerdict::warn);
  bool last = rollout.step + 1 == rollout.spec.steps.size();
  decision.verdict = last ? StepVerdict::finish : StepVerdict::advance;
  decision.reason = fmt::format("no check failed on {} rows at {:g} %{}{}", rows, step.weight / 100.0,
                                warned.empty() ? "" : "; warnings: ", warned);
  return decision;
}

CommandEffect apply_command(const Rollout& rollout, Command command, bool full) {
  using enum RolloutState;
  RolloutState state = rollout.state;
  CommandEffect effect{.next = state, .step = rollout.step};
  auto refuse = [&]() -> CommandEffect {
    fail(Error{Code::failed_precondition,
               fmt::format("cannot '{}' a rollout in state '{}'", command_name(command), state_name(state)),
               {},
               state == succeeded && command == Command::abort ? "use rollback to put the previous version back" : ""});
  };
  auto done = [&] {
    effect.no_op = true;
    return effect;
  };
  bool running = state == progressing || state == paused;
  switch (command) {
    case Command::pause:
      if (state == paused) return done();
      if (state != progressing) return refuse();
      effect.next = paused;
      return effect;
    case Command::resume:
      if (state == progressing) return done();
      if (state != paused) return refuse();
      effect.next = progressing;
      return effect;
    case Command::promote:
      if (state == promoting || state == succeeded) return done();
      if (!running) return refuse();
      effect.next = full || rollout.step + 1 == rollout.spec.steps.size() ? promoting : progressing;
      effect.step = effect.next == promoting ? rollout.spec.steps.size() - 1 : rollout.step + 1;
      return effect;
    case Command::abort:
    case Command::rollback:
      if (state == aborting || state == rolled_back || state == failed || state == superseded) return done();
      if (state == promoting || (state == succeeded && command == Command::abort)) return refuse();
      effect.next = state == succeeded ? rolled_back : aborting;
      return effect;
  }
  return refuse();
}

}  // namespace fettle::gateway
