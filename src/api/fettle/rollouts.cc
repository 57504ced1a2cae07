#include "api/fettle/rollouts.h"

#include <cmath>

#include "api/fettle/route.h"
#include "base/id.h"

namespace fettle::api {
namespace {

using gateway::Author;
using gateway::Command;
using gateway::Control;
using gateway::Rollout;

json::Value number_or_null(double value) { return std::isnan(value) ? json::Value() : json::Value(value); }

// As listed; the single form adds checks and history.
json::Object rollout_json(const Rollout& rollout) {
  json::Object spec = json::parse(gateway::format_rollout_spec(rollout.spec)).as_object();
  json::Value overridden;
  if (!rollout.override_reason.empty()) overridden = json::Object{{"reason", rollout.override_reason}};
  return {{"id", rollout.id},
          {"endpoint", rollout.endpoint},
          {"state", std::string(gateway::state_name(rollout.state))},
          {"reason", rollout.reason},
          {"generation", rollout.generation},
          {"stable", rollout.stable},
          {"candidate", rollout.candidate},
          {"model", rollout.model},
          {"step", rollout.step},
          {"weight_percent", rollout.weight() / 100.0},
          {"steps", std::move(spec["steps"])},
          {"analysis", std::move(spec["analysis"])},
          {"gate_report", text_or_null(rollout.gate_report)},
          {"override_gate", std::move(overridden)},
          {"by", rollout.by},
          {"started_at_ms", rollout.started_at_ms},
          {"ended_at_ms", optional_json(rollout.ended_at_ms)},
          {"candidate_rows", rollout.candidate_total.rows},
          {"stable_rows", rollout.stable_total.rows}};
}

json::Array checks_json(const Rollout& rollout) {
  json::Array checks;
  for (const auto& check : rollout.checks) {
    json::Value interval;
    if (!std::isnan(check.low) && !std::isnan(check.high)) interval = json::Array{check.low, check.high};
    checks.push_back(json::Object{{"name", check.name},
                                  {"stable", number_or_null(check.stable)},
                                  {"candidate", number_or_null(check.candidate)},
                                  {"difference", number_or_null(check.difference)},
                                  {"interval", std::move(interval)},
                                  {"limit", number_or_null(check.limit)},
                                  {"rows", check.rows},
                                  {"verdict", std::string(gateway::verdict_name(check.verdict))},
                                  {"message", check.message}});
  }
  return checks;
}

json::Array history_json(const Control& control, const std::string& id) {
  json::Array history;
  for (const auto& entry : control.rollout_history(id)) {
    history.push_back(json::Object{{"at_ms", entry.at_ms},
                                   {"from", entry.from},
                                   {"to", entry.to},
                                   {"step", entry.step},
                                   {"weight_percent", entry.weight / 100.0},
                                   {"verdict", entry.verdict},
                                   {"reason", entry.reason},
                                   {"by", entry.by},
                                   {"decision", text_or_null(entry.decision)},
                                   {"observations", json::parse(entry.observations)}});
  }
  return history;
}

json::Object whole_json(const Control& control, const Rollout& rollout) {
  json::Object answer = rollout_json(rollout);
  answer["checks"] = checks_json(rollout);
  answer["history"] = history_json(control, rollout.id);
  return answer;
}

http::Response start(Control& control, const http::Request& request) {
  read_json_object(request);
  Author author;
  gateway::RolloutRequest wanted = gateway::parse_rollout_request(request.body, author);
  if (!request.principal.empty()) author.by = request.principal;
  Rollout rollout = control.start_rollout(std::string(request.param("name")), wanted, author);
  return json_response(whole_json(control, rollout), 201);
}

http::Response list(const Control& control, const http::Request& request) {
  ListPage page = read_list_page(request);
  gateway::RolloutFilter filter{.endpoint = query_or_empty(request, "endpoint"),
                                .state = query_or_empty(request, "state"),
                                .before = page.before,
                                .limit = page.limit};
  if (!filter.state.empty() && !gateway::parse_rollout_state(filter.state)) {
    fail(Code::invalid_argument, "state={}: no state of a rollout", filter.state.substr(0, 60));
  }
  json::Array items;
  std::string last;
  for (const auto& stored : control.rollouts(filter)) {
    // A running one has newer figures than its stored document.
    auto live = stored.ended_at_ms ? std::optional(stored) : control.find_rollout(stored.id);
    items.push_back(rollout_json(live ? *live : stored));
    last = stored.id;
  }
  return list_response(std::move(items), page, last, control.rollout_count(filter));
}

http::Response show(const Control& control, const http::Request& request) {
  std::string id(request.param("id"));
  auto rollout = control.find_rollout(id);
  if (!rollout) fail(Code::not_found, "rollout '{}' not found", id.substr(0, 120));
  return json_response(whole_json(control, *rollout));
}

http::Response command(Control& control, Command command, const http::Request& request) {
  json::Value body = read_json(request, {.empty = EmptyBody::object});
  json::Problems problems;
  json::Reader in(body, problems);
  Control::CommandRequest wanted{.command = command};
  if (in.has("generation")) wanted.generation = in.integer("generation");
  in.find("generation");
  wanted.full = in.boolean_or("full", false);
  if (wanted.full && command != Command::promote) in.problem("full", "only for promote");
  wanted.author.by = author_of(request, in);
  wanted.author.reason = in.string_or("reason", "");
  if (wanted.author.reason.size() > 1000) in.problem("reason", "longer than 1000 characters");
  in.refuse_unknown();
  problems.check();
  return json_response(whole_json(control, control.command(std::string(request.param("id")), wanted)));
}

}  // namespace

std::vector<http::Route> rollout_routes(Control& control) {
  std::vector<http::Route> routes;
  routes.push_back(rest_route("POST", "/endpoints/{name}/rollouts",
                              [&](http::Request& request) { return start(control, request); }));
  routes.push_back(rest_route("GET", "/rollouts", [&](http::Request& request) { return list(control, request); }));
  routes.push_back(rest_route("GET", "/rollouts/{id}", [&](http::Request& request) { return show(control, request); }));
  for (int i = 0; i < gateway::kCommands; ++i) {
    auto verb = static_cast<Command>(i);
    std::string path = fmt::format("/rollouts/{{id}}/{}", gateway::command_name(verb));
    routes.push_back(
        rest_route("POST", path, [&control, verb](http::Request& request) { return command(control, verb, request); }));
  }
  return routes;
}

}  // namespace fettle::api
