#include "api/fettle/endpoints.h"

#include <algorithm>
#include <cmath>

#include "api/fettle/route.h"
#include "base/text.h"

namespace fettle::api {
namespace {

using gateway::ArmFigures;
using gateway::Control;
using gateway::EndpointState;
using gateway::EndpointView;
using gateway::Gateway;

json::Value number_or_null(double value) { return std::isnan(value) ? json::Value() : json::Value(value); }

json::Value share(uint64_t part, uint64_t whole) {
  return whole == 0 ? json::Value() : json::Value(static_cast<double>(part) / static_cast<double>(whole));
}

std::string_view state_text(EndpointState state) {
  switch (state) {
    case EndpointState::serving: return "serving";
    case EndpointState::waiting: return "waiting";
    case EndpointState::failed: return "failed";
  }
  return "";
}

json::Object arm_json(const gateway::ArmView& arm) {
  const ArmFigures& f = arm.figures;
  return {{"arm", arm.arm},
          {"model", arm.model},
          {"version", arm.version},
          {"weight_percent", arm.weight / 100.0},
          {"requests", f.requests},
          {"rows", f.rows},
          {"errors", f.errors},
          {"latency_ms", json::Object{{"p50", number_or_null(f.latency_quantile_ms(0.5))},
                                      {"p95", number_or_null(f.latency_quantile_ms(0.95))},
                                      {"p99", number_or_null(f.latency_quantile_ms(0.99))}}},
          {"confidence_mean", f.confident == 0 ? json::Value() : json::Value(f.confidence_mean())},
          {"score_mean", f.scored == 0 ? json::Value() : json::Value(f.score_mean())},
          {"low_confidence_rate", share(f.low_confidence, f.rows)},
          {"ood_rate", share(f.out_of_distribution, f.rows)},
          {"fallback_rate", share(f.fallback, f.rows)}};
}

json::Object endpoint_json(const EndpointView& view, const Control& control) {
  json::Array traffic;
  for (const auto& arm : view.arms) traffic.push_back(arm_json(arm));
  json::Value revision;
  if (!view.revision_id.empty()) {
    revision = json::Object{{"id", view.revision_id}, {"number", view.revision}, {"at_ms", view.revision_at_ms}};
  }
  return {{"name", view.name},
          {"state", std::string(state_text(view.state))},
          {"reason", view.reason},
          {"model", gateway::format_model_ref(view.spec.model)},
          {"contract", text_or_null(view.spec.contract)},
          {"generation", control.endpoint_generation(view.name)},
          {"revision", std::move(revision)},
          {"traffic", std::move(traffic)},
          {"rollout", text_or_null(view.rollout_id)},
          {"requests", view.requests},
          {"rows", view.rows},
          {"errors", view.errors},
          {"requests_per_s", view.requests_per_s},
          {"spec", json::parse(gateway::format_endpoint_spec(view.spec))}};
}

EndpointView find(const Gateway& gateway, const http::Request& request) {
  std::string name(request.param("name"));
  auto view = gateway.find_endpoint(name);
  if (view) return *view;
  std::vector<std::string> names;
  for (const auto& other : gateway.endpoints()) names.push_back(other.name);
  auto near = nearest(name, names);
  fail(Code::not_found, "endpoint '{}' not found{}", name.substr(0, 120),
       near ? fmt::format("; did you mean '{}'?", *near) : "");
}

http::Response list_endpoints(const Gateway& gateway, const Control& control, const http::Request& request) {
  ListPage page = read_list_page(request);
  json::Array items;
  std::string last;
  auto views = gateway.endpoints();
  for (const auto& view : views) {
    if (view.name <= page.before || static_cast<int64_t>(items.size()) == page.limit) continue;
    items.push_back(endpoint_json(view, control));
    last = view.name;
  }
  if (!views.empty() && last == views.back().name) last.clear();
  return list_response(std::move(items), page, last, static_cast<int64_t>(views.size()));
}

json::Object revision_json(const gateway::Revision& revision) {
  json::Array traffic;
  bool whole = revision.weight == 10'000;
  if (!whole || revision.candidate.empty()) {
    traffic.push_back(json::Object{{"arm", "stable"},
                                   {"model", revision.model},
                                   {"version", revision.stable},
                                   {"weight_percent", (10'000 - revision.weight) / 100.0}});
  }
  if (!revision.candidate.empty()) {
    traffic.push_back(json::Object{{"arm", "candidate"},
                                   {"model", revision.model},
                                   {"version", revision.candidate},
                                   {"weight_percent", revision.weight / 100.0}});
  }
  return {{"id", revision.id},
          {"number", revision.number},
          {"at_ms", revision.at_ms},
          {"reason", revision.reason},
          {"by", revision.by},
          {"rollout", text_or_null(revision.rollout)},
          {"traffic", std::move(traffic)}};
}

http::Response list_revisions(const Gateway& gateway, const Control& control, const http::Request& request) {
  EndpointView view = find(gateway, request);
  ListPage page = read_list_page(request);
  int64_t before = 0;
  if (!page.before.empty()) {
    auto number = parse_int(page.before);
    if (!number || *number < 1)
      fail(Code::invalid_argument, "page={}: expected the `next` of the page before", page.before.substr(0, 60));
    before = *number;
  }
  json::Array items;
  std::string last;
  for (const auto& revision : control.revisions(view.name, before, page.limit)) {
    items.push_back(revision_json(revision));
    last = revision.number == 1 ? "" : fmt::format("{}", revision.number);
  }
  return list_response(std::move(items), page, last, control.revision_count(view.name));
}

}  // namespace

std::vector<http::Route> endpoint_routes(Gateway& gateway, Control& control) {
  std::vector<http::Route> routes;
  routes.push_back(rest_route("GET", "/endpoints",
                              [&](http::Request& request) { return list_endpoints(gateway, control, request); }));
  routes.push_back(rest_route("GET", "/endpoints/{name}", [&](http::Request& request) {
    return json_response(endpoint_json(find(gateway, request), control));
  }));
  routes.push_back(rest_route("GET", "/endpoints/{name}/revisions",
                              [&](http::Request& request) { return list_revisions(gateway, control, request); }));
  return routes;
}

}  // namespace fettle::api
