#include "retraining/retraining.h"

#include <algorithm>

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "journal/journal.h"
#include "retraining/rows.h"

namespace fettle::retraining {

struct Retraining::Stored {
  Policy policy;
  int64_t rejections = 0;
  std::optional<int64_t> last_start_event_ms;
  int64_t last_start_label_count = 0;
  std::string last_verdict;
  std::string last_reason;
};

Retraining::Retraining(sql::Database& database, const Clock& clock, Steps& steps)
    : database_(database), clock_(clock), steps_(steps) {}
Retraining::~Retraining() { stop(); }

void Retraining::put_policy(const std::string& name, int64_t generation, const std::string& spec) {
  parse_policy(name, generation, spec);
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "insert into retrain_policies (name, generation, spec, rejections, last_start_label_count, last_verdict, "
        "last_reason) "
        "values ($1, $2, $3, 0, 0, '', '') on conflict (name) do update set generation = $2, spec = $3",
        name, generation, spec);
  });
  wake();
}

void Retraining::remove_policy(const std::string& name) {
  database_.write(
      [&](sql::Connection& connection) { connection.exec("delete from retrain_policies where name = $1", name); });
}

std::vector<Retraining::Stored> Retraining::stored_policies() const {
  return database_.read([](sql::Connection& connection) {
    std::vector<Stored> policies;
    for (const auto& row :
         connection.query("select name, generation, spec, rejections, last_start_event_ms, last_start_label_count, "
                          "last_verdict, last_reason from retrain_policies order by name")) {
      policies.push_back({parse_policy(row.text(0), row.integer(1), row.text(2)), row.integer(3), row.find_integer(4),
                          row.integer(5), row.text(6), row.text(7)});
    }
    return policies;
  });
}

std::vector<PolicyStatus> Retraining::policies() const {
  std::vector<PolicyStatus> found;
  for (auto& stored : stored_policies()) {
    PolicyStatus status{
        .policy = stored.policy, .rejections = stored.rejections, .last_start_event_ms = stored.last_start_event_ms};
    status.last_verdict = stored.last_verdict;
    status.last_reason = stored.last_reason;
    status.new_labels =
        std::max<int64_t>(0, steps_.label_count(stored.policy.endpoint) - stored.last_start_label_count);
    for (const auto& run : open_runs()) {
      if (run.policy == stored.policy.name) status.running = run.id;
    }
    found.push_back(std::move(status));
  }
  return found;
}

std::vector<Run> Retraining::open_runs() const {
  return database_.read([](sql::Connection& c) {
    return read_runs(c, "state in ('versioning', 'training', 'gating', 'rolling_out') order by id", {});
  });
}

std::optional<Run> Retraining::find(const std::string& id) const {
  auto runs = database_.read([&](sql::Connection& c) {
    sql::Value values[] = {std::string_view(id)};
    return read_runs(c, "id = $1", values);
  });
  if (runs.empty()) return std::nullopt;
  return runs.front();
}

std::vector<Run> Retraining::list(const RunFilter& filter) const {
  return database_.read([&](sql::Connection& c) {
    sql::Value values[] = {std::string_view(filter.policy), std::string_view(filter.endpoint),
                           std::string_view(filter.before), filter.limit};
    return read_runs(
        c, "($1 = '' or policy = $1) and ($2 = '' or endpoint = $2) and ($3 = '' or id < $3) order by id desc limit $4",
        values);
  });
}

int64_t Retraining::count(const RunFilter& filter) const {
  return database_.read([&](sql::Connection& c) {
    return c
        .query_one("select count(*) from retraining_runs where ($1 = '' or policy = $1) and ($2 = '' or endpoint = $2)",
                   filter.policy, filter.endpoint)
        ->integer(0);
  });
}

std::vector<Transition> Retraining::transitions(const std::string& run) const {
  return database_.read([&](sql::Connection& connection) {
    std::vector<Transition> found;
    for (const auto& row : connection.query(
             "select at_ms, from_state, to_state, reason from retraining_transitions where run = $1 order by seq",
             run)) {
      found.push_back({row.integer(0), row.text(1), row.text(2), row.text(3)});
    }
    return found;
  });
}

Observations Retraining::observe(const Stored& stored) const {
  Observations seen;
  seen.firing = steps_.firing_alerts();
  seen.newest_event_ms = steps_.newest_event_ms(stored.policy.endpoint);
  seen.last_start_event_ms = stored.last_start_event_ms;
  seen.new_labels = std::max<int64_t>(0, steps_.label_count(stored.policy.endpoint) - stored.last_start_label_count);
  seen.rejections = stored.rejections;
  auto open = open_runs();
  seen.running =
      std::any_of(open.begin(), open.end(), [&](const Run& run) { return run.policy == stored.policy.name; });
  return seen;
}

