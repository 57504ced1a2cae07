#include "api/fettle/labels.h"

#include <cmath>

#include "api/fettle/route.h"
#include "base/text.h"

namespace fettle::api {
namespace {

using monitoring::LabelProblem;
using monitoring::LabelReport;
using monitoring::LabelRow;

constexpr size_t kRowsLimit = 50'000;
constexpr size_t kProblemsLimit = 100;
constexpr int64_t kFutureLimitMs = 300'000;

// A label as text; nothing if the value is none.
std::optional<std::string> label_text(const json::Value& value) {
  if (value.is_string()) return monitoring::canonical_class(std::string_view(value.get_string()));
  if (value.is_bool()) return value.get_bool() ? "1" : "0";
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  if (value.is_double()) return monitoring::canonical_class(format_double(value.get_double()));
  return std::nullopt;
}

// "01J…/3" -> id and row; without a row: 0.
void set_prediction(LabelRow& row, std::string_view text, std::string& problem) {
  size_t slash = text.find('/');
  row.prediction_id = text.substr(0, slash);
  if (slash == std::string_view::npos) return;
  auto number = parse_int(text.substr(slash + 1));
  if (!number || *number < 0) problem = fmt::format("'{}' names no row: expected 01J…/ROW", text.substr(0, 60));
  row.row = number.value_or(0);
}

// Sets one member of a row. `problem` says what is wrong with it.
void set_member(LabelRow& row, std::string_view key, const json::Value& value, int64_t now_ms, std::string& problem) {
  auto expect_text = [&](std::string& target) {
    if (value.is_string()) {
      target = std::string_view(value.get_string());
    } else {
      problem = fmt::format("{}: expected a string, got {}", key, json::preview(value));
    }
  };
  if (key == "prediction_id") {
    std::string text;
    expect_text(text);
    if (problem.empty()) set_prediction(row, text, problem);
  } else if (key == "key") {
    expect_text(row.key);
  } else if (key == "endpoint") {
    expect_text(row.endpoint);
  } else if (key == "label") {
    auto text = label_text(value);
    if (!text) problem = fmt::format("label: expected a string, number or boolean, got {}", json::preview(value));
    row.label = text.value_or("");
  } else if (key == "observed_at_ms") {
    if (!value.is_int64()) {
      problem = fmt::format("observed_at_ms: expected an integer, got {}", json::preview(value));
    } else if (row.observed_ms = value.get_int64(); row.observed_ms > now_ms + kFutureLimitMs) {
      problem = fmt::format("observed_at_ms: {} is more than 5 minutes in the future", row.observed_ms);
    }
  } else {
    problem = fmt::format("unknown member '{}': expected prediction_id, key, endpoint, label, observed_at_ms", key);
  }
}

std::optional<LabelRow> read_row(const json::Value& value, const std::string& endpoint, int64_t now_ms,
                                 std::string& problem) {
  if (!value.is_object()) {
    problem = fmt::format("expected an object, got {}", json::preview(value));
    return std::nullopt;
  }
  LabelRow row{.endpoint = endpoint, .observed_ms = now_ms};
  for (const auto& [key, member] : value.get_object()) {
    if (member.is_null()) continue;
    set_member(row, std::string_view(key), member, now_ms, problem);
    if (!problem.empty()) return std::nullopt;
  }
  return row;
}

struct Post {
  std::vector<LabelRow> rows;
  std::vector<size_t> places;  // of the rows in the request
  std::vector<LabelProblem> problems;
  int64_t received = 0;
};

Post read_post(const http::Request& request, int64_t now_ms, const MonitoringFacts& facts) {
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  std::string endpoint = in.string_or("endpoint", "");
  const json::Value* list = in.find("rows");
  if (list == nullptr || !list->is_array()) {
    in.problem("rows", "expected an array of labels");
  } else if (list->get_array().empty() || list->get_array().size() > kRowsLimit) {
    in.problem("rows", fmt::format("{} rows: expected 1 to {}", list->get_array().size(), kRowsLimit));
  }
  in.refuse_unknown();
  problems.check();
  if (!endpoint.empty() && facts.endpoint_exists && !facts.endpoint_exists(endpoint))
    fail(Code::not_found, "there is no endpoint '{}'", endpoint);
  Post post{.received = static_cast<int64_t>(list->get_array().size())};
  post.rows.reserve(list->get_array().size());
  for (size_t i = 0; i < list->get_array().size(); ++i) {
    std::string problem;
    auto row = read_row(list->get_array()[i], endpoint, now_ms, problem);
    if (row) {
      post.rows.push_back(std::move(*row));
      post.places.push_back(i);
    } else {
      post.problems.push_back({static_cast<int64_t>(i), std::move(problem)});
    }
  }
  return post;
}

json::Object report_json(const Post& post, const LabelReport& report) {
  std::vector<LabelProblem> all = post.problems;
  for (const auto& problem : report.problems)
    all.push_back({static_cast<int64_t>(post.places[static_cast<size_t>(problem.row)]), problem.message});
  std::sort(all.begin(), all.end(), [](const LabelProblem& a, const LabelProblem& b) { return a.row < b.row; });
  if (all.size() > kProblemsLimit) all.resize(kProblemsLimit);
  json::Array problems;
  for (const auto& problem : all) problems.push_back(json::Object{{"row", problem.row}, {"message", problem.message}});
  json::Array windows;
  for (const auto& window : report.windows) windows.emplace_back(window);
  return {{"received", post.received},       {"joined", report.joined},
          {"updated", report.updated},       {"pending", report.pending},
          {"duplicate", report.duplicate},   {"invalid", report.invalid + static_cast<int64_t>(post.problems.size())},
          {"problems", std::move(problems)}, {"windows", std::move(windows)}};
}

json::Value finite_or_null(double value) { return std::isfinite(value) ? json::Value(value) : json::Value(); }

http::Response show_status(monitoring::Monitoring& monitoring, const MonitoringFacts& facts,
                           const http::Request& request) {
  std::string endpoint = query_or_empty(request, "endpoint");
  if (endpoint.empty()) fail(Code::invalid_argument, "endpoint: required, as in /labels/status?endpoint=NAME");
  if (facts.endpoint_exists && !facts.endpoint_exists(endpoint))
    fail(Code::not_found, "there is no endpoint '{}'", endpoint);
  monitoring.flush();
  auto status = monitoring.labels().status(endpoint);
  double coverage =
      status.predictions > 0 ? static_cast<double>(status.labelled) / static_cast<double>(status.predictions) : 0;
  return json_response(json::Object{
      {"endpoint", endpoint},
      {"predictions", status.predictions},
      {"labelled", status.labelled},
      {"coverage", coverage},
      {"pending", status.pending},
      {"lag_ms", json::Object{{"p50", finite_or_null(status.lag_p50_ms)}, {"p95", finite_or_null(status.lag_p95_ms)}}},
      {"last_observed_at_ms", status.labelled > 0 ? json::Value(status.last_observed_ms) : json::Value()}});
}

}  // namespace

std::vector<http::Route> label_routes(monitoring::Monitoring& monitoring, const Clock& clock, MonitoringFacts facts) {
  return {
      rest_route("POST", "/labels",
                 [&monitoring, &clock, facts](http::Request& request) {
                   Post post = read_post(request, clock.now_ms(), facts);
                   return json_response(report_json(post, monitoring.post_labels(post.rows)));
                 }),
      rest_route("GET", "/labels/status",
                 [&monitoring, facts](http::Request& request) { return show_status(monitoring, facts, request); }),
  };
}

}  // namespace fettle::api
