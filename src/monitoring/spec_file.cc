// JSON of the Monitor and Alert resources.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"
#include "json/json.h"
#include "monitoring/spec.h"

namespace fettle::monitoring {
namespace {

constexpr int64_t kDay = 86'400'000;
constexpr std::array kTests = {DriftTest::psi, DriftTest::wasserstein, DriftTest::jensen_shannon, DriftTest::ks};

void in_range(json::Reader& in, std::string_view key, double value, double low, double high) {
  if (value < low || value > high || std::isnan(value)) {
    in.problem(key,
               fmt::format("{} is outside {} to {}", format_double(value), format_double(low), format_double(high)));
  }
}

void whole_in_range(json::Reader& in, std::string_view key, int64_t value, int64_t low, int64_t high) {
  if (value < low) in.problem(key, fmt::format("{} is below {}", value, low));
  if (value > high) in.problem(key, fmt::format("{} is above {}", value, high));
}

std::optional<DriftTest> read_test(json::Reader& in, std::string_view key, std::span<const DriftTest> allowed) {
  auto text = in.find_string(key);
  if (!text) return std::nullopt;
  std::vector<std::string> names;
  for (DriftTest test : allowed) {
    if (test_name(test) == *text) return test;
    names.emplace_back(test_name(test));
  }
  in.problem(key, fmt::format("'{}' is not one of {}", *text, join(names, ", ")));
  return std::nullopt;
}

WindowRule read_window(json::Reader& in) {
  static constexpr std::array<std::pair<std::string_view, WindowKind>, 4> kKinds = {
      {{"hour", WindowKind::hour}, {"day", WindowKind::day}, {"week", WindowKind::week}, {"month", WindowKind::month}}};
  bool named = in.has("window");
  std::string name = in.string_or("window", "day");
  if (in.has("window_ms")) {
    WindowRule rule{WindowKind::fixed, in.integer("window_ms")};
    whole_in_range(in, "window_ms", rule.length_ms, 60'000, 31 * kDay);
    if (named) in.problem("window_ms", "stands beside 'window': give one of them");
    rule.length_ms = std::max<int64_t>(rule.length_ms, 60'000);
    return rule;
  }
  for (const auto& [text, kind] : kKinds) {
    if (text == name) return {kind, 0};
  }
  in.problem("window", fmt::format("'{}' is not one of hour, day, week, month", name));
  return {};
}

void read_thresholds(json::Reader& in, MonitorSpec& spec) {
  json::Reader thresholds = in.object("thresholds");
  for (DriftTest test : kTests) {
    if (!thresholds.has(test_name(test))) continue;
    double value = thresholds.number(test_name(test));
    in_range(thresholds, test_name(test), value, 0, 1000);
    spec.thresholds[test] = value;
  }
  thresholds.refuse_unknown();
}

std::string read_reference(json::Reader& in) {
  std::string text = in.string_or("reference", "");
  if (text.starts_with("models:/")) text.erase(0, 8);
  if (!text.empty() && text.find('/') == std::string::npos && text.find('@') == std::string::npos) {
    in.problem("reference",
               fmt::format("'{}' is no model version: expected models:/NAME/VERSION or models:/NAME@ALIAS", text));
  }
  return text;
}

void read_features(json::Reader& in, MonitorSpec& spec) {
  std::set<std::string> seen;
  in.each("features", [&](json::Reader& item) {
    FeatureRule rule{.name = item.string("name")};
    if (!seen.insert(rule.name).second) item.problem("name", fmt::format("'{}' appears twice", rule.name));
    rule.test = read_test(item, "test", kTests);
    if (item.has("threshold")) {
      rule.threshold = item.number("threshold");
      in_range(item, "threshold", *rule.threshold, 0, 1000);
    }
    rule.importance = item.number_or("importance", 1);
    in_range(item, "importance", rule.importance, 0, 1e6);
    rule.skip = item.boolean_or("skip", false);
    item.refuse_unknown();
    spec.features.push_back(std::move(rule));
  });
}

// Reads `METRIC [{feature="NAME"}] OP NUMBER` token by token; `what` tells where it went wrong.
struct ExprReader {
  std::string_view rest;
  std::string what;

  void skip_space() { rest = trim(rest); }
  bool take(std::string_view token) {
    skip_space();
    if (!rest.starts_with(token)) return false;
    rest.remove_prefix(token.size());
    return true;
  }
  std::string word() {
    skip_space();
    size_t end = 0;
    while (end < rest.size() && (std::isalnum(static_cast<unsigned char>(rest[end])) || rest[end] == '_')) ++end;
    std::string text(rest.substr(0, end));
    rest.remove_prefix(end);
    return text;
  }
  std::string quoted() {
    if (!take("\"")) return "";
    size_t end = std::min(rest.find('"'), rest.size());
    std::string text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  }
};

// Empty, or what is wrong.
std::string read_expr(AlertSpec& spec) {
  ExprReader in{spec.expr, ""};
  spec.metric = in.word();
  const auto& names = metric_names();
  if (std::find(names.begin(), names.end(), spec.metric) == names.end()) {
    auto near = nearest(spec.metric, names);
    return fmt::format("unknown metric '{}'{}", spec.metric, near ? fmt::format(", did you mean '{}'?", *near) : "");
  }
  if (in.take("{")) {
    if (!in.take("feature") || !in.take("=")) return "expected {feature=\"NAME\"}";
    spec.feature = in.quoted();
    if (spec.feature.empty() || !in.take("}")) return "expected {feature=\"NAME\"}";
    if (spec.metric != "drift" && spec.metric != "missing_rate") {
      return fmt::format("metric '{}' has no features: only drift and missing_rate do", spec.metric);
    }
  } else if (spec.metric == "drift") {
    return "drift needs a feature: drift{feature=\"NAME\"}";
  }
  if (in.take(">="))
    spec.comparison = Comparison::ge;
  else if (in.take("<="))
    spec.comparison = Comparison::le;
  else if (in.take(">"))
    spec.comparison = Comparison::gt;
  else if (in.take("<"))
    spec.comparison = Comparison::lt;
  else
    return fmt::format("expected >, >=, < or <= at '{}'", in.rest);
  auto number = parse_double(trim(in.rest));
  if (!number || !std::isfinite(*number)) return fmt::format("expected a number, got '{}'", trim(in.rest));
  spec.threshold = *number;
  return "";
}

void read_labels(json::Reader& in, AlertSpec& spec) {
  json::Reader labels = in.object("labels");
  if (labels.fields().size() > 16) in.problem("labels", fmt::format("{} are more than 16", labels.fields().size()));
  for (const auto& [key, value] : labels.fields()) {
    std::string name(key);
    spec.labels[name] = labels.string(name);
  }
}

}  // namespace

MonitorSpec parse_monitor_spec(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  MonitorSpec spec;
  spec.endpoint = in.string("endpoint");
  spec.window = read_window(in);
  spec.grace_ms = in.integer_or("grace_ms", 0);
  whole_in_range(in, "grace_ms", spec.grace_ms, 0, 366 * kDay);
  spec.reference = read_reference(in);
  spec.reference_artifact = in.string_or("reference_artifact", "");
  spec.ignore = in.strings_or("ignore", {});
  spec.min_rows = in.integer_or("min_rows", 500);
  whole_in_range(in, "min_rows", spec.min_rows, 200, 1'000'000'000);
  spec.numeric_test = read_test(in, "numeric_test", kTests).value_or(DriftTest::psi);
  spec.categorical_test = read_test(in, "categorical_test", std::array{DriftTest::psi, DriftTest::jensen_shannon})
                              .value_or(DriftTest::jensen_shannon);
  read_thresholds(in, spec);
  spec.alpha = in.number_or("alpha", 0.01);
  in_range(in, "alpha", spec.alpha, 1e-6, 0.2);
  read_features(in, spec);
  spec.drift_share = in.number_or("drift_share", 0.3);
  in_range(in, "drift_share", spec.drift_share, 0, 1);
  spec.label_delay_ms = in.integer_or("label_delay_ms", 0);
  whole_in_range(in, "label_delay_ms", spec.label_delay_ms, 0, 3660 * kDay);
  spec.mature_coverage = in.number_or("mature_coverage", 0.8);
  in_range(in, "mature_coverage", spec.mature_coverage, 0, 1);
  if (const auto* positive = in.find("positive_class"); positive != nullptr && positive->is_int64()) {
    spec.positive_class = std::to_string(positive->as_int64());
  } else {
    spec.positive_class = in.string_or("positive_class", "1");
  }
  spec.bins = in.integer_or("bins", 10);
  whole_in_range(in, "bins", spec.bins, 2, 50);
  in.refuse_unknown();
  problems.check();
  return spec;
}

AlertSpec parse_alert_spec(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  AlertSpec spec;
  spec.monitor = in.string("monitor");
  spec.expr = in.string("expr");
  if (std::string wrong = read_expr(spec); !wrong.empty() && in.has("expr")) in.problem("expr", wrong);
  spec.for_windows = in.integer_or("for_windows", 1);
  whole_in_range(in, "for_windows", spec.for_windows, 1, 100);
  spec.resolve_windows = in.integer_or("resolve_windows", 1);
  whole_in_range(in, "resolve_windows", spec.resolve_windows, 1, 100);
  std::string no_data = in.string_or("no_data", "keep");
  if (no_data == "ok")
    spec.no_data = NoData::ok;
  else if (no_data == "alert")
    spec.no_data = NoData::alert;
  else if (no_data != "keep")
    in.problem("no_data", fmt::format("'{}' is not one of keep, ok, alert", no_data));
  spec.severity = in.string_or("severity", "warning");
  if (spec.severity != "info" && spec.severity != "warning" && spec.severity != "critical") {
    in.problem("severity", fmt::format("'{}' is not one of info, warning, critical", spec.severity));
  }
  read_labels(in, spec);
  json::Reader webhook = in.object("webhook");
  spec.webhook_url = webhook.string_or("url", "");
  if (!spec.webhook_url.empty() && !spec.webhook_url.starts_with("http://") &&
      !spec.webhook_url.starts_with("https://")) {
    webhook.problem("url", fmt::format("'{}' is no http or https URL", spec.webhook_url));
  }
  spec.webhook_timeout_ms = webhook.integer_or("timeout_ms", 10'000);
  whole_in_range(webhook, "timeout_ms", spec.webhook_timeout_ms, 100, 60'000);
  webhook.refuse_unknown();
  in.refuse_unknown();
  problems.check();
  return spec;
}

}  // namespace fettle::monitoring