void Retraining::consider(const Stored& stored) {
  Observations seen = observe(stored);
  Decision decision = decide(stored.policy, seen);
  if (decision.verdict == Verdict::start) {
    create(stored, seen, decision, "system");
    return;
  }
  std::string verdict(verdict_name(decision.verdict));
  if (verdict == stored.last_verdict && decision.reason == stored.last_reason) return;
  // A verdict is journalled when it differs from the last one; waiting is no decision.
  database_.write([&](sql::Connection& connection) {
    connection.exec("update retrain_policies set last_verdict = $2, last_reason = $3 where name = $1",
                    stored.policy.name, verdict, decision.reason);
    if (decision.verdict != Verdict::block || verdict == stored.last_verdict) return;
    journal::record_decision(connection, {.kind = "retrain",
                                          .subject = stored.policy.name,
                                          .verdict = verdict,
                                          .reason = decision.reason,
                                          .policy_version = std::to_string(stored.policy.generation),
                                          .observations = format_observations(seen),
                                          .actor = "system",
                                          .at_ms = clock_.now_ms()});
  });
}

Run Retraining::create(const Stored& stored, const Observations& seen, const Decision& decision,
                       const std::string& actor) {
  const Policy& policy = stored.policy;
  int64_t now_ms = clock_.now_ms();
  Run run{.id = new_id(now_ms),
          .policy = policy.name,
          .endpoint = policy.endpoint,
          .model = policy.model,
          .reason = decision.reason};
  run.trigger = decision.alert ? "alert" : "manual";
  if (decision.alert) {
    run.alert = decision.alert->name;
    run.alert_window = decision.alert->window;
  }
  if (auto window = steps_.evaluation_window(policy)) {
    run.evaluation_from_ms = window->from_ms;
    run.evaluation_to_ms = window->to_ms;
  }
  run.started_at_ms = now_ms;
  int64_t labels = steps_.label_count(policy.endpoint);
  database_.write([&](sql::Connection& connection) {
    run.decision = journal::record_decision(connection, {.kind = "retrain",
                                                         .subject = policy.name,
                                                         .verdict = "start",
                                                         .reason = decision.reason,
                                                         .policy_version = std::to_string(policy.generation),
                                                         .observations = format_observations(seen),
                                                         .actor = actor,
                                                         .at_ms = now_ms});
    insert_run(connection, run);
    add_transition(connection, run.id, {now_ms, "", "versioning", decision.reason});
    connection.exec(
        "update retrain_policies set last_start_event_ms = $2, last_start_label_count = $3, last_verdict = 'start', "
        "last_reason = $4, "
        "rejections = case when $5 = 1 then 0 else rejections end where name = $1",
        policy.name, seen.newest_event_ms, labels, decision.reason, decision.alert ? 0 : 1);
    journal::add_edge(connection, {{"decision", run.decision}, {"retraining_run", run.id}, "started", now_ms});
    if (decision.alert)
      journal::add_edge(connection, {{"alert", run.alert}, {"decision", run.decision}, "triggered", now_ms});
    journal::record_audit(
        connection,
        {.actor = actor, .action = "retraining.start", .subject = policy.name, .detail = "{}", .at_ms = now_ms});
  });
  log_info("retraining starts", {{"policy", policy.name}, {"run", run.id}, {"reason", decision.reason}});
  return run;
}

Run Retraining::run_now(const std::string& name, const std::string& by, const std::string& reason) {
  std::lock_guard lock(tick_mutex_);
  for (const auto& stored : stored_policies()) {
    if (stored.policy.name != name) continue;
    Observations seen = observe(stored);
    if (seen.running) fail(Code::already_exists, "a run of policy '{}' is in progress", name);
    seen.by_hand = true;
    Decision decision = decide(stored.policy, seen);
    if (!reason.empty()) decision.reason = fmt::format("started by hand: {}", reason);
    Run run = create(stored, seen, decision, by);
    wake();
    return run;
  }
  fail(Code::not_found, "no retrain policy '{}'", name);
}

