// JSON of a rollout's steps and analysis, and of the request that starts one (docs/rest.md 8).
#include <cmath>

#include "gateway/routing.h"
#include "gateway/spec.h"
#include "json/json.h"

namespace fettle::gateway {
namespace {

constexpr size_t kMaxSteps = 20;
constexpr int64_t kMaxMs = int64_t{1} << 53;

int64_t not_negative(json::Reader& in, std::string_view key, int64_t fallback) {
  int64_t value = in.integer_or(key, fallback);
  if (value < 0 || value > kMaxMs) in.problem(key, fmt::format("{} is not between 0 and 2^53", value));
  return value;
}

double within(json::Reader& in, std::string_view key, double fallback, double high) {
  double value = in.number_or(key, fallback);
  if (!(value >= 0 && value <= high)) in.problem(key, fmt::format("{:g} is not between 0 and {:g}", value, high));
  return value;
}

RolloutStep read_step(json::Reader& in) {
  RolloutStep step;
  double percent = in.number("weight_percent");
  step.weight = static_cast<int32_t>(std::lround(std::isfinite(percent) ? std::clamp(percent, 0.0, 100.0) * 100 : 0));
  if (!(percent >= 0.01 && percent <= 100)) {
    in.problem("weight_percent", fmt::format("{:g} is not between 0.01 and 100", percent));
  } else if (std::fabs(percent * 100 - step.weight) > 1e-6) {
    in.problem("weight_percent", fmt::format("{:g} is finer than 0.01", percent));
  }
  step.min_rows = not_negative(in, "min_rows", step.weight == kWeightTotal ? 0 : 200);
  step.min_duration_ms = not_negative(in, "min_duration_ms", 0);
  step.max_duration_ms = not_negative(in, "max_duration_ms", 0);
  in.refuse_unknown();
  return step;
}

std::vector<RolloutStep> read_steps(json::Reader& in, std::vector<RolloutStep> fallback) {
  if (!in.has("steps")) {
    in.find("steps");
    return fallback;
  }
  std::vector<RolloutStep> steps;
  in.each("steps", [&](json::Reader& step) { steps.push_back(read_step(step)); });
  if (steps.empty() || steps.size() > kMaxSteps)
    in.problem("steps", fmt::format("{} steps, expected 1 to {}", steps.size(), kMaxSteps));
  for (size_t i = 1; i < steps.size(); ++i) {
    if (steps[i].weight <= steps[i - 1].weight)
      in.problem("steps", fmt::format("the weight of step {} does not rise", i));
  }
  if (!steps.empty() && steps.back().weight != kWeightTotal) {
    in.problem("steps", fmt::format("the last weight is {:g} %, must be 100", steps.back().weight / 100.0));
  }
  return steps;
}

AnalysisSpec read_analysis(json::Reader& parent) {
  json::Reader in = parent.object("analysis");
  AnalysisSpec spec;
  spec.max_error_rate_increase = within(in, "max_error_rate_increase", spec.max_error_rate_increase, 1);
  spec.max_latency_ratio = within(in, "max_latency_ratio", spec.max_latency_ratio, 1e6);
  if (spec.max_latency_ratio > 0 && spec.max_latency_ratio < 1)
    in.problem("max_latency_ratio", "expected 0 (off) or at least 1");
  json::Reader psi = in.object("score_psi");
  spec.score_psi_max = within(psi, "max", spec.score_psi_max, 1e6);
  std::string action = psi.string_or("action", "warn");
  if (action != "warn" && action != "fail") psi.problem("action", fmt::format("'{}' is not one of warn, fail", action));
  spec.score_psi_fails = action == "fail";
  psi.refuse_unknown();
  if (in.has("quality")) {
    json::Reader quality = in.object("quality");
    QualityRule rule;
    rule.metric = quality.string_or("metric", rule.metric);
    if (rule.metric != "auc" && rule.metric != "accuracy" && rule.metric != "log_loss") {
      quality.problem("metric", fmt::format("'{}' is not one of auc, accuracy, log_loss", rule.metric));
    }
    rule.margin = within(quality, "margin", rule.margin, 100);
    rule.min_labels = not_negative(quality, "min_labels", rule.min_labels);
    quality.refuse_unknown();
    spec.quality = std::move(rule);
  }
  in.find("quality");
  spec.failure_limit = in.integer_or("failure_limit", 1);
  if (spec.failure_limit < 1 || spec.failure_limit > 1000) in.problem("failure_limit", "expected 1 to 1000");
  in.refuse_unknown();
  return spec;
}

RolloutSpec read_spec(json::Reader& in) {
  RolloutSpec spec;
  for (auto& step : spec.steps) step.min_rows = step.weight == kWeightTotal ? 0 : step.min_rows;
  spec.steps = read_steps(in, std::move(spec.steps));
  spec.analysis = read_analysis(in);
  return spec;
}

}  // namespace

RolloutSpec parse_rollout_spec(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  RolloutSpec spec = read_spec(in);
  in.refuse_unknown();
  problems.check();
  return spec;
}

std::string format_rollout_spec(const RolloutSpec& spec) {
  json::Array steps;
  for (const auto& step : spec.steps) {
    steps.push_back(json::Object{{"weight_percent", step.weight / 100.0},
                                 {"min_rows", step.min_rows},
                                 {"min_duration_ms", step.min_duration_ms},
                                 {"max_duration_ms", step.max_duration_ms}});
  }
  const AnalysisSpec& a = spec.analysis;
  json::Object analysis{
      {"max_error_rate_increase", a.max_error_rate_increase},
      {"max_latency_ratio", a.max_latency_ratio},
      {"score_psi", json::Object{{"max", a.score_psi_max}, {"action", a.score_psi_fails ? "fail" : "warn"}}}};
  if (a.quality) {
    analysis["quality"] = json::Object{
        {"metric", a.quality->metric}, {"margin", a.quality->margin}, {"min_labels", a.quality->min_labels}};
  }
  analysis["failure_limit"] = a.failure_limit;
  return json::format(json::Object{{"steps", std::move(steps)}, {"analysis", std::move(analysis)}});
}

RolloutRequest parse_rollout_request(std::string_view text, Author& author) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  RolloutRequest request;
  std::string candidate = in.string("candidate");
  auto ref = parse_model_ref(candidate);
  if (!ref && !candidate.empty())
    in.problem("candidate", fmt::format("'{}' is not NAME/VERSION or NAME@ALIAS", candidate));
  request.candidate = ref.value_or(ModelRef{});
  request.gate_report = in.string_or("gate_report", "");
  if (in.has("override_gate")) {
    json::Reader override_gate = in.object("override_gate");
    request.override_reason = override_gate.string("reason");
    if (override_gate.has("reason") && request.override_reason.empty())
      override_gate.problem("reason", "say why the gate is overridden");
    override_gate.refuse_unknown();
  }
  in.find("override_gate");
  request.spec = read_spec(in);
  author.by = in.string_or("by", author.by);
  author.reason = in.string_or("reason", author.reason);
  if (author.by.size() > 128) in.problem("by", "longer than 128 characters");
  if (author.reason.size() > 1000) in.problem("reason", "longer than 1000 characters");
  in.refuse_unknown();
  problems.check();
  return request;
}

}  // namespace fettle::gateway
