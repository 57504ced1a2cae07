// Rows of retraining runs, policies and transitions.
#include <array>

#include "base/error.h"
#include "retraining/retraining.h"
#include "retraining/rows.h"

namespace fettle::retraining {
namespace {

constexpr std::array<std::string_view, 8> kStates = {"versioning", "training", "gating", "rolling_out",
                                                     "succeeded",  "rejected", "failed", "rolled_back"};

constexpr std::string_view kColumns =
    "id, policy, endpoint, model, state, reason, decision, alert, alert_window, trigger_kind, evaluation_from_ms, "
    "evaluation_to_ms, "
    "versioning_job, training_job, pipeline_run, mlflow_run, candidate, champion, gate_report, gate_verdict, rollout, "
    "gain, training_rows, "
    "cpu_ms, started_at_ms, ended_at_ms";

}  // namespace

std::string_view state_name(State state) { return kStates[static_cast<size_t>(state)]; }

std::optional<State> parse_state(std::string_view name) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == name) return static_cast<State>(i);
  }
  return std::nullopt;
}

Run run_from(const sql::Row& row) {
  Run run;
  run.id = row.text(0);
  run.policy = row.text(1);
  run.endpoint = row.text(2);
  run.model = row.text(3);
  run.state = parse_state(row.view(4)).value_or(State::failed);
  run.reason = row.text(5);
  run.decision = row.text(6);
  run.alert = row.text(7);
  run.alert_window = row.text(8);
  run.trigger = row.text(9);
  run.evaluation_from_ms = row.find_integer(10);
  run.evaluation_to_ms = row.find_integer(11);
  run.versioning_job = row.text(12);
  run.training_job = row.text(13);
  run.pipeline_run = row.text(14);
  run.mlflow_run = row.text(15);
  run.candidate = row.text(16);
  run.champion = row.text(17);
  run.gate_report = row.text(18);
  run.gate_verdict = row.text(19);
  run.rollout = row.text(20);
  run.gain = row.text(21);
  run.training_rows = row.find_integer(22);
  run.cpu_ms = row.integer(23);
  run.started_at_ms = row.integer(24);
  run.ended_at_ms = row.find_integer(25);
  return run;
}

std::vector<Run> read_runs(sql::Connection& connection, const std::string& condition,
                           std::span<const sql::Value> values) {
  std::vector<Run> runs;
  connection.query_each(fmt::format("select {} from retraining_runs where {}", kColumns, condition), values,
                        [&](const sql::Row& row) { runs.push_back(run_from(row)); });
  return runs;
}

void insert_run(sql::Connection& connection, const Run& run) {
  connection.exec(
      "insert into retraining_runs (id, policy, endpoint, model, state, reason, decision, alert, alert_window, "
      "trigger_kind, "
      "evaluation_from_ms, evaluation_to_ms, versioning_job, training_job, pipeline_run, mlflow_run, candidate, "
      "champion, gate_report, "
      "gate_verdict, rollout, gain, cpu_ms, started_at_ms) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
      "'', '', '', '', '', '', "
      "'', '', '', '', 0, $13)",
      run.id, run.policy, run.endpoint, run.model, state_name(run.state), run.reason, run.decision, run.alert,
      run.alert_window, run.trigger, run.evaluation_from_ms, run.evaluation_to_ms, run.started_at_ms);
}

void update_run(sql::Connection& connection, const Run& run) {
  connection.exec(
      "update retraining_runs set state = $2, reason = $3, versioning_job = $4, training_job = $5, pipeline_run = $6, "
      "mlflow_run = $7, "
      "candidate = $8, champion = $9, gate_report = $10, gate_verdict = $11, rollout = $12, gain = $13, training_rows "
      "= $14, cpu_ms = $15, "
      "ended_at_ms = $16, evaluation_from_ms = $17, evaluation_to_ms = $18 where id = $1",
      run.id, state_name(run.state), run.reason, run.versioning_job, run.training_job, run.pipeline_run, run.mlflow_run,
      run.candidate, run.champion, run.gate_report, run.gate_verdict, run.rollout, run.gain, run.training_rows,
      run.cpu_ms, run.ended_at_ms, run.evaluation_from_ms, run.evaluation_to_ms);
}

void add_transition(sql::Connection& connection, const std::string& run, const Transition& transition) {
  int64_t seq = connection.query_one("select count(*) from retraining_transitions where run = $1", run)->integer(0);
  connection.exec(
      "insert into retraining_transitions (run, seq, at_ms, from_state, to_state, reason) values ($1, $2, $3, $4, $5, "
      "$6)",
      run, seq, transition.at_ms, transition.from, transition.to, transition.reason);
}

}  // namespace fettle::retraining
