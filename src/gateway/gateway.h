// The data plane of endpoints: route, contract, out-of-distribution check, model, post-checks, fallback, answer, log
// (design.md 5). It reads one immutable snapshot and never needs the control plane or a store to answer.
//
//   gateway.infer("flights", std::move(request), {.request_id = id, .received_ns = now},
//   [](Outcome<serving::InferResponse> answer) { … });
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/deadline_wheel.h"
#include "gateway/prediction_sink.h"
#include "gateway/snapshot.h"
#include "serving/runtime.h"

namespace fettle::gateway {

struct GatewayConfig {
  int64_t in_flight_limit = 4096;  // requests of one endpoint; beyond it: unavailable
};

struct CallerContext {
  std::string request_id;
  int64_t received_ns = 0;  // steady clock; 0: now
};

// Figures of an arm since its revision.
struct ArmView {
  std::string arm;
  std::string model;
  std::string version;
  int32_t weight = 0;
  ArmFigures figures;
};

struct EndpointView {
  std::string name;
  EndpointState state = EndpointState::waiting;
  std::string reason;
  EndpointSpec spec;
  std::string revision_id;
  uint32_t revision = 0;
  int64_t revision_at_ms = 0;
  std::string rollout_id;
  std::vector<ArmView> arms;
  uint64_t requests = 0;  // since the server started, as rows and errors
  uint64_t rows = 0;
  uint64_t errors = 0;
  double requests_per_s = 0;  // over the last minute
};

// Thread-safe.
class Gateway {
 public:
  struct Parts {
    const serving::Runtime& runtime;
    PredictionSink* sink = nullptr;  // nullptr: nothing is logged
    metrics::Registry& metrics;
    const Clock& clock;
  };
  explicit Gateway(Parts parts, GatewayConfig config = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // True when the name is an endpoint, whatever its state.
  bool has(std::string_view endpoint) const;

  // Answers through `done`, called exactly once, on any thread; it must not block. Parameters of the answer:
  // docs/rest.md 2. Errors: not_found (no such endpoint), unavailable (no version serves yet, overload, no fallback
  // answered), invalid_argument with details (the contract is broken: 422), invalid_argument without (the request can
  // never be read: 400), deadline_exceeded, internal (the model failed).
  void infer(std::string_view endpoint, serving::InferRequest request, CallerContext context, serving::InferDone done);

  // The stable arm's model, for metadata and readiness. not_found, or unavailable when none serves.
  Outcome<std::shared_ptr<serving::ModelPin>> pin_stable(std::string_view endpoint) const;

  std::vector<EndpointView> endpoints() const;  // by name
  std::optional<EndpointView> find_endpoint(std::string_view name) const;

  // Swaps everything at once. Requests in flight finish on what they began with.
  void install(std::shared_ptr<const Snapshot> snapshot);
  std::shared_ptr<const Snapshot> snapshot() const { return snapshot_.load(); }

  // Fills an arm's series of the metrics registry.
  void bind_metrics(EndpointSnapshot& endpoint) const;

 private:
  friend class Call;
  EndpointView view_of(const EndpointSnapshot& endpoint) const;
  std::string next_prediction_id(const EndpointSnapshot& endpoint, int64_t now_ms);

  Parts parts_;
  GatewayConfig config_;
  std::atomic<std::shared_ptr<const Snapshot>> snapshot_;
  std::atomic<uint64_t> sequence_;
  metrics::Counter* log_dropped_;
  std::unique_ptr<DeadlineWheel> wheel_;
};

}  // namespace fettle::gateway
