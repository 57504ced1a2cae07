#include "api/fettle/alerts.h"

#include "api/fettle/route.h"

namespace fettle::api {
namespace {

using monitoring::AlertStore;
using monitoring::AlertView;

json::Object alert_json(const AlertView& a) {
  json::Value acknowledged;
  if (a.acknowledged_ms > 0)
    acknowledged =
        json::Object{{"by", a.acknowledged_by}, {"at_ms", a.acknowledged_ms}, {"reason", a.acknowledged_reason}};
  json::Object labels;
  for (const auto& [name, value] : a.spec.labels) labels[name] = value;
  return {{"name", a.name},
          {"monitor", a.monitor},
          {"endpoint", a.endpoint},
          {"expr", a.spec.expr},
          {"severity", a.spec.severity},
          {"state", std::string(monitoring::state_name(a.memory.state))},
          {"value", optional_json(a.value)},
          {"threshold", a.spec.threshold},
          {"window", text_or_null(a.window_id)},
          {"since_ms", a.since_ms},
          {"held_windows", a.memory.holding},
          {"for_windows", a.spec.for_windows},
          {"reason", a.reason},
          {"acknowledged", acknowledged},
          {"silenced_until_ms", a.silenced_until_ms > 0 ? json::Value(a.silenced_until_ms) : json::Value()},
          {"labels", std::move(labels)},
          {"generation", a.generation}};
}

http::Response list_alerts(AlertStore& alerts, const http::Request& request) {
  ListPage page = read_list_page(request);
  std::string state = query_or_empty(request, "state");
  if (!state.empty() && !monitoring::parse_state(state)) {
    fail(Code::invalid_argument, "state={}: expected inactive, pending, firing, resolved or error", state);
  }
  std::string monitor = query_or_empty(request, "monitor");
  json::Array items;
  std::string last;
  int64_t total = 0;
  for (const auto& alert : alerts.list()) {
    if ((!state.empty() && monitoring::state_name(alert.memory.state) != state) ||
        (!monitor.empty() && alert.monitor != monitor))
      continue;
    ++total;
    if (alert.name <= page.before || static_cast<int64_t>(items.size()) == page.limit) continue;
    items.push_back(alert_json(alert));
    last = alert.name;
  }
  return list_response(std::move(items), page, last, total);
}

http::Response show_alert(AlertStore& alerts, const std::string& name) {
  json::Object answer = alert_json(alerts.get(name));
  json::Array transitions;
  for (const auto& t : alerts.transitions(name)) {
    transitions.push_back(json::Object{{"at_ms", t.at_ms},
                                       {"window", t.window_id},
                                       {"from", t.from},
                                       {"to", t.to},
                                       {"value", optional_json(t.value)},
                                       {"reason", t.reason},
                                       {"decision", t.decision},
                                       {"notification", t.notification}});
  }
  answer["transitions"] = std::move(transitions);
  return json_response(answer);
}

http::Response silence(AlertStore& alerts, const http::Request& request) {
  std::string name(request.param("name"));
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  int64_t until = in.integer("until_ms");
  std::string reason = in.string_or("reason", "");
  std::string by = author_of(request, in);
  in.refuse_unknown();
  problems.check();
  alerts.silence(name, until, by, reason);
  return show_alert(alerts, name);
}

http::Response acknowledge(AlertStore& alerts, const http::Request& request) {
  std::string name(request.param("name"));
  json::Value body = read_json(request, {.empty = EmptyBody::object});
  json::Problems problems;
  json::Reader in(body, problems);
  std::string reason = in.string_or("reason", "");
  std::string by = author_of(request, in);
  in.refuse_unknown();
  problems.check();
  alerts.acknowledge(name, by, reason);
  return show_alert(alerts, name);
}

}  // namespace

std::vector<http::Route> alert_routes(monitoring::Monitoring& monitoring) {
  AlertStore& alerts = monitoring.alerts();
  return {
      rest_route("GET", "/alerts", [&alerts](http::Request& request) { return list_alerts(alerts, request); }),
      rest_route("GET", "/alerts/{name}",
                 [&alerts](http::Request& request) { return show_alert(alerts, std::string(request.param("name"))); }),
      rest_route("POST", "/alerts/{name}/silence",
                 [&alerts](http::Request& request) { return silence(alerts, request); }),
      rest_route("POST", "/alerts/{name}/ack",
                 [&alerts](http::Request& request) { return acknowledge(alerts, request); }),
  };
}

}  // namespace fettle::api
