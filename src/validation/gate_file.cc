#include <array>

#include "json/json.h"
#include "validation/gate.h"

namespace fettle::validation {
namespace {

template <class Enum, size_t N>
Enum read_enum(json::Reader& in, std::string_view key, Enum fallback, const std::array<std::string_view, N>& names) {
  auto text = in.find_string(key);
  if (!text) return fallback;
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == *text) return static_cast<Enum>(i);
  }
  in.problem(key, fmt::format("'{}' is not one of {}", *text, fmt::join(names, ", ")));
  return fallback;
}

void check_range(json::Reader& in, std::string_view key, double value, double low, double high) {
  if (value < low || value > high) in.problem(key, fmt::format("{} is not within {} to {}", value, low, high));
}

std::optional<double> find_number(json::Reader& in, std::string_view key, double low, double high) {
  if (!in.has(key)) return std::nullopt;
  double value = in.number(key);
  check_range(in, key, value, low, high);
  return value;
}

Gate::Performance read_performance(json::Reader in) {
  Gate::Performance performance;
  performance.metric =
      read_enum(in, "metric", Metric::auc, std::array<std::string_view, 3>{"auc", "accuracy", "log_loss"});
  performance.non_inferiority_margin = in.number_or("non_inferiority_margin", performance.non_inferiority_margin);
  performance.min_improvement = in.number_or("min_improvement", 0);
  if (performance.min_improvement < 0) in.problem("min_improvement", "is negative");
  if (performance.min_improvement == 0 && !(performance.non_inferiority_margin > 0)) {
    in.problem("non_inferiority_margin",
               "must be > 0 unless min_improvement is: two equal models can never be told from worse ones");
  }
  performance.confidence_level = in.number_or("confidence_level", performance.confidence_level);
  check_range(in, "confidence_level", performance.confidence_level, 0.5, 0.9999);
  performance.min_rows = in.integer_or("min_rows", performance.min_rows);
  check_range(in, "min_rows", static_cast<double>(performance.min_rows), 1, 1e9);
  if (in.has("floor")) performance.floor = in.number("floor");
  in.find("floor");
  in.refuse_unknown();
  return performance;
}

Gate::DataQuality read_data_quality(json::Reader in) {
  Gate::DataQuality quality;
  quality.max_missing_rate = find_number(in, "max_missing_rate", 0, 1);
  quality.max_duplicate_rate = find_number(in, "max_duplicate_rate", 0, 1);
  if (auto rows = find_number(in, "min_class_rows", 0, 1e9)) quality.min_class_rows = static_cast<int64_t>(*rows);
  in.refuse_unknown();
  return quality;
}

Gate::Fairness read_fairness(json::Reader in) {
  Gate::Fairness fairness;
  fairness.group = in.string("group");
  fairness.measure =
      read_enum(in, "measure", fairness.measure,
                std::array<std::string_view, 3>{"demographic_parity_difference", "equal_opportunity_difference",
                                                "equalized_odds_difference"});
  fairness.threshold = in.number_or("threshold", fairness.threshold);
  fairness.bound = in.number_or("bound", fairness.bound);
  check_range(in, "bound", fairness.bound, 0, 1);
  fairness.min_group_rows = in.integer_or("min_group_rows", fairness.min_group_rows);
  in.refuse_unknown();
  return fairness;
}

Gate::Resources read_resources(json::Reader in) {
  Gate::Resources resources;
  resources.latency_ms_p99 = find_number(in, "latency_ms_p99", 0, 1e9);
  resources.requests = in.integer_or("requests", resources.requests);
  check_range(in, "requests", static_cast<double>(resources.requests), 100, 100'000);
  if (auto bytes = find_number(in, "memory_bytes", 0, 1e15)) resources.memory_bytes = static_cast<int64_t>(*bytes);
  in.refuse_unknown();
  return resources;
}

Gate read_gate(const json::Value& value, json::Problems& problems) {
  json::Reader in(value, problems);
  Gate gate;
  gate.model = in.string("model");
  gate.champion = in.string_or("champion", gate.champion);
  gate.label_column = in.string_or("label_column", gate.label_column);
  gate.positive_class = in.string_or("positive_class", gate.positive_class);
  if (in.has("performance")) gate.performance = read_performance(in.object("performance"));
  if (in.has("data_quality")) gate.data_quality = read_data_quality(in.object("data_quality"));
  if (in.has("fairness")) gate.fairness = read_fairness(in.object("fairness"));
  if (in.has("resources")) gate.resources = read_resources(in.object("resources"));
  in.refuse_unknown();
  return gate;
}

}  // namespace

std::vector<Detail> check_gate(std::string_view spec) {
  json::Problems problems;
  json::Value value = json::parse(spec);
  read_gate(value, problems);
  return problems.details();
}

Gate parse_gate(const std::string& name, int64_t generation, std::string_view spec) {
  json::Problems problems;
  json::Value value = json::parse(spec);
  Gate gate = read_gate(value, problems);
  problems.check();
  gate.name = name;
  gate.generation = generation;
  gate.spec = spec;
  return gate;
}

}  // namespace fettle::validation