void Retraining::move(Run& run, State to, const std::string& reason) {
  int64_t now_ms = clock_.now_ms();
  std::string from(state_name(run.state));
  run.state = to;
  run.reason = reason;
  if (is_final(to)) run.ended_at_ms = now_ms;
  database_.write([&](sql::Connection& connection) {
    update_run(connection, run);
    if (from != state_name(to)) add_transition(connection, run.id, {now_ms, from, std::string(state_name(to)), reason});
    for (const auto& job : {run.versioning_job, run.training_job}) {
      if (!job.empty()) journal::add_edge(connection, {{"retraining_run", run.id}, {"job", job}, "ran", now_ms});
    }
    if (to == State::succeeded) {
      connection.exec("update retrain_policies set rejections = 0 where name = $1", run.policy);
    } else if (is_final(to)) {
      connection.exec("update retrain_policies set rejections = rejections + 1 where name = $1", run.policy);
    }
    if (is_final(to)) {
      journal::record_audit(connection, {.actor = "system",
                                         .action = fmt::format("retraining.{}", state_name(to)),
                                         .subject = run.policy,
                                         .detail = "{}",
                                         .at_ms = now_ms});
    }
  });
  log_info("retraining moves", {{"run", run.id}, {"from", from}, {"to", state_name(to)}, {"reason", reason}});
}

void Retraining::version(Run& run, const Policy& policy) {
  if (run.versioning_job.empty()) {
    run.versioning_job = steps_.start_versioning(policy, run);
    if (!run.versioning_job.empty()) return move(run, State::versioning, run.reason);
  }
  if (!run.versioning_job.empty()) {
    JobEnd end = steps_.job(run.versioning_job);
    if (!end.over) return;
    if (!end.ok) return move(run, State::failed, fmt::format("versioning the data failed: {}", end.reason));
    run.cpu_ms += end.cpu_ms;
  }
  run.training_job = steps_.start_training(policy, run);
  move(run, State::training, "the data is versioned");
}

void Retraining::train(Run& run, const Policy& policy) {
  JobEnd end = steps_.job(run.training_job);
  if (!end.over) return;
  run.cpu_ms += end.cpu_ms;
  run.pipeline_run = end.pipeline_run;
  if (!end.ok) return move(run, State::failed, fmt::format("the pipeline failed: {}", end.reason));
  auto candidate = steps_.candidate(policy, run);
  if (!candidate) {
    return move(run, State::failed,
                fmt::format("the pipeline ran, but registered no new version of '{}'", policy.model));
  }
  run.candidate = candidate->version;
  run.mlflow_run = candidate->mlflow_run;
  run.training_rows = candidate->training_rows;
  move(run, State::gating, fmt::format("version {} was registered", run.candidate));
}

void Retraining::gate(Run& run, const Policy& policy) {
  GateEnd end = steps_.judge(policy, run);
  run.gate_report = end.report;
  run.gate_verdict = end.verdict;
  run.champion = end.champion;
  if (end.gain) run.gain = format_gain(*end.gain);
  if (end.verdict != "pass")
    return move(run, State::rejected, fmt::format("the gate says {}: {}", end.verdict, end.reason));
  run.rollout = steps_.start_rollout(policy, run);
  move(run, State::rolling_out, fmt::format("the gate passed: {}", end.reason));
}

void Retraining::roll_out(Run& run, const Policy&) {
  RolloutEnd end = steps_.rollout(run.rollout);
  if (!end.over) return;
  move(run, end.succeeded ? State::succeeded : State::rolled_back, end.reason);
}

void Retraining::advance(Run run, const Policy& policy) {
  try {
    switch (run.state) {
      case State::versioning: return version(run, policy);
      case State::training: return train(run, policy);
      case State::gating: return gate(run, policy);
      case State::rolling_out: return roll_out(run, policy);
      default: return;
    }
  } catch (const Failure& failure) {
    if (failure.code() == Code::unavailable) return;
    move(run, State::failed, failure.what());
  }
}

void Retraining::tick() {
  std::lock_guard lock(tick_mutex_);
  auto policies = stored_policies();
  for (const auto& run : open_runs()) {
    auto found =
        std::find_if(policies.begin(), policies.end(), [&](const Stored& s) { return s.policy.name == run.policy; });
    if (found == policies.end()) {
      Run orphan = run;
      move(orphan, State::failed, "its policy was removed");
    } else {
      advance(run, found->policy);
    }
  }
  for (const auto& stored : policies) consider(stored);
}

void Retraining::start(int64_t interval_ms) {
  thread_ = std::jthread([this, interval_ms](std::stop_token stop) {
    name_thread("retraining");
    while (!stop.stop_requested()) {
      try {
        tick();
      } catch (...) {
        log_error("retraining cannot proceed", {{"error", error_from_current_exception().message}});
      }
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, std::chrono::milliseconds(interval_ms), [this] { return woken_; });
      woken_ = false;
    }
  });
}

void Retraining::stop() { thread_ = {}; }

void Retraining::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

}  // namespace fettle::retraining
