#include "api/fettle/retraining.h"

#include "api/fettle/route.h"

namespace fettle::api {
namespace {

using retraining::PolicyStatus;
using retraining::Retraining;

json::Object policy_json(const PolicyStatus& status, Retraining& retraining) {
  const auto& policy = status.policy;
  json::Value last;
  auto runs = retraining.list({.policy = policy.name, .limit = 1});
  if (!status.last_verdict.empty()) {
    bool from_run = status.last_verdict == "start" && !runs.empty();
    last = json::Object{{"id", from_run ? json::Value(runs[0].decision) : json::Value()},
                        {"at_ms", from_run ? json::Value(runs[0].started_at_ms) : json::Value()},
                        {"verdict", status.last_verdict},
                        {"reason", status.last_reason}};
  }
  json::Value cooldown;
  if (status.last_start_event_ms) cooldown = *status.last_start_event_ms + policy.cooldown_ms;
  return {{"name", policy.name},
          {"endpoint", policy.endpoint},
          {"model", policy.model},
          {"generation", policy.generation},
          {"paused", policy.paused},
          {"cooldown_until_ms", cooldown},
          {"new_labels", status.new_labels},
          {"min_new_labels", policy.min_new_labels},
          {"rejections", status.rejections},
          {"circuit", status.rejections >= policy.max_rejections ? "open" : "closed"},
          {"running", text_or_null(status.running)},
          {"last_decision", last},
          {"spec", json::parse(policy.spec)}};
}

json::Object run_json(const retraining::Run& run, const RetrainingFacts& facts) {
  json::Array data;
  if (!run.pipeline_run.empty()) {
    for (const auto& [path, hash] : facts.inputs(run.pipeline_run))
      data.push_back(json::Object{{"path", path}, {"hash", hash}});
  }
  json::Value wall;
  if (run.ended_at_ms) wall = *run.ended_at_ms - run.started_at_ms;
  return {
      {"id", run.id},
      {"policy", run.policy},
      {"endpoint", run.endpoint},
      {"model", run.model},
      {"state", std::string(retraining::state_name(run.state))},
      {"reason", run.reason},
      {"trigger", run.trigger},
      {"decision", run.decision},
      {"alert", text_or_null(run.alert)},
      {"window", text_or_null(run.alert_window)},
      {"data", data},
      {"job", text_or_null(run.training_job)},
      {"pipeline_run", text_or_null(run.pipeline_run)},
      {"run_id", text_or_null(run.mlflow_run)},
      {"candidate", text_or_null(run.candidate)},
      {"champion", text_or_null(run.champion)},
      {"gate_report", text_or_null(run.gate_report)},
      {"gate_verdict", text_or_null(run.gate_verdict)},
      {"rollout", text_or_null(run.rollout)},
      {"started_at_ms", run.started_at_ms},
      {"ended_at_ms", optional_json(run.ended_at_ms)},
      {"cost",
       json::Object{{"wall_ms", wall}, {"cpu_ms", run.cpu_ms}, {"training_rows", optional_json(run.training_rows)}}},
      {"gain", run.gain.empty() ? json::Value() : json::parse(run.gain)}};
}

http::Response run_now(Retraining& retraining, const RetrainingFacts& facts, const http::Request& request) {
  json::Value body = read_json(request, {.empty = EmptyBody::object});
  json::Problems problems;
  json::Reader in(body, problems);
  std::string by = author_of(request, in);
  std::string reason = in.string_or("reason", "");
  in.refuse_unknown();
  problems.check();
  return json_response(run_json(retraining.run_now(std::string(request.param("name")), by, reason), facts), 201);
}

http::Response list_runs(Retraining& retraining, const RetrainingFacts& facts, const http::Request& request) {
  ListPage page = read_list_page(request);
  retraining::RunFilter filter{query_or_empty(request, "policy"), query_or_empty(request, "endpoint"), page.before,
                               page.limit};
  json::Array items;
  std::string last;
  for (const auto& run : retraining.list(filter)) {
    items.push_back(run_json(run, facts));
    last = run.id;
  }
  return list_response(std::move(items), page, last, retraining.count(filter));
}

http::Response show_run(Retraining& retraining, const RetrainingFacts& facts, const http::Request& request) {
  std::string id(request.param("id"));
  auto run = retraining.find(id);
  if (!run) fail(Code::not_found, "no retraining run '{}'", id);
  json::Object object = run_json(*run, facts);
  json::Array transitions;
  for (const auto& t : retraining.transitions(id)) {
    transitions.push_back(json::Object{{"at_ms", t.at_ms}, {"from", t.from}, {"to", t.to}, {"reason", t.reason}});
  }
  object["transitions"] = transitions;
  return json_response(object);
}

}  // namespace

std::vector<http::Route> retraining_routes(Retraining& retraining, RetrainingFacts facts) {
  return {
      rest_route("GET", "/retraining/policies",
                 [&retraining](http::Request&) {
                   json::Array items;
                   for (const auto& status : retraining.policies()) items.push_back(policy_json(status, retraining));
                   return list_response(std::move(items), {.limit = 1'000'000}, "");
                 }),
      rest_route("POST", "/retraining/policies/{name}/run",
                 [&retraining, facts](http::Request& request) { return run_now(retraining, facts, request); }),
      rest_route("GET", "/retraining/runs",
                 [&retraining, facts](http::Request& request) { return list_runs(retraining, facts, request); }),
      rest_route("GET", "/retraining/runs/{id}",
                 [&retraining, facts](http::Request& request) { return show_run(retraining, facts, request); }),
  };
}

}  // namespace fettle::api
