// Rollouts of the control plane: the ticker's side, then commands.
#include <algorithm>
#include <chrono>

#include "base/id.h"
#include "base/log.h"
#include "gateway/control.h"
#include "gateway/control_entry.h"
#include "gateway/routing.h"
#include "journal/journal.h"
#include "sql/database.h"

namespace fettle::gateway {
namespace {

// What a candidate must not change for the endpoint's callers (spec gateway.md 5.1, 11).
void check_compatible(const ServedModel& stable, const ServedModel& candidate) {
  for (const auto& input : candidate.contract.inputs) {
    bool known = std::any_of(stable.contract.inputs.begin(), stable.contract.inputs.end(),
                             [&](const auto& i) { return i.name == input.name; });
    if (!known && !input.optional) {
      fail(Code::failed_precondition, "version {} requires new feature '{}'; add a transformer or use a new endpoint",
           candidate.version, input.name);
    }
  }
  for (const auto& output : stable.outputs) {
    auto found = std::find_if(candidate.outputs.begin(), candidate.outputs.end(),
                              [&](const auto& o) { return o.name == output.name; });
    if (found == candidate.outputs.end()) {
      fail(Code::failed_precondition, "version {} has no output '{}', which callers of this endpoint get",
           candidate.version, output.name);
    }
    if (found->dtype != output.dtype || found->shape.size() != output.shape.size()) {
      fail(Code::failed_precondition, "output '{}' of version {} is {} {}, callers of this endpoint get {} {}",
           output.name, candidate.version, tensor::dtype_name(found->dtype), tensor::format_shape(found->shape),
           tensor::dtype_name(output.dtype), tensor::format_shape(output.shape));
    }
  }
}

}  // namespace

// Everything that a transition means, in one transaction; then memory and the data plane follow.
void Control::commit(Entry& entry, const Transition& transition) {
  const Rollout& before = *entry.rollout;
  Rollout next = transition.next;
  int64_t now = parts_.clock.now_ms();
  next.generation = before.generation + (transition.history ? 1 : 0);
  if (transition.history) next.reason = transition.reason;
  if (!transition.verdict.empty()) next.last_verdict = transition.verdict;
  std::optional<Revision> made = parts_.database.write([&](sql::Connection& connection) {
    std::string decision;
    if (!transition.verdict.empty()) {
      decision = journal::record_decision(connection, {.kind = "rollout",
                                                       .subject = "rollout/" + next.id,
                                                       .verdict = transition.verdict,
                                                       .reason = transition.reason,
                                                       .policy_version = fmt::format("{}", before.generation),
                                                       .observations = transition.observations,
                                                       .actor = transition.by,
                                                       .at_ms = now});
    }
    if (transition.history) {
      add_history(connection, next.id,
                  {.at_ms = now,
                   .from = std::string(state_name(before.state)),
                   .to = std::string(state_name(next.state)),
                   .step = next.step,
                   .weight = next.weight(),
                   .verdict = transition.verdict,
                   .reason = transition.reason,
                   .by = transition.by,
                   .decision = decision,
                   .observations = transition.observations.empty() ? "{}" : transition.observations});
      journal::record_audit(connection, {.actor = transition.by,
                                         .action = fmt::format("rollout.{}", state_name(next.state)),
                                         .subject = "rollout/" + next.id,
                                         .detail = transition.observations.empty() ? "{}" : transition.observations,
                                         .at_ms = now});
    }
    update_rollout(connection, next, before.generation);
    if (transition.alias) parts_.resolver.move_alias(connection, *transition.alias);
    if (!transition.revision) return std::optional<Revision>();
    return std::optional(add_revision(connection, *transition.revision));
  });
  if (transition.history) {
    log_info("rollout", {{"rollout", next.id},
                         {"endpoint", next.endpoint},
                         {"from", state_name(before.state)},
                         {"to", state_name(next.state)},
                         {"reason", transition.reason}});
  }
  entry.rollout = std::move(next);
  if (made) entry.revision = std::move(made);
}

void Control::update_figures(Entry& entry) const {
  if (entry.rollout->state == RolloutState::pending || entry.rollout->state == RolloutState::loading) return;
  if (entry.stable_counters != nullptr) {
    entry.rollout->stable_total = entry.stable_base;
    entry.rollout->stable_total += entry.stable_counters->figures();
  }
  if (entry.candidate_counters == nullptr) return;
  entry.rollout->candidate_total = entry.candidate_base;
  entry.rollout->candidate_total += entry.candidate_counters->figures();
}

void Control::store_figures(Entry& entry, int64_t now_ms) {
  if (now_ms - entry.figures_stored_ms < config_.store_ms) return;
  entry.figures_stored_ms = now_ms;
  const Rollout& rollout = *entry.rollout;
  parts_.database.write([&](sql::Connection& connection) { update_rollout(connection, rollout, rollout.generation); });
}

void Control::advance(const std::string& endpoint, Lock& lock) {
  Entry& entry = *find_entry(endpoint);
  if (entry.stable == nullptr && parts_.clock.now_ms() >= entry.next_try_ms) refresh(entry, {.by = "system"});
  if (entry.stable == nullptr) return;
  switch (entry.rollout->state) {
    case RolloutState::pending: {
      Transition loading{.next = *entry.rollout, .reason = fmt::format("loading version {}", entry.rollout->candidate)};
      loading.next.state = RolloutState::loading;
      commit(entry, loading);
      return load_candidate(entry, lock);
    }
    case RolloutState::loading: return load_candidate(entry, lock);
    case RolloutState::progressing: return judge(entry, lock);
    case RolloutState::paused:
      if (entry.candidate == nullptr) return load_candidate(entry, lock);
      update_figures(entry);
      return store_figures(entry, parts_.clock.now_ms());
    case RolloutState::promoting: return finish_promotion(entry);
    case RolloutState::aborting: return finish_rollback(entry, lock);
    default: return;
  }
}

// Loading takes as long as it takes; commands must not wait for it, so the lock is open meanwhile.
void Control::load_candidate(Entry& entry, Lock& lock) {
  std::string name = entry.stored.name;
  std::string id = entry.rollout->id;
  Entry copy = entry;
  const ContractSpec* found = contract_of(entry);
  std::optional<ContractSpec> contract = found == nullptr ? std::nullopt : std::optional(*found);
  std::shared_ptr<const ServedModel> built;
  std::string problem;
  lock.unlock();
  try {
    built = build(copy, contract ? &*contract : nullptr, copy.rollout->candidate);
    check_compatible(*copy.stable, *built);
  } catch (const Failure& failure) {
    problem = failure.what();
  }
  lock.lock();
  Entry* now = find_entry(name);
  if (now == nullptr || !now->rollout || now->rollout->id != id) return;
  if (!problem.empty()) {
    if (now->rollout->state != RolloutState::loading) {
      log_warn("candidate of a running rollout is not available", {{"rollout", id}, {"error", problem}});
      return;
    }
    Transition failed{.next = *now->rollout, .reason = problem};
    failed.next.state = RolloutState::failed;
    failed.next.ended_at_ms = parts_.clock.now_ms();
    commit(*now, failed);
    now->rollout.reset();
    return install();
  }
  now->candidate = std::move(built);
  if (now->candidate_counters == nullptr) now->candidate_counters = std::make_shared<ArmCounters>();
  if (now->rollout->state == RolloutState::loading) return begin_steps(*now);
  install();  // after a restart: the candidate is back
}

void Control::begin_steps(Entry& entry) {
  int64_t now = parts_.clock.now_ms();
  Transition begin{.next = *entry.rollout, .reason = fmt::format("version {} is ready", entry.rollout->candidate)};
  begin.next.state = RolloutState::progressing;
  begin.next.step = 0;
  begin.next.step_started_ms = now;
  begin.revision = Revision{.endpoint = entry.stored.name,
                            .at_ms = now,
                            .reason = "rollout",
                            .by = begin.next.by,
                            .rollout = begin.next.id,
                            .fingerprint = entry.built_for,
                            .model = begin.next.model,
                            .stable = begin.next.stable,
                            .candidate = begin.next.candidate,
                            .weight = begin.next.weight()};
  entry.stable_counters = std::make_shared<ArmCounters>();
  entry.candidate_counters = std::make_shared<ArmCounters>();
  entry.stable_base = entry.candidate_base = {};
  commit(entry, begin);
  install();
}

std::optional<Outcomes> Control::ask_outcomes(Entry& entry, Lock& lock) {
  const auto& quality = entry.rollout->spec.analysis.quality;
  if (!quality || parts_.outcomes == nullptr) return std::nullopt;
  int64_t now = parts_.clock.now_ms();
  if (entry.outcomes && now - entry.outcomes_asked_ms < config_.outcomes_ms) return entry.outcomes;
  OutcomeQuery query{.endpoint = entry.stored.name,
                     .rollout = entry.rollout->id,
                     .model = entry.rollout->model,
                     .stable_version = entry.rollout->stable,
                     .candidate_version = entry.rollout->candidate,
                     .metric = quality->metric,
                     .from_ms = entry.rollout->started_at_ms,
                     .until_ms = now};
  std::optional<Outcomes> outcomes;
  lock.unlock();
  try {
    outcomes = parts_.outcomes->outcomes(query);
  } catch (const std::exception& error) {
    log_warn("labelled outcomes are not available", {{"rollout", query.rollout}, {"error", error.what()}});
  }
  lock.lock();
  return outcomes;
}

void Control::judge(Entry& at, Lock& lock) {
  std::string name = at.stored.name;
  std::string id = at.rollout->id;
  int64_t seen_generation = at.rollout->generation;
  if (at.candidate == nullptr) return load_candidate(at, lock);
  auto outcomes = ask_outcomes(at, lock);
  Entry* found = find_entry(name);
  if (found == nullptr || !found->rollout || found->rollout->id != id || found->rollout->generation != seen_generation)
    return;
  Entry& entry = *found;
  int64_t now = parts_.clock.now_ms();
  if (outcomes) {
    entry.outcomes = outcomes;
    entry.outcomes_asked_ms = now;
  }
  update_figures(entry);
  Rollout& rollout = *entry.rollout;
  StepObservations seen = observe_step(rollout);
  seen.outcomes = entry.outcomes;
  StepDecision decision = decide_step(rollout, seen, now);
  rollout.checks = decision.checks;
  Transition transition{
      .next = rollout, .verdict = std::string(verdict_name(decision.verdict)), .reason = decision.reason};
  Rollout& next = transition.next;
  if (decision.counts_failure) {
    ++next.failures;
    next.failures_rows = static_cast<int64_t>(seen.candidate.rows);
  }
  bool news = rollout.last_verdict != transition.verdict || decision.counts_failure;
  if (decision.verdict == StepVerdict::wait && !news) return store_figures(entry, now);
  transition.observations = format_observations(rollout, seen, decision.checks);
  switch (decision.verdict) {
    case StepVerdict::wait: transition.history = false; return commit(entry, transition);
    case StepVerdict::pause: next.state = RolloutState::paused; break;
    case StepVerdict::finish: next.state = RolloutState::promoting; break;
    case StepVerdict::roll_back: next.state = RolloutState::aborting; break;
    case StepVerdict::advance: ++next.step; break;
  }
  if (decision.verdict == StepVerdict::advance) {
    next.step_started_ms = now;
    next.stable_at_step = next.stable_total;
    next.candidate_at_step = next.candidate_total;
  }
  int32_t weight = next.weight();
  if (weight != rollout.weight()) {
    transition.revision = Revision{.endpoint = name,
                                   .at_ms = now,
                                   .reason = decision.reason,
                                   .by = "system",
                                   .rollout = id,
                                   .fingerprint = entry.built_for,
                                   .model = next.model,
                                   .stable = next.stable,
                                   .candidate = weight > 0 ? next.candidate : "",
                                   .weight = weight};
  }
  commit(entry, transition);
  install();
  if (next.state == RolloutState::promoting) finish_promotion(entry);
  if (next.state == RolloutState::aborting) finish_rollback(entry, lock);
}

void Control::finish_promotion(Entry& entry) {
  if (entry.candidate == nullptr) entry.candidate = build(entry, contract_of(entry), entry.rollout->candidate);
  update_figures(entry);
  int64_t now = parts_.clock.now_ms();
  Transition end{.next = *entry.rollout,
                 .by = "system",
                 .reason = fmt::format("version {} serves everybody", entry.rollout->candidate)};
  end.next.state = RolloutState::succeeded;
  end.next.ended_at_ms = now;
  end.revision = Revision{.endpoint = entry.stored.name,
                          .at_ms = now,
                          .reason = end.reason,
                          .by = "system",
                          .rollout = end.next.id,
                          .fingerprint = entry.built_for,
                          .model = end.next.model,
                          .stable = end.next.candidate};
  if (entry.spec.model.alias) {
    end.alias = AliasMove{.model = end.next.model,
                          .alias = entry.spec.model.selector,
                          .version = end.next.candidate,
                          .reason = fmt::format("rollout {} succeeded", end.next.id),
                          .by = end.next.by};
  }
  commit(entry, end);
  entry.stable = std::move(entry.candidate);
  entry.candidate.reset();
  entry.pinned = entry.stable->version;
  entry.stable_counters = std::make_shared<ArmCounters>();
  entry.candidate_counters.reset();
  entry.outcomes.reset();
  entry.rollout.reset();
  install();
}

// The candidate has no traffic any more; its last answers are waited for, so that the figures count all of them.
void Control::finish_rollback(Entry& entry, Lock& lock) {
  std::string name = entry.stored.name;
  std::string id = entry.rollout->id;
  install();
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(config_.drain_ms);
  auto in_flight = entry.with_candidate;
  auto drained = [&] {
    return std::all_of(in_flight.begin(), in_flight.end(), [](const auto& old) { return old.expired(); });
  };
  while (!drained() && std::chrono::steady_clock::now() < until) changed_.wait_for(lock, std::chrono::milliseconds(1));
  Entry* now = find_entry(name);
  if (now == nullptr || !now->rollout || now->rollout->id != id) return;
  update_figures(*now);
  Transition end{.next = *now->rollout, .by = "system", .reason = now->rollout->reason};
  end.next.state = RolloutState::rolled_back;
  end.next.ended_at_ms = parts_.clock.now_ms();
  commit(*now, end);
  now->candidate.reset();
  now->candidate_counters.reset();
  now->outcomes.reset();
  now->rollout.reset();
  install();
}

std::string Control::check_gate(const RolloutRequest& request, const std::string& model, const std::string& version,
                                Rollout& rollout) const {
  rollout.override_reason = request.override_reason;
  if (parts_.gates == nullptr) return "";
  GateStanding standing = parts_.gates->standing(model, version, request.gate_report);
  rollout.gate_report = standing.report;
  if (standing.gate.empty() || standing.verdict == "pass") {
    // Nothing to override: the record must not claim so.
    rollout.override_reason.clear();
    return standing.report.empty() ? "" : "allowed";
  }
  if (!request.override_reason.empty()) return "overridden";
  std::string what = standing.report.empty()
                         ? fmt::format("gate '{}' has not judged {}/{}", standing.gate, model, version)
                         : fmt::format("gate '{}' says {} for {}/{} (report {})", standing.gate, standing.verdict,
                                       model, version, standing.report);
  fail(Error{Code::failed_precondition, what, {}, "run the gate, or give override_gate with a reason"});
}

Rollout Control::start_rollout(const std::string& endpoint, const RolloutRequest& request, const Author& author) {
  Lock lock(mutex_);
  Entry* entry = find_entry(endpoint);
  if (entry == nullptr) fail(Code::not_found, "endpoint '{}' not found", endpoint);
  if (entry->rollout) fail(Code::already_exists, "rollout '{}' is in progress on '{}'", entry->rollout->id, endpoint);
  if (request.candidate.model != entry->spec.model.model) {
    fail(Code::invalid_argument, "endpoint '{}' serves model '{}', the candidate is of '{}'", endpoint,
         entry->spec.model.model, request.candidate.model);
  }
  auto version = parts_.resolver.resolve(request.candidate);
  if (!version) fail(Code::not_found, "candidate '{}' not found", format_model_ref(request.candidate));
  if (entry->state != EndpointState::serving) {
    fail(Code::failed_precondition, "endpoint '{}' serves nothing yet, so there is nothing to compare with: {}",
         endpoint, entry->reason);
  }
  if (entry->stable->version == *version)
    fail(Code::failed_precondition, "version {} serves '{}' already", *version, endpoint);

  int64_t now = parts_.clock.now_ms();
  Rollout rollout{.id = new_id(now),
                  .endpoint = endpoint,
                  .model = request.candidate.model,
                  .stable = entry->stable->version,
                  .candidate = *version,
                  .spec = request.spec,
                  .by = author.by,
                  .reason = author.reason,
                  .started_at_ms = now,
                  .step_started_ms = now};
  std::string relation = check_gate(request, rollout.model, rollout.candidate, rollout);
  parts_.database.write([&](sql::Connection& connection) {
    add_rollout(connection, rollout);
    std::string reason =
        rollout.override_reason.empty() ? author.reason : fmt::format("gate overridden: {}", rollout.override_reason);
    add_history(connection, rollout.id,
                {.at_ms = now, .from = "", .to = "pending", .reason = reason, .by = author.by, .observations = "{}"});
    journal::record_audit(
        connection, {.actor = author.by,
                     .action = rollout.override_reason.empty() ? "rollout.start" : "rollout.start_overriding_gate",
                     .subject = "rollout/" + rollout.id,
                     .detail = format_rollout_spec(rollout.spec),
                     .at_ms = now});
    journal::Node node{"rollout", rollout.id};
    journal::add_edge(connection, {{"model_version", rollout.model + "/" + rollout.candidate}, node, "candidate", now});
    if (!rollout.gate_report.empty())
      journal::add_edge(connection, {{"gate_report", rollout.gate_report}, node, relation, now});
  });
  entry->rollout = rollout;
  entry->candidate.reset();
  entry->outcomes.reset();
  install();
  wake_ = true;
  changed_.notify_all();
  return rollout;
}

Rollout Control::command(const std::string& id, const CommandRequest& request) {
  Lock lock(mutex_);
  auto at = std::find_if(entries_.begin(), entries_.end(),
                         [&](const auto& e) { return e.second->rollout && e.second->rollout->id == id; });
  std::optional<Rollout> stored;
  if (at == entries_.end())
    stored = parts_.database.read([&](sql::Connection& connection) { return load_rollout(connection, id); });
  if (at == entries_.end() && !stored) fail(Code::not_found, "rollout '{}' not found", id);
  const Rollout& rollout = at != entries_.end() ? *at->second->rollout : *stored;
  if (request.generation && *request.generation != rollout.generation) {
    fail(Code::aborted, "generation {} is stale, current is {}", *request.generation, rollout.generation);
  }
  CommandEffect effect = apply_command(rollout, request.command, request.full);
  if (effect.no_op) return rollout;
  if (at == entries_.end()) return undo_promotion(rollout, request);

  Entry& entry = *at->second;
  update_figures(entry);
  int64_t now = parts_.clock.now_ms();
  Transition transition{.next = *entry.rollout, .by = request.author.by};
  transition.reason = request.author.reason.empty()
                          ? fmt::format("{} by {}", command_name(request.command), request.author.by)
                          : request.author.reason;
  Rollout& next = transition.next;
  next.state = effect.next;
  if (effect.step != next.step || request.command == Command::resume) next.step_started_ms = now;
  if (effect.step != next.step) {
    next.step = effect.step;
    next.stable_at_step = next.stable_total;
    next.candidate_at_step = next.candidate_total;
  }
  int32_t weight = next.weight();
  if (weight != entry.rollout->weight()) {
    transition.revision = Revision{.endpoint = entry.stored.name,
                                   .at_ms = now,
                                   .reason = transition.reason,
                                   .by = request.author.by,
                                   .rollout = id,
                                   .fingerprint = entry.built_for,
                                   .model = next.model,
                                   .stable = next.stable,
                                   .candidate = weight > 0 ? next.candidate : "",
                                   .weight = weight};
  }
  commit(entry, transition);
  install();
  if (effect.next == RolloutState::promoting) finish_promotion(entry);
  if (effect.next == RolloutState::aborting) finish_rollback(entry, lock);
  lock.unlock();
  return *find_rollout(id);
}

// After success: the version from before takes everything again, and the alias.
Rollout Control::undo_promotion(const Rollout& finished, const CommandRequest& request) {
  Entry* entry = find_entry(finished.endpoint);
  if (entry == nullptr) fail(Code::failed_precondition, "endpoint '{}' is gone", finished.endpoint);
  if (entry->rollout)
    fail(Code::failed_precondition, "rollout '{}' is in progress on '{}': abort it first", entry->rollout->id,
         finished.endpoint);
  if (entry->stable == nullptr || entry->stable->version != finished.candidate) {
    fail(Code::failed_precondition, "'{}' no longer serves version {}, which this rollout brought", finished.endpoint,
         finished.candidate);
  }
  auto previous = build(*entry, contract_of(*entry), finished.stable);
  int64_t now = parts_.clock.now_ms();
  Transition undo{.next = finished, .by = request.author.by};
  undo.reason =
      request.author.reason.empty() ? fmt::format("rolled back by {}", request.author.by) : request.author.reason;
  undo.next.state = RolloutState::rolled_back;
  undo.next.ended_at_ms = now;
  undo.revision = Revision{.endpoint = finished.endpoint,
                           .at_ms = now,
                           .reason = undo.reason,
                           .by = request.author.by,
                           .rollout = finished.id,
                           .fingerprint = entry->built_for,
                           .model = finished.model,
                           .stable = finished.stable};
  if (entry->spec.model.alias) {
    undo.alias = AliasMove{.model = finished.model,
                           .alias = entry->spec.model.selector,
                           .version = finished.stable,
                           .reason = fmt::format("rollout {} was rolled back", finished.id),
                           .by = request.author.by};
  }
  entry->rollout = finished;
  try {
    commit(*entry, undo);
  } catch (...) {
    entry->rollout.reset();
    throw;
  }
  Rollout result = *entry->rollout;
  entry->rollout.reset();
  entry->stable = std::move(previous);
  entry->pinned = finished.stable;
  entry->stable_counters = std::make_shared<ArmCounters>();
  install();
  return result;
}

std::optional<Rollout> Control::find_rollout(const std::string& id) const {
  {
    Lock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      if (!entry->rollout || entry->rollout->id != id) continue;
      update_figures(*entry);
      return entry->rollout;
    }
  }
  return parts_.database.read([&](sql::Connection& connection) { return load_rollout(connection, id); });
}

std::vector<Rollout> Control::rollouts(const RolloutFilter& filter) const {
  return parts_.database.read([&](sql::Connection& connection) { return list_rollouts(connection, filter); });
}

int64_t Control::rollout_count(const RolloutFilter& filter) const {
  return parts_.database.read([&](sql::Connection& connection) { return count_rollouts(connection, filter); });
}

std::vector<RolloutHistory> Control::rollout_history(const std::string& id) const {
  return parts_.database.read([&](sql::Connection& connection) { return list_history(connection, id); });
}

}  // namespace fettle::gateway
