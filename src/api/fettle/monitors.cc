#include "api/fettle/monitors.h"

#include <cmath>

#include "api/fettle/route.h"
#include "base/text.h"

namespace fettle::api {
namespace {

using monitoring::FeatureResult;
using monitoring::Monitoring;
using monitoring::MonitorSummary;
using monitoring::SideStatistics;
using monitoring::WindowKind;
using monitoring::WindowView;

// "Not computable" is null with a status beside it.
json::Value number_or_null(double value) { return std::isnan(value) ? json::Value() : json::Value(value); }

std::string window_text(const monitoring::WindowRule& rule) {
  switch (rule.kind) {
    case WindowKind::hour: return "hour";
    case WindowKind::day: return "day";
    case WindowKind::week: return "week";
    case WindowKind::month: return "month";
    case WindowKind::fixed: break;
  }
  return std::to_string(rule.length_ms) + "ms";
}

json::Object monitor_json(const MonitorSummary& s) {
  return {{"name", s.monitor->name},
          {"endpoint", s.monitor->spec.endpoint},
          {"window", window_text(s.monitor->spec.window)},
          {"generation", s.monitor->generation},
          {"state", s.state},
          {"verdict", s.verdict},
          {"windows", s.windows},
          {"last_window", text_or_null(s.last_window)},
          {"watermark_ms", optional_json(s.watermark_ms)},
          {"lag_ms", s.lag_ms},
          {"spec", json::parse(s.monitor->spec_json)}};
}

json::Object feature_json(const FeatureResult& f) {
  return {{"name", f.name},
          {"kind", f.numeric ? "numeric" : "categorical"},
          {"test", std::string(monitoring::test_name(f.test))},
          {"score", number_or_null(f.score)},
          {"threshold", number_or_null(f.threshold)},
          {"expected_null", number_or_null(f.expected_null)},
          {"p_value", number_or_null(f.p_value)},
          {"q_value", number_or_null(f.q_value)},
          {"drifted", f.drifted},
          {"status", std::string(monitoring::status_name(f.status))},
          {"reason", f.reason},
          {"importance", f.importance},
          {"missing_rate", number_or_null(f.missing_rate)},
          {"reference_missing_rate", number_or_null(f.reference_missing_rate)},
          {"unseen_rate", number_or_null(f.unseen_rate)},
          {"out_of_range_rate", number_or_null(f.out_of_range_rate)},
          {"mean", number_or_null(f.mean)},
          {"reference_mean", number_or_null(f.reference_mean)}};
}

json::Array calibration_json(const monitoring::WindowResult& w) {
  json::Array bins;
  for (const auto& bin : w.calibration) {
    bins.push_back(
        json::Object{{"score", bin.score}, {"label_rate", bin.outcome_rate}, {"rows", static_cast<int64_t>(bin.rows)}});
  }
  return bins;
}

// An open window has no result yet: its members are there, empty.
json::Object window_json(const WindowView& view) {
  monitoring::WindowResult none;
  none.status = "insufficient_data";
  const auto& w = view.result ? *view.result : none;
  json::Array versions, features;
  for (const auto& v : w.versions) versions.push_back(json::Object{{"version", v.version}, {"rows", v.rows}});
  for (const auto& f : w.features) features.push_back(feature_json(f));
  json::Object metrics, intervals;
  for (const auto& [name, value] : w.metrics) metrics[name] = number_or_null(value);
  for (const auto& [name, interval] : w.intervals)
    intervals[name] = json::Array{number_or_null(interval.low), number_or_null(interval.high)};
  json::Value reference;
  if (!w.reference_version.empty()) {
    reference = json::Object{{"version", w.reference_version}, {"run_id", w.reference_run}, {"rows", w.reference_rows}};
  }
  return {{"id", view.id},
          {"start_ms", view.start_ms},
          {"end_ms", view.end_ms},
          {"state", view.state},
          {"revision", view.revision},
          {"status", w.status},
          {"incomplete", w.incomplete},
          {"versions", std::move(versions)},
          {"reference", std::move(reference)},
          {"mature", w.mature},
          {"metrics", std::move(metrics)},
          {"intervals", std::move(intervals)},
          {"calibration", calibration_json(w)},
          {"calibration_noise", view.result ? number_or_null(w.calibration_noise) : json::Value()},
          {"features", std::move(features)}};
}

json::Object statistics_json(const SideStatistics& s) {
  return {{"min", number_or_null(s.min)},         {"p5", number_or_null(s.p5)},
          {"p50", number_or_null(s.p50)},         {"p95", number_or_null(s.p95)},
          {"max", number_or_null(s.max)},         {"mean", number_or_null(s.mean)},
          {"sd", number_or_null(s.sd)},           {"missing_rate", number_or_null(s.missing_rate)},
          {"distinct", optional_json(s.distinct)}};
}

http::Response list_monitors(Monitoring& monitoring, const http::Request& request) {
  ListPage page = read_list_page(request);
  json::Array items;
  std::string last;
  int64_t total = 0;
  for (const auto& summary : monitoring.summaries()) {
    ++total;
    if (summary.monitor->name <= page.before || static_cast<int64_t>(items.size()) == page.limit) continue;
    items.push_back(monitor_json(summary));
    last = summary.monitor->name;
  }
  return list_response(std::move(items), page, last, total);
}

http::Response list_windows(Monitoring& monitoring, const http::Request& request) {
  std::string name(request.param("name"));
  monitoring.windows().get(name);
  ListPage page = read_list_page(request);
  monitoring::WindowStore::Range range{
      .from = query_or_empty(request, "from"), .to = query_or_empty(request, "to"), .limit = page.limit};
  if (!page.before.empty()) {
    range.start_ms = parse_int(page.before);
    if (!range.start_ms) fail(Code::invalid_argument, "page={}: expected the 'next' of an earlier answer", page.before);
  }
  auto found = monitoring.windows().list(name, range);
  json::Object answer;
  json::Array items;
  for (const auto& window : found.items) items.push_back(window_json(window));
  answer["items"] = std::move(items);
  answer["total"] = found.total;
  answer["next"] = found.next_start_ms ? json::Value(std::to_string(*found.next_start_ms)) : json::Value();
  return json_response(answer);
}

http::Response show_feature(Monitoring& monitoring, const http::Request& request) {
  std::string name(request.param("name"));
  std::string id(request.param("id"));
  std::string feature(request.param("feature"));
  monitoring.windows().get(name);
  auto window = monitoring.windows().find(name, id);
  if (!window) fail(Code::not_found, "monitor '{}' has no window '{}'", name, id);
  if (!window->result) fail(Code::failed_precondition, "window '{}' is open: it has not been computed yet", id);
  const FeatureResult* f = window->result->feature(feature);
  if (f == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : window->result->features) names.push_back(known.name);
    auto near = nearest(feature, names);
    fail(Code::not_found, "window '{}' has no feature '{}'{}", id, feature,
         near ? fmt::format(", did you mean '{}'?", *near) : "");
  }
  json::Object answer = feature_json(*f);
  json::Array bins;
  for (const auto& bin : f->bins) {
    bins.push_back(json::Object{{"label", bin.label},
                                {"low", optional_json(bin.low)},
                                {"high", optional_json(bin.high)},
                                {"reference", bin.reference},
                                {"current", bin.current},
                                {"contribution", bin.contribution}});
  }
  answer["window"] = id;
  answer["monitor"] = name;
  answer["rows"] = f->rows;
  answer["reference_rows"] = f->reference_rows;
  answer["bins"] = std::move(bins);
  answer["statistics"] =
      json::Object{{"current", statistics_json(f->current)}, {"reference", statistics_json(f->reference)}};
  return json_response(answer);
}

http::Response evaluate(Monitoring& monitoring, const http::Request& request) {
  json::Value body = read_json(request, {.empty = EmptyBody::object});
  json::Problems problems;
  json::Reader in(body, problems);
  std::optional<int64_t> until;
  if (in.has("until_ms")) until = in.integer("until_ms");
  in.refuse_unknown();
  problems.check();
  auto done = monitoring.evaluate(std::string(request.param("name")), until);
  json::Array closed, recomputed, alerts;
  for (const auto& id : done.closed) closed.emplace_back(id);
  for (const auto& id : done.recomputed) recomputed.emplace_back(id);
  for (const auto& event : done.alerts) {
    alerts.push_back(json::Object{{"name", event.alert},
                                  {"window", event.window_id},
                                  {"from", std::string(monitoring::state_name(event.from))},
                                  {"to", std::string(monitoring::state_name(event.to))}});
  }
  return json_response(json::Object{{"closed", std::move(closed)},
                                    {"recomputed", std::move(recomputed)},
                                    {"alerts", std::move(alerts)},
                                    {"took_ms", done.took_ms}});
}

}  // namespace

std::vector<http::Route> monitor_routes(Monitoring& monitoring) {
  return {
      rest_route("GET", "/monitors",
                 [&monitoring](http::Request& request) { return list_monitors(monitoring, request); }),
      rest_route("GET", "/monitors/{name}",
                 [&monitoring](http::Request& request) {
                   return json_response(monitor_json(monitoring.summary(std::string(request.param("name")))));
                 }),
      rest_route("POST", "/monitors/{name}/evaluate",
                 [&monitoring](http::Request& request) { return evaluate(monitoring, request); }),
      rest_route("GET", "/monitors/{name}/windows",
                 [&monitoring](http::Request& request) { return list_windows(monitoring, request); }),
      rest_route("GET", "/monitors/{name}/windows/{id}/features/{feature}",
                 [&monitoring](http::Request& request) { return show_feature(monitoring, request); }),
  };
}

}  // namespace fettle::api
