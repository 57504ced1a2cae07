// JSON of Endpoint, Contract and rollout documents (docs/rest.md 7.1, 8).
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "gateway/routing.h"
#include "gateway/spec.h"
#include "json/json.h"

namespace fettle::gateway {
namespace {

struct Bounds {
  double low = 0;
  double high = 0;
};

double bounded(json::Reader& in, std::string_view key, double fallback, Bounds bounds) {
  double value = in.number_or(key, fallback);
  if (!(value >= bounds.low && value <= bounds.high))
    in.problem(key, fmt::format("{:g} is not between {:g} and {:g}", value, bounds.low, bounds.high));
  return value;
}

int64_t bounded_integer(json::Reader& in, std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  int64_t value = in.integer_or(key, fallback);
  if (value < low || value > high) in.problem(key, fmt::format("{} is not between {} and {}", value, low, high));
  return value;
}

std::optional<double> optional_number(json::Reader& in, std::string_view key, Bounds bounds) {
  if (!in.has(key)) {
    in.find(key);
    return std::nullopt;
  }
  return bounded(in, key, 0, bounds);
}

struct Word {
  const char* name;
  int value;
};

template <class T>
T word(json::Reader& in, std::string_view key, T fallback, std::span<const Word> words) {
  auto text = in.find_string(key);
  if (!text) return fallback;
  std::string names;
  for (const Word& w : words) {
    if (*text == w.name) return static_cast<T>(w.value);
    names += fmt::format("{}{}", names.empty() ? "" : ", ", w.name);
  }
  in.problem(key, fmt::format("'{}' is not one of {}", *text, names));
  return fallback;
}

template <class T>
std::string word_of(T value, std::span<const Word> words) {
  for (const Word& w : words) {
    if (static_cast<int>(value) == w.value) return w.name;
  }
  return "";
}

constexpr Word kActions[] = {
    {"mark", int(Action::mark)}, {"fallback", int(Action::fallback)}, {"reject", int(Action::reject)}};
constexpr Word kWarnReject[] = {{"warn", int(Policy::warn)}, {"reject", int(Policy::reject)}};
constexpr Word kPolicies[] = {
    {"warn", int(Policy::warn)}, {"reject", int(Policy::reject)}, {"impute", int(Policy::impute)}};
constexpr Word kCompares[] = {{"lt", int(Compare::lt)}, {"le", int(Compare::le)}, {"gt", int(Compare::gt)},
                              {"ge", int(Compare::ge)}, {"eq", int(Compare::eq)}, {"ne", int(Compare::ne)}};
constexpr Reason kReasons[] = {kTimeout, kError, kContract, kLowConfidenceReason, kOodReason};

ModelRef model_ref(json::Reader& in, std::string_view key) {
  std::string text = in.string(key);
  auto ref = parse_model_ref(text);
  if (!ref && !text.empty()) in.problem(key, fmt::format("'{}' is not NAME/VERSION or NAME@ALIAS", text));
  return ref.value_or(ModelRef{});
}

std::optional<Scalar> scalar(const json::Value& value) {
  if (value.is_bool()) return Scalar(value.get_bool());
  if (value.is_int64()) return Scalar(value.get_int64());
  if (value.is_double()) return Scalar(value.get_double());
  if (value.is_string()) return Scalar(std::string(value.get_string()));
  return std::nullopt;
}

json::Value scalar_json(const Scalar& value) {
  return std::visit([](const auto& v) { return json::Value(v); }, value);
}

ConstantAnswer read_answer(json::Reader& in, std::string_view key) {
  json::Reader answer = in.object(key, true);
  ConstantAnswer outputs;
  for (const auto& [name, value] : answer.fields()) {
    answer.find(name);
    OutputValue output{.output = std::string(name), .values = {}};
    if (const auto* list = value.if_array()) {
      for (const auto& item : *list) {
        auto one = scalar(item);
        if (!one) {
          answer.problem(name, fmt::format("expected numbers or strings, got {}", json::preview(item)));
          break;
        }
        output.values.push_back(std::move(*one));
      }
    } else if (auto one = scalar(value)) {
      output.values.push_back(std::move(*one));
    } else {
      answer.problem(name, fmt::format("expected a scalar or a list, got {}", json::preview(value)));
    }
    outputs.push_back(std::move(output));
  }
  if (outputs.empty()) in.problem(key, "names no output");
  return outputs;
}

json::Value answer_json(const ConstantAnswer& answer) {
  json::Object object;
  for (const auto& output : answer) {
    if (output.values.size() == 1) {
      object[output.output] = scalar_json(output.values.front());
      continue;
    }
    json::Array list;
    for (const auto& value : output.values) list.push_back(scalar_json(value));
    object[output.output] = std::move(list);
  }
  return object;
}

RuleAnswer read_rule(json::Reader& in) {
  json::Reader rule = in.object("rule", true);
  RuleAnswer answer;
  answer.feature = rule.string("feature");
  answer.op = word(rule, "op", Compare::lt, kCompares);
  if (!rule.has("op")) rule.problem("op", "is required");
  const json::Value* value = rule.find("value");
  auto read = value != nullptr ? scalar(*value) : std::nullopt;
  if (!read) rule.problem("value", "expected a number, a string or a boolean");
  answer.value = read.value_or(Scalar(int64_t{0}));
  answer.then = read_answer(rule, "then");
  answer.otherwise = read_answer(rule, "otherwise");
  rule.refuse_unknown();
  return answer;
}

uint8_t read_reasons(json::Reader& in) {
  if (!in.has("on")) {
    in.find("on");
    return kAnyReason;
  }
  uint8_t bits = 0;
  for (const auto& name : in.strings_or("on", {})) {
    const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                     [&](Reason reason) { return name == reason_name(reason); });
    if (found == std::end(kReasons)) {
      in.problem("on",
                 fmt::format("'{}' is not one of timeout, error, contract, low_confidence, out_of_distribution", name));
    } else {
      bits |= *found;
    }
  }
  if (bits == 0) in.problem("on", "names no reason");
  return bits;
}

FallbackLevel read_level(json::Reader& in) {
  FallbackLevel level;
  level.on = read_reasons(in);
  int kinds = int(in.has("model")) + int(in.has("constant")) + int(in.has("rule"));
  if (kinds != 1) in.problem("", "needs exactly one of model, constant, rule");
  if (in.has("model")) level.answer = model_ref(in, "model");
  if (in.has("constant")) level.answer = read_answer(in, "constant");
  if (in.has("rule")) level.answer = read_rule(in);
  in.refuse_unknown();
  return level;
}

json::Value level_json(const FallbackLevel& level) {
  json::Object object;
  if (level.on != kAnyReason) {
    json::Array on;
    for (Reason reason : kReasons) {
      if ((level.on & reason) != 0) on.emplace_back(reason_name(reason));
    }
    object["on"] = std::move(on);
  }
  if (const auto* ref = std::get_if<ModelRef>(&level.answer)) object["model"] = format_model_ref(*ref);
  if (const auto* constant = std::get_if<ConstantAnswer>(&level.answer)) object["constant"] = answer_json(*constant);
  if (const auto* rule = std::get_if<RuleAnswer>(&level.answer)) {
    object["rule"] = json::Object{{"feature", rule->feature},
                                  {"op", word_of(rule->op, kCompares)},
                                  {"value", scalar_json(rule->value)},
                                  {"then", answer_json(rule->then)},
                                  {"otherwise", answer_json(rule->otherwise)}};
  }
  return object;
}

void read_output(json::Reader& in, EndpointSpec& spec) {
  json::Reader output = in.object("output");
  spec.output_label = output.string_or("label", "");
  spec.output_probability = output.string_or("probability", "");
  if (output.has("positive_index")) spec.positive_index = bounded_integer(output, "positive_index", 0, 0, 100'000);
  output.find("positive_index");
  output.refuse_unknown();
}

void read_checks(json::Reader& in, EndpointSpec& spec) {
  json::Reader confidence = in.object("confidence");
  spec.confidence_threshold = optional_number(confidence, "threshold", {0, 1});
  spec.confidence_rate = optional_number(confidence, "rate", {0.0001, 0.5});
  if (spec.confidence_threshold && spec.confidence_rate) confidence.problem("rate", "give threshold or rate, not both");
  spec.confidence_action = word(confidence, "action", Action::mark, kActions);
  confidence.refuse_unknown();
  json::Reader ood = in.object("ood");
  spec.ood_rate = optional_number(ood, "false_positive_rate", {0.0001, 0.2});
  spec.ood_action = word(ood, "action", Action::mark, kActions);
  ood.refuse_unknown();
}

void put_checks(const EndpointSpec& spec, json::Object& object) {
  json::Object confidence;
  if (spec.confidence_threshold) confidence["threshold"] = *spec.confidence_threshold;
  if (spec.confidence_rate) confidence["rate"] = *spec.confidence_rate;
  if (spec.confidence_action != Action::mark) confidence["action"] = word_of(spec.confidence_action, kActions);
  if (!confidence.empty()) object["confidence"] = std::move(confidence);
  json::Object ood;
  if (spec.ood_rate) ood["false_positive_rate"] = *spec.ood_rate;
  if (spec.ood_action != Action::mark) ood["action"] = word_of(spec.ood_action, kActions);
  if (!ood.empty()) object["ood"] = std::move(ood);
}

FeatureOverride read_override(json::Reader& in) {
  FeatureOverride change;
  change.name = in.string("name");
  auto policy = [&](std::string_view key, std::span<const Word> words) -> std::optional<Policy> {
    if (!in.has(key)) {
      in.find(key);
      return std::nullopt;
    }
    return word(in, key, Policy::warn, words);
  };
  change.missing = policy("missing", kPolicies);
  change.type = policy("type", kWarnReject);
  change.range = policy("range", kPolicies);
  change.unseen = policy("unseen", kPolicies);
  constexpr double kAny = std::numeric_limits<double>::max();
  change.min = optional_number(in, "min", {-kAny, kAny});
  change.max = optional_number(in, "max", {-kAny, kAny});
  if (change.min && change.max && *change.min > *change.max)
    in.problem("min", fmt::format("{:g} is above max {:g}", *change.min, *change.max));
  if (in.has("values")) change.values = in.strings_or("values", {});
  in.find("values");
  if (const json::Value* impute = in.find("impute")) {
    change.impute = scalar(*impute);
    if (!change.impute) in.problem("impute", "expected a number, a string or a boolean");
  }
  in.refuse_unknown();
  return change;
}

json::Value override_json(const FeatureOverride& change) {
  json::Object object{{"name", change.name}};
  if (change.missing) object["missing"] = word_of(*change.missing, kPolicies);
  if (change.type) object["type"] = word_of(*change.type, kPolicies);
  if (change.range) object["range"] = word_of(*change.range, kPolicies);
  if (change.unseen) object["unseen"] = word_of(*change.unseen, kPolicies);
  if (change.min) object["min"] = *change.min;
  if (change.max) object["max"] = *change.max;
  if (change.values) object["values"] = boost::json::value_from(*change.values);
  if (change.impute) object["impute"] = scalar_json(*change.impute);
  return object;
}

}  // namespace

std::optional<ModelRef> parse_model_ref(std::string_view text) {
  if (text.starts_with("models:/")) text.remove_prefix(8);
  // A model's name may hold '/' or '@': the last one separates, as in MLflow.
  size_t at = text.find_last_of("@/");
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size()) return std::nullopt;
  return ModelRef{
      .model = std::string(text.substr(0, at)), .selector = std::string(text.substr(at + 1)), .alias = text[at] == '@'};
}

