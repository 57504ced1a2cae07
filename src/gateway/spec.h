// The resources Endpoint, Contract and the request that starts a rollout, as plain values (docs/rest.md 7.1 and 8).
// Their JSON is read and written by spec_file.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/model_resolver.h"

namespace fettle::gateway {

using Scalar = std::variant<bool, int64_t, double, std::string>;

// What happens to a row with a verdict.
enum class Action { mark, fallback, reject };

// Why a fallback is asked; bits of FallbackLevel::on.
enum Reason : uint8_t { kTimeout = 1, kError = 2, kContract = 4, kLowConfidenceReason = 8, kOodReason = 16 };
inline constexpr uint8_t kAnyReason = 31;
const char* reason_name(Reason reason);

// Values of one output tensor: one scalar, or a list for the trailing dimension.
struct OutputValue {
  std::string output;
  std::vector<Scalar> values;
};
using ConstantAnswer = std::vector<OutputValue>;

enum class Compare { lt, le, gt, ge, eq, ne };
struct RuleAnswer {
  std::string feature;
  Compare op = Compare::lt;
  Scalar value;
  ConstantAnswer then;
  ConstantAnswer otherwise;
};

struct FallbackLevel {
  uint8_t on = kAnyReason;
  std::variant<ModelRef, ConstantAnswer, RuleAnswer> answer;
};

struct EndpointSpec {
  ModelRef model;
  std::string contract;  // empty: none
  std::string sticky_key = "fettle_key";
  int64_t timeout_ms = 10'000;
  int64_t primary_timeout_ms = 0;         // 0: 80 % of timeout_ms with a fallback, else all of it
  std::string output_label;               // empty: first integer or string output
  std::string output_probability;         // empty: first floating output
  std::optional<int64_t> positive_index;  // nothing: last column
  std::optional<double> confidence_threshold;
  std::optional<double> confidence_rate;
  Action confidence_action = Action::mark;
  std::optional<double> ood_rate;  // false positives; nothing: off
  Action ood_action = Action::mark;
  std::vector<FallbackLevel> fallback;
  int64_t max_rows = 10'000;
  double log_share = 1;
  bool log_features = true;
  int64_t log_retention_ms = 90LL * 86'400'000;
};

// What a broken rule of the contract does. `ignore` is no user's choice: it is how an endpoint without a contract
// checks.
enum class Policy : uint8_t { ignore, warn, reject, impute };

struct FeatureOverride {
  std::string name;
  std::optional<Policy> missing, type, range, unseen;
  std::optional<double> min, max;  // hard bounds
  std::optional<std::vector<std::string>> values;
  std::optional<Scalar> impute;
};

struct ContractSpec {
  std::optional<ModelRef> reference;  // nothing: each served version's own
  std::string reference_artifact = "reference.csv";
  std::vector<std::string> ignore;
  Policy missing = Policy::reject;
  Policy type = Policy::reject;
  Policy range = Policy::warn;
  double range_k = 3;
  Policy unseen = Policy::warn;
  Policy extra = Policy::warn;
  std::vector<FeatureOverride> features;
  int64_t observe_only_requests = 0;
};

struct RolloutStep {
  int32_t weight = 0;  // of 10,000
  int64_t min_rows = 200;
  int64_t min_duration_ms = 0;
  int64_t max_duration_ms = 0;  // 0: none
};

struct QualityRule {
  std::string metric = "log_loss";  // auc, accuracy, log_loss
  double margin = 0.02;
  int64_t min_labels = 500;
};

struct AnalysisSpec {
  double max_error_rate_increase = 0.005;
  double max_latency_ratio = 2;  // 0: off
  double score_psi_max = 0.25;
  bool score_psi_fails = false;  // action `fail`; else `warn`
  std::optional<QualityRule> quality;
  int64_t failure_limit = 1;
};

struct RolloutSpec {
  std::vector<RolloutStep> steps = {{.weight = 1000}, {.weight = 5000}, {.weight = 10000}};
  AnalysisSpec analysis;
};

struct RolloutRequest {
  ModelRef candidate;
  std::string gate_report;      // empty: the newest
  std::string override_reason;  // empty: the gate is not overridden
  RolloutSpec spec;
};

// Who writes, and why; both are kept in the history.
struct Author {
  std::string by = "api";
  std::string reason;
};

// JSON text <-> values. The parsers throw invalid_argument with every problem at its path (`confidence.threshold: …`);
// unknown members are problems too. The formatters leave defaults out, so that parse(format(x)) equals x and a document
// round-trips unchanged.
EndpointSpec parse_endpoint_spec(std::string_view json);
std::string format_endpoint_spec(const EndpointSpec& spec);
ContractSpec parse_contract_spec(std::string_view json);
std::string format_contract_spec(const ContractSpec& spec);
// The members candidate, gate_report, override_gate, steps, analysis of `POST /endpoints/{name}/rollouts`; `by` and
// `reason` go to `author`.
RolloutRequest parse_rollout_request(std::string_view json, Author& author);
// steps and analysis alone (RetrainPolicy's `rollout`, and how a rollout is stored); defaults written out.
RolloutSpec parse_rollout_spec(std::string_view json);
std::string format_rollout_spec(const RolloutSpec& spec);

}  // namespace fettle::gateway
