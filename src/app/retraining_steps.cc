#include "app/retraining_steps.h"

#include <algorithm>

#include "base/error.h"
#include "json/json.h"
#include "platform/pipeline_runs.h"

namespace fettle::app {
namespace {

constexpr std::string_view kRetrainingTag = "fettle.retraining_run";
constexpr std::string_view kPipelineTag = "fettle.pipeline_run";
constexpr int64_t kVersionsLimit = 50;

std::string tag_of(const tracking::Run& run, std::string_view key) {
  auto found =
      std::find_if(run.tags.begin(), run.tags.end(), [&](const tracking::KeyValue& tag) { return tag.key == key; });
  return found == run.tags.end() ? "" : found->value;
}

// MLflow's dataset inputs describe themselves: {"num_rows": 12480, …}.
std::optional<int64_t> rows_of(const tracking::Run& run) {
  for (const auto& input : run.dataset_inputs) {
    if (input.dataset.profile.empty()) continue;
    try {
      json::Value profile = json::parse(input.dataset.profile, {.allow_nan = true});
      json::Problems problems;
      int64_t rows = json::Reader(profile, problems).integer_or("num_rows", 0);
      if (rows > 0) return rows;
    } catch (const Failure&) {
      continue;  // a profile of another form says nothing about rows
    }
  }
  return std::nullopt;
}

std::optional<retraining::Gain> gain_of(const validation::Report& report) {
  for (const auto& check : report.checks) {
    if (check.group != "performance" || !check.champion || !check.difference) continue;
    return retraining::Gain{check.name,        *check.champion,       check.value.value_or(0),
                            *check.difference, check.low.value_or(0), check.high.value_or(0)};
  }
  return std::nullopt;
}

}  // namespace

std::vector<retraining::FiringAlert> RetrainingSteps::firing_alerts() {
  std::vector<retraining::FiringAlert> firing;
  for (const auto& alert : parts_.monitoring.alerts().list()) {
    if (alert.memory.state == monitoring::AlertState::firing)
      firing.push_back({alert.name, alert.monitor, alert.window_id});
  }
  return firing;
}

std::optional<int64_t> RetrainingSteps::newest_event_ms(const std::string& endpoint) {
  return parts_.monitoring.watermark_ms(endpoint);
}

int64_t RetrainingSteps::label_count(const std::string& endpoint) {
  return parts_.monitoring.labels().status(endpoint).labelled;
}

std::string RetrainingSteps::monitor_of(const retraining::Policy& policy) {
  if (!policy.evaluate_monitor.empty()) return policy.evaluate_monitor;
  return parts_.monitoring.alerts().get(policy.on.front()).monitor;
}

std::optional<retraining::EvaluationWindow> RetrainingSteps::evaluation_window(const retraining::Policy& policy) {
  auto window = newest_mature_window(parts_.monitoring, monitor_of(policy));
  if (!window) return std::nullopt;
  return retraining::EvaluationWindow{window->start_ms, window->end_ms};
}

jobs::Spec RetrainingSteps::job_spec(const retraining::Policy& policy, const retraining::Run& run,
                                     const std::string& step) const {
  jobs::Spec spec;
  spec.name = fmt::format("retrain-{}-{}", policy.name, step);
  spec.directory = policy.pipeline.directory;
  spec.environment = policy.pipeline.environment;
  spec.environment["FETTLE_RETRAINING_RUN"] = run.id;
  spec.environment["MLFLOW_RUN_CONTEXT"] = json::format(json::Object{{kRetrainingTag, run.id}});
  if (run.evaluation_from_ms) spec.environment["FETTLE_EVALUATION_FROM_MS"] = std::to_string(*run.evaluation_from_ms);
  if (run.evaluation_to_ms) spec.environment["FETTLE_EVALUATION_TO_MS"] = std::to_string(*run.evaluation_to_ms);
  spec.timeout_ms = policy.pipeline.timeout_ms;
  spec.key = fmt::format("retraining/{}/{}", run.id, step);
  spec.by = "retrain/" + policy.name;
  spec.retraining_run = run.id;
  return spec;
}

std::string RetrainingSteps::start_versioning(const retraining::Policy& policy, const retraining::Run& run) {
  if (policy.pipeline.data.empty()) return "";
  jobs::Spec spec = job_spec(policy, run, "add");
  spec.command = {parts_.program, "add"};
  spec.command.insert(spec.command.end(), policy.pipeline.data.begin(), policy.pipeline.data.end());
  return parts_.jobs.submit(spec).id;
}

std::string RetrainingSteps::start_training(const retraining::Policy& policy, const retraining::Run& run) {
  jobs::Spec spec = job_spec(policy, run, "repro");
  spec.command = {parts_.program, "repro"};
  spec.command.insert(spec.command.end(), policy.pipeline.targets.begin(), policy.pipeline.targets.end());
  return parts_.jobs.submit(spec).id;
}

retraining::JobEnd RetrainingSteps::job(const std::string& id) {
  auto job = parts_.jobs.find(id);
  if (!job) return {.over = true, .ok = false, .reason = "the job is not there any more"};
  std::string reason = job->reason;
  bool over = jobs::is_final(job->state);
  if (over && job->state != jobs::State::succeeded) {
    constexpr int64_t kTail = 600;
    auto tail = parts_.jobs.read_log(id, std::max<int64_t>(0, job->log_bytes - kTail), kTail, 0);
    reason += fmt::format("; its log ends: {}", tail.text);
  }
  return {.over = over,
          .ok = job->state == jobs::State::succeeded,
          .reason = reason,
          .pipeline_run = job->pipeline_run,
          .cpu_ms = job->cpu_ms};
}

// The newest version whose run carries this retraining's tag, or was logged by a stage of its job.
std::optional<retraining::Candidate> RetrainingSteps::candidate(const retraining::Policy& policy,
                                                                const retraining::Run& run) {
  std::vector<std::string> stages;
  for (const auto& stage : platform::pipeline_runs_of_job(parts_.database, run.training_job))
    stages.push_back(stage.id);
  registry::VersionQuery query;
  query.conditions.push_back({.field = registry::VersionField::name, .operand = policy.model});
  query.order.push_back({.field = registry::VersionField::version, .descending = true});
  query.limit = kVersionsLimit;
  for (const auto& version : parts_.registry.search_versions(query).items) {
    if (version.run_id.empty() || !parts_.tracking.runs.find(version.run_id)) continue;
    auto made_by = parts_.tracking.runs.get(version.run_id);
    std::string stage = tag_of(made_by, kPipelineTag);
    bool ours = tag_of(made_by, kRetrainingTag) == run.id ||
                (!stage.empty() && std::find(stages.begin(), stages.end(), stage) != stages.end());
    if (ours) return retraining::Candidate{std::to_string(version.version), version.run_id, rows_of(made_by)};
  }
  return std::nullopt;
}

retraining::GateEnd RetrainingSteps::judge(const retraining::Policy& policy, const retraining::Run& run) {
  validation::LabelledWindow data{.monitor = monitor_of(policy)};
  if (run.evaluation_from_ms) {
    auto monitor = parts_.monitoring.windows().get(data.monitor);
    data.window = monitoring::window_id(monitor->spec.window, *run.evaluation_from_ms);
  }
  auto report = parts_.validation.run(
      {.gate = policy.gate, .candidate = run.candidate, .data = data, .by = "retrain/" + policy.name});
  return {.report = report.id,
          .verdict = std::string(validation::verdict_name(report.verdict)),
          .reason = report.reason,
          .champion = report.champion_version,
          .gain = gain_of(report)};
}

std::string RetrainingSteps::start_rollout(const retraining::Policy& policy, const retraining::Run& run) {
  for (const auto& rollout : parts_.control.rollouts({.endpoint = policy.endpoint, .limit = 20})) {
    if (rollout.candidate == run.candidate && rollout.started_at_ms >= run.started_at_ms) return rollout.id;
  }
  gateway::RolloutRequest request;
  request.candidate = {.model = policy.model, .selector = run.candidate};
  request.gate_report = run.gate_report;
  if (!policy.rollout.empty()) request.spec = gateway::parse_rollout_spec(policy.rollout);
  gateway::Author author{.by = "retrain/" + policy.name, .reason = fmt::format("retraining-run/{}", run.id)};
  return parts_.control.start_rollout(policy.endpoint, request, author).id;
}

retraining::RolloutEnd RetrainingSteps::rollout(const std::string& id) {
  auto rollout = parts_.control.find_rollout(id);
  if (!rollout) return {.over = true, .succeeded = false, .reason = "the rollout is not there any more"};
  return {.over = gateway::is_final(rollout->state),
          .succeeded = rollout->state == gateway::RolloutState::succeeded,
          .reason = rollout->reason};
}

}  // namespace fettle::app
