// JSON of a stored rollout and of what its decisions saw.
#include <cmath>

#include "gateway/rollout.h"
#include "json/json.h"

namespace fettle::gateway {
namespace {

// Only the cells that hold something: [[index, count], …].
template <size_t N>
json::Array sparse(const std::array<uint64_t, N>& cells) {
  json::Array pairs;
  for (size_t i = 0; i < N; ++i) {
    if (cells[i] != 0) pairs.push_back(json::Array{i, cells[i]});
  }
  return pairs;
}

template <size_t N>
void read_sparse(const json::Value* value, std::array<uint64_t, N>& cells) {
  if (value == nullptr || !value->is_array()) return;
  for (const auto& pair : value->get_array()) {
    const auto* both = pair.if_array();
    if (both == nullptr || both->size() != 2) continue;
    auto index = (*both)[0].to_number<uint64_t>();
    if (index < N) cells[index] = (*both)[1].to_number<uint64_t>();
  }
}

json::Object figures_json(const ArmFigures& f) {
  return {{"requests", f.requests},
          {"rows", f.rows},
          {"errors", f.errors},
          {"low_confidence", f.low_confidence},
          {"out_of_distribution", f.out_of_distribution},
          {"fallback", f.fallback},
          {"scored", f.scored},
          {"confident", f.confident},
          {"score_sum", f.score_sum},
          {"confidence_sum", f.confidence_sum},
          {"latency", sparse(f.latency)},
          {"scores", sparse(f.scores)}};
}

ArmFigures read_figures(json::Reader in) {
  ArmFigures f;
  auto count = [&](std::string_view key) { return static_cast<uint64_t>(std::max<int64_t>(0, in.integer_or(key, 0))); };
  f.requests = count("requests");
  f.rows = count("rows");
  f.errors = count("errors");
  f.low_confidence = count("low_confidence");
  f.out_of_distribution = count("out_of_distribution");
  f.fallback = count("fallback");
  f.scored = count("scored");
  f.confident = count("confident");
  f.score_sum = in.number_or("score_sum", 0);
  f.confidence_sum = in.number_or("confidence_sum", 0);
  read_sparse(in.find("latency"), f.latency);
  read_sparse(in.find("scores"), f.scores);
  return f;
}

json::Value number(double value) { return std::isnan(value) ? json::Value(nullptr) : json::Value(value); }

json::Array checks_json(const std::vector<RolloutCheck>& checks) {
  json::Array list;
  for (const auto& check : checks) {
    list.push_back(json::Object{{"name", check.name},
                                {"stable", number(check.stable)},
                                {"candidate", number(check.candidate)},
                                {"difference", number(check.difference)},
                                {"low", number(check.low)},
                                {"high", number(check.high)},
                                {"limit", number(check.limit)},
                                {"rows", check.rows},
                                {"verdict", std::string(verdict_name(check.verdict))},
                                {"message", check.message}});
  }
  return list;
}

RolloutCheck read_check(json::Reader& in) {
  RolloutCheck check{.name = in.string("name")};
  check.stable = in.number_or("stable", std::nan(""));
  check.candidate = in.number_or("candidate", std::nan(""));
  check.difference = in.number_or("difference", std::nan(""));
  check.low = in.number_or("low", std::nan(""));
  check.high = in.number_or("high", std::nan(""));
  check.limit = in.number_or("limit", std::nan(""));
  check.rows = in.integer_or("rows", 0);
  check.message = in.string_or("message", "");
  std::string verdict = in.string_or("verdict", "pass");
  for (auto v : {CheckVerdict::pass, CheckVerdict::fail, CheckVerdict::warn, CheckVerdict::wait}) {
    if (verdict == verdict_name(v)) check.verdict = v;
  }
  return check;
}

json::Value quality_json(const ArmQuality& quality) {
  return json::Object{
      {"labels", quality.labels}, {"value", number(quality.value)}, {"variance", number(quality.variance)}};
}

}  // namespace

std::string format_rollout(const Rollout& r) {
  json::Object object{{"id", r.id},
                      {"endpoint", r.endpoint},
                      {"model", r.model},
                      {"stable", r.stable},
                      {"candidate", r.candidate},
                      {"spec", json::parse(format_rollout_spec(r.spec))},
                      {"gate_report", r.gate_report},
                      {"override_reason", r.override_reason},
                      {"by", r.by},
                      {"state", std::string(state_name(r.state))},
                      {"reason", r.reason},
                      {"generation", r.generation},
                      {"step", r.step},
                      {"started_at_ms", r.started_at_ms},
                      {"step_started_ms", r.step_started_ms},
                      {"failures", r.failures},
                      {"failures_rows", r.failures_rows},
                      {"last_verdict", r.last_verdict},
                      {"stable_total", figures_json(r.stable_total)},
                      {"candidate_total", figures_json(r.candidate_total)},
                      {"stable_at_step", figures_json(r.stable_at_step)},
                      {"candidate_at_step", figures_json(r.candidate_at_step)},
                      {"checks", checks_json(r.checks)}};
  if (r.ended_at_ms) object["ended_at_ms"] = *r.ended_at_ms;
  return json::format(object);
}

Rollout parse_rollout(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  Rollout r;
  r.id = in.string("id");
  r.endpoint = in.string("endpoint");
  r.model = in.string("model");
  r.stable = in.string("stable");
  r.candidate = in.string("candidate");
  const json::Value* spec = in.find("spec");
  r.spec = parse_rollout_spec(spec == nullptr ? "{}" : json::format(*spec));
  r.gate_report = in.string_or("gate_report", "");
  r.override_reason = in.string_or("override_reason", "");
  r.by = in.string_or("by", "");
  auto state = parse_rollout_state(in.string("state"));
  if (!state) in.problem("state", "is no state of a rollout");
  r.state = state.value_or(RolloutState::failed);
  r.reason = in.string_or("reason", "");
  r.generation = in.integer("generation");
  r.step = static_cast<size_t>(in.integer("step"));
  if (r.step >= r.spec.steps.size()) in.problem("step", "is beyond the steps");
  r.started_at_ms = in.integer("started_at_ms");
  r.step_started_ms = in.integer("step_started_ms");
  r.failures = in.integer_or("failures", 0);
  r.failures_rows = in.integer_or("failures_rows", 0);
  r.last_verdict = in.string_or("last_verdict", "");
  if (in.has("ended_at_ms")) r.ended_at_ms = in.integer("ended_at_ms");
  r.stable_total = read_figures(in.object("stable_total"));
  r.candidate_total = read_figures(in.object("candidate_total"));
  r.stable_at_step = read_figures(in.object("stable_at_step"));
  r.candidate_at_step = read_figures(in.object("candidate_at_step"));
  in.each("checks", [&](json::Reader& check) { r.checks.push_back(read_check(check)); });
  problems.check();
  return r;
}

std::string format_observations(const Rollout& rollout, const StepObservations& seen,
                                const std::vector<RolloutCheck>& checks) {
  json::Object object{{"step", rollout.step},
                      {"weight_percent", rollout.spec.steps[rollout.step].weight / 100.0},
                      {"failures", rollout.failures},
                      {"spec", json::parse(format_rollout_spec(rollout.spec))},
                      {"step_started_ms", rollout.step_started_ms},
                      {"stable", figures_json(seen.stable)},
                      {"candidate", figures_json(seen.candidate)},
                      {"checks", checks_json(checks)}};
  if (seen.outcomes) {
    json::Object outcomes{{"stable", quality_json(seen.outcomes->stable)},
                          {"candidate", quality_json(seen.outcomes->candidate)}};
    if (const auto& paired = seen.outcomes->paired) {
      outcomes["paired"] = json::Object{{"labels", paired->labels},
                                        {"stable", number(paired->stable)},
                                        {"candidate", number(paired->candidate)},
                                        {"variance", number(paired->variance)}};
    }
    object["outcomes"] = std::move(outcomes);
  }
  return json::format(object);
}

}  // namespace fettle::gateway