std::string format_model_ref(const ModelRef& ref) {
  return fmt::format("{}{}{}", ref.model, ref.alias ? '@' : '/', ref.selector);
}

EndpointSpec parse_endpoint_spec(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  EndpointSpec spec;
  spec.model = model_ref(in, "model");
  spec.contract = in.string_or("contract", "");
  spec.sticky_key = in.string_or("sticky_key", spec.sticky_key);
  spec.timeout_ms = bounded_integer(in, "timeout_ms", spec.timeout_ms, 1, 600'000);
  spec.primary_timeout_ms = in.has("primary_timeout_ms") ? bounded_integer(in, "primary_timeout_ms", 0, 1, 600'000) : 0;
  in.find("primary_timeout_ms");
  read_output(in, spec);
  read_checks(in, spec);
  in.each("fallback", [&](json::Reader& level) { spec.fallback.push_back(read_level(level)); });
  if (spec.fallback.size() > 4) in.problem("fallback", fmt::format("{} levels, at most 4", spec.fallback.size()));
  spec.max_rows = bounded_integer(in, "max_rows", spec.max_rows, 1, 100'000);
  json::Reader log = in.object("log");
  spec.log_share = bounded(log, "share", 1, {0, 1});
  spec.log_features = log.boolean_or("features", true);
  spec.log_retention_ms = bounded_integer(log, "retention_ms", spec.log_retention_ms, 3'600'000, int64_t{1} << 53);
  log.refuse_unknown();
  in.refuse_unknown();
  problems.check();
  return spec;
}

std::string format_endpoint_spec(const EndpointSpec& spec) {
  const EndpointSpec defaults;
  json::Object object{{"model", format_model_ref(spec.model)}};
  if (!spec.contract.empty()) object["contract"] = spec.contract;
  if (spec.sticky_key != defaults.sticky_key) object["sticky_key"] = spec.sticky_key;
  if (spec.timeout_ms != defaults.timeout_ms) object["timeout_ms"] = spec.timeout_ms;
  if (spec.primary_timeout_ms != 0) object["primary_timeout_ms"] = spec.primary_timeout_ms;
  json::Object output;
  if (!spec.output_label.empty()) output["label"] = spec.output_label;
  if (!spec.output_probability.empty()) output["probability"] = spec.output_probability;
  if (spec.positive_index) output["positive_index"] = *spec.positive_index;
  if (!output.empty()) object["output"] = std::move(output);
  put_checks(spec, object);
  if (!spec.fallback.empty()) {
    json::Array levels;
    for (const auto& level : spec.fallback) levels.push_back(level_json(level));
    object["fallback"] = std::move(levels);
  }
  if (spec.max_rows != defaults.max_rows) object["max_rows"] = spec.max_rows;
  json::Object log;
  if (spec.log_share != 1) log["share"] = spec.log_share;
  if (!spec.log_features) log["features"] = false;
  if (spec.log_retention_ms != defaults.log_retention_ms) log["retention_ms"] = spec.log_retention_ms;
  if (!log.empty()) object["log"] = std::move(log);
  return json::format(object);
}

ContractSpec parse_contract_spec(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  ContractSpec spec;
  if (in.has("reference")) spec.reference = model_ref(in, "reference");
  in.find("reference");
  spec.reference_artifact = in.string_or("reference_artifact", spec.reference_artifact);
  spec.ignore = in.strings_or("ignore", {});
  spec.missing = word(in, "missing", spec.missing, kPolicies);
  spec.type = word(in, "type", spec.type, kWarnReject);
  spec.range = word(in, "range", spec.range, kPolicies);
  spec.range_k = bounded(in, "range_k", spec.range_k, {0, 100});
  spec.unseen = word(in, "unseen", spec.unseen, kPolicies);
  spec.extra = word(in, "extra", spec.extra, kWarnReject);
  in.each("features", [&](json::Reader& feature) { spec.features.push_back(read_override(feature)); });
  spec.observe_only_requests = bounded_integer(in, "observe_only_requests", 0, 0, int64_t{1} << 53);
  in.refuse_unknown();
  problems.check();
  return spec;
}

std::string format_contract_spec(const ContractSpec& spec) {
  const ContractSpec defaults;
  json::Object object;
  if (spec.reference) object["reference"] = "models:/" + format_model_ref(*spec.reference);
  if (spec.reference_artifact != defaults.reference_artifact) object["reference_artifact"] = spec.reference_artifact;
  if (!spec.ignore.empty()) object["ignore"] = boost::json::value_from(spec.ignore);
  auto put = [&](const char* key, Policy value, Policy normal) {
    if (value != normal) object[key] = word_of(value, kPolicies);
  };
  put("missing", spec.missing, defaults.missing);
  put("type", spec.type, defaults.type);
  put("range", spec.range, defaults.range);
  put("unseen", spec.unseen, defaults.unseen);
  put("extra", spec.extra, defaults.extra);
  if (spec.range_k != defaults.range_k) object["range_k"] = spec.range_k;
  if (!spec.features.empty()) {
    json::Array features;
    for (const auto& change : spec.features) features.push_back(override_json(change));
    object["features"] = std::move(features);
  }
  if (spec.observe_only_requests != 0) object["observe_only_requests"] = spec.observe_only_requests;
  return json::format(object);
}

}  // namespace fettle::gateway
