// What the data plane reads: endpoints with everything worked out, immutable and swapped whole.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/arm_counters.h"
#include "gateway/contract.h"
#include "gateway/ood.h"
#include "gateway/outputs.h"
#include "gateway/spec.h"
#include "metrics/registry.h"
#include "serving/runtime.h"

namespace fettle::gateway {

// A model version as one endpoint serves it: contract, detector and thresholds belong to the version, never to its
// predecessor (spec gateway.md 5.3).
struct ServedModel {
  std::string model;
  std::string version;
  std::vector<serving::TensorSpec> outputs;
  Contract contract;
  std::optional<Contract> observing;  // while the first requests are only counted
  std::shared_ptr<const OodDetector> ood;
  std::optional<double> confidence_threshold;
  OutputBinding binding;
};

struct ServedModelInputs {
  serving::ModelPin* pin = nullptr;
  const EndpointSpec* endpoint = nullptr;
  const ContractSpec* contract = nullptr;   // nullptr: none
  const stats::Table* reference = nullptr;  // nullptr: the version has none
  std::string reference_origin;             // "models:/flights-delay/1"
};
// Builds contract, detector and threshold; a confidence rate is turned into a threshold by running the model on the
// reference. Blocks. Throws failed_precondition when the endpoint needs a reference that is not there or does not fit.
std::shared_ptr<const ServedModel> build_served_model(const ServedModelInputs& inputs);

struct ArmSnapshot {
  std::string name;  // "stable", "candidate"
  std::shared_ptr<const ServedModel> served;
  int32_t weight = 0;  // of 10,000
  std::shared_ptr<ArmCounters> counters;
  metrics::Counter* requests = nullptr;
  metrics::Counter* rows = nullptr;
  metrics::Counter* errors = nullptr;
  metrics::Histogram* latency = nullptr;
};

struct FallbackSnapshot {
  uint8_t on = kAnyReason;
  std::variant<std::shared_ptr<const ServedModel>, ConstantAnswer, RuleAnswer> answer;
};

// Live totals of an endpoint since the server started; outlives revisions. Thread-safe.
struct EndpointTraffic {
  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> seen{0};  // requests that reached the contract
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> rows{0};
  std::atomic<uint64_t> errors{0};

  void count(uint64_t row_count, bool failed, int64_t steady_ns);
  // Mean over the last minute.
  double requests_per_second(int64_t steady_ns) const;

 private:
  static constexpr int64_t kSeconds = 64;
  // One cell a second: the second in the upper, its requests in the lower 32 bits.
  std::array<std::atomic<uint64_t>, kSeconds> cells_{};
};

enum class EndpointState { serving, waiting, failed };

struct EndpointSnapshot {
  std::string name;
  uint32_t ordinal = 0;
  EndpointSpec spec;
  EndpointState state = EndpointState::waiting;
  std::string reason;  // why it does not serve
  std::string revision_id;
  uint32_t revision = 0;
  int64_t revision_at_ms = 0;
  std::string rollout_id;  // that is running; the salt of the split
  ArmSnapshot stable;
  std::optional<ArmSnapshot> candidate;
  std::vector<FallbackSnapshot> fallback;
  std::shared_ptr<EndpointTraffic> traffic;
  metrics::Counter* verdict_rows[5] = {};  // in the order of kVerdicts
  // Requests that never reached an arm's model, by error.
  metrics::Counter* refused_invalid = nullptr;
  metrics::Counter* refused_unavailable = nullptr;
  metrics::Counter* refused_deadline = nullptr;
};

struct Snapshot {
  TextMap<std::shared_ptr<const EndpointSnapshot>> endpoints;
};

}  // namespace fettle::gateway
