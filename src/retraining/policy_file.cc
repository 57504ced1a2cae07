#include "base/uri.h"
#include "json/json.h"
#include "retraining/policy.h"

namespace fettle::retraining {
namespace {

void check_range(json::Reader& in, std::string_view key, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) in.problem(key, fmt::format("{} is not within {} to {}", value, low, high));
}

void read_pipeline(json::Reader in, Policy::Pipeline& pipeline) {
  pipeline.directory = in.string("directory");
  if (!pipeline.directory.empty() && pipeline.directory.front() != '/') {
    in.problem("directory", fmt::format("'{}' is not an absolute path", pipeline.directory));
  }
  pipeline.data = in.strings_or("data", {});
  for (const auto& path : pipeline.data) {
    if (!is_safe_relative_path(path)) in.problem("data", fmt::format("'{}' does not stay below the directory", path));
  }
  pipeline.targets = in.strings_or("targets", {});
  pipeline.timeout_ms = in.integer_or("timeout_ms", pipeline.timeout_ms);
  check_range(in, "timeout_ms", pipeline.timeout_ms, 1000, 7LL * 86'400'000);
  json::Reader environment = in.object("environment");
  for (const auto& item : environment.fields()) pipeline.environment[item.key()] = environment.string(item.key());
  in.refuse_unknown();
}

Policy read_policy(const json::Value& value, json::Problems& problems) {
  json::Reader in(value, problems);
  Policy policy;
  policy.endpoint = in.string("endpoint");
  policy.on = in.strings_or("on", {});
  if (policy.on.empty()) in.problem("on", "expected at least one alert's name");
  policy.block_on = in.strings_or("block_on", {});
  policy.cooldown_ms = in.integer_or("cooldown_ms", policy.cooldown_ms);
  check_range(in, "cooldown_ms", policy.cooldown_ms, 0, 10LL * 365 * 86'400'000);
  policy.min_new_labels = in.integer_or("min_new_labels", policy.min_new_labels);
  check_range(in, "min_new_labels", policy.min_new_labels, 0, 1'000'000'000);
  policy.max_rejections = in.integer_or("max_rejections", policy.max_rejections);
  check_range(in, "max_rejections", policy.max_rejections, 1, 1000);
  read_pipeline(in.object("pipeline", true), policy.pipeline);
  policy.model = in.string("model");
  policy.gate = in.string("gate");
  json::Reader evaluate = in.object("evaluate_on");
  policy.evaluate_monitor = evaluate.string_or("monitor", "");
  evaluate.refuse_unknown();
  if (const json::Value* rollout = in.find("rollout")) {
    if (!rollout->is_object()) in.problem("rollout", "expected an object as in POST …/rollouts, without 'candidate'");
    policy.rollout = json::format(*rollout);
  }
  policy.paused = in.boolean_or("paused", false);
  in.refuse_unknown();
  return policy;
}

}  // namespace

std::vector<Detail> check_policy(std::string_view spec) {
  json::Problems problems;
  json::Value value = json::parse(spec);
  read_policy(value, problems);
  return problems.details();
}

Policy parse_policy(const std::string& name, int64_t generation, const std::string& spec) {
  json::Problems problems;
  json::Value value = json::parse(spec);
  Policy policy = read_policy(value, problems);
  problems.check();
  policy.name = name;
  policy.generation = generation;
  policy.spec = spec;
  return policy;
}

std::string format_observations(const Observations& seen) {
  json::Object object;
  json::Array firing;
  for (const auto& alert : seen.firing)
    firing.push_back(json::Object{{"name", alert.name}, {"monitor", alert.monitor}, {"window", alert.window}});
  object["firing"] = firing;
  object["newest_event_ms"] = seen.newest_event_ms ? json::Value(*seen.newest_event_ms) : json::Value();
  object["last_start_event_ms"] = seen.last_start_event_ms ? json::Value(*seen.last_start_event_ms) : json::Value();
  object["new_labels"] = seen.new_labels;
  object["rejections"] = seen.rejections;
  object["running"] = seen.running;
  object["by_hand"] = seen.by_hand;
  return json::format(object);
}

}  // namespace fettle::retraining
