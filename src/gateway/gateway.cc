#include "gateway/gateway.h"

#include <algorithm>
#include <cstring>

#include "base/id.h"
#include "gateway/call.h"

namespace fettle::gateway {
namespace {

constexpr uint64_t kSequenceMask = (uint64_t{1} << 40) - 1;

uint64_t random_start() {
  std::string bytes = random_bytes(sizeof(uint64_t));
  uint64_t start = 0;
  std::memcpy(&start, bytes.data(), sizeof start);
  return start;
}

ArmView arm_view(const ArmSnapshot& arm) {
  return {.arm = arm.name,
          .model = arm.served->model,
          .version = arm.served->version,
          .weight = arm.weight,
          .figures = arm.counters->figures()};
}

void bind_arm(metrics::Registry& registry, const std::string& endpoint, ArmSnapshot& arm) {
  metrics::Labels labels = {{"endpoint", endpoint}, {"arm", arm.name}, {"version", arm.served->version}};
  arm.requests = &registry.counter("fettle_endpoint_requests_total",
                                   "Requests that an endpoint's arm answered or failed.", labels);
  arm.rows = &registry.counter("fettle_endpoint_rows_total", "Rows of these requests.", labels);
  arm.errors = &registry.counter("fettle_endpoint_errors_total", "Requests that the arm's own model failed.", labels);
  arm.latency = &registry.histogram("fettle_endpoint_latency_seconds", "From receipt to answer.",
                                    metrics::latency_bounds(), labels);
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case kLowConfidence: return "low_confidence";
    case kOutOfDistribution: return "out_of_distribution";
    case kContractWarning: return "contract_warning";
    case kImputed: return "imputed";
    case kFallback: return "fallback";
  }
  return "";
}

std::string format_verdicts(uint8_t bits) {
  std::string text;
  for (Verdict verdict : kVerdicts) {
    if ((bits & verdict) == 0) continue;
    if (!text.empty()) text += ',';
    text += verdict_name(verdict);
  }
  return text;
}

const char* reason_name(Reason reason) {
  switch (reason) {
    case kTimeout: return "timeout";
    case kError: return "error";
    case kContract: return "contract";
    case kLowConfidenceReason: return "low_confidence";
    case kOodReason: return "out_of_distribution";
  }
  return "";
}

Gateway::Gateway(Parts parts, GatewayConfig config)
    : parts_(parts),
      config_(config),
      snapshot_(std::make_shared<const Snapshot>()),
      sequence_(random_start()),
      log_dropped_(
          &parts.metrics.counter("fettle_prediction_log_dropped_total", "Predictions that the full log refused.")),
      wheel_(std::make_unique<DeadlineWheel>(parts.clock)) {}

Gateway::~Gateway() = default;

bool Gateway::has(std::string_view endpoint) const { return snapshot()->endpoints.contains(endpoint); }

std::string Gateway::next_prediction_id(const EndpointSnapshot& endpoint, int64_t now_ms) {
  return format_prediction_id({.time_ms = now_ms,
                               .endpoint = endpoint.ordinal,
                               .revision = endpoint.revision,
                               .sequence = sequence_.fetch_add(1, std::memory_order_relaxed) & kSequenceMask});
}

void Gateway::infer(std::string_view endpoint, serving::InferRequest request, CallerContext context,
                    serving::InferDone done) {
  auto snapshot = snapshot_.load();
  auto found = snapshot->endpoints.find(endpoint);
  if (found == snapshot->endpoints.end()) {
    return done(unexpected(Code::not_found, "endpoint or model '{}' not found", endpoint.substr(0, 120)));
  }
  if (context.received_ns == 0) context.received_ns = parts_.clock.steady_ns();
  std::make_shared<Call>(*this, found->second, std::move(context), std::move(done))->start(std::move(request));
}

Outcome<std::shared_ptr<serving::ModelPin>> Gateway::pin_stable(std::string_view endpoint) const {
  auto snapshot = snapshot_.load();
  auto found = snapshot->endpoints.find(endpoint);
  if (found == snapshot->endpoints.end())
    return unexpected(Code::not_found, "endpoint '{}' not found", endpoint.substr(0, 120));
  const EndpointSnapshot& at = *found->second;
  if (at.state != EndpointState::serving)
    return unexpected(Code::unavailable, "endpoint '{}' does not serve: {}", at.name, at.reason);
  return parts_.runtime.pin(at.stable.served->model, at.stable.served->version);
}

EndpointView Gateway::view_of(const EndpointSnapshot& endpoint) const {
  EndpointView view{.name = endpoint.name,
                    .state = endpoint.state,
                    .reason = endpoint.reason,
                    .spec = endpoint.spec,
                    .revision_id = endpoint.revision_id,
                    .revision = endpoint.revision,
                    .revision_at_ms = endpoint.revision_at_ms,
                    .rollout_id = endpoint.rollout_id};
  if (endpoint.state == EndpointState::serving) view.arms.push_back(arm_view(endpoint.stable));
  if (endpoint.candidate) view.arms.push_back(arm_view(*endpoint.candidate));
  view.requests = endpoint.traffic->requests.load();
  view.rows = endpoint.traffic->rows.load();
  view.errors = endpoint.traffic->errors.load();
  view.requests_per_s = endpoint.traffic->requests_per_second(parts_.clock.steady_ns());
  return view;
}

std::vector<EndpointView> Gateway::endpoints() const {
  std::vector<EndpointView> views;
  auto current = snapshot();
  for (const auto& [name, endpoint] : current->endpoints) views.push_back(view_of(*endpoint));
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return views;
}

std::optional<EndpointView> Gateway::find_endpoint(std::string_view name) const {
  auto current = snapshot();
  auto found = current->endpoints.find(name);
  if (found == current->endpoints.end()) return std::nullopt;
  return view_of(*found->second);
}

void Gateway::install(std::shared_ptr<const Snapshot> snapshot) { snapshot_.store(std::move(snapshot)); }

void Gateway::bind_metrics(EndpointSnapshot& endpoint) const {
  auto& registry = parts_.metrics;
  if (endpoint.stable.served != nullptr) bind_arm(registry, endpoint.name, endpoint.stable);
  if (endpoint.candidate) bind_arm(registry, endpoint.name, *endpoint.candidate);
  size_t i = 0;
  for (Verdict verdict : kVerdicts) {
    endpoint.verdict_rows[i++] = &registry.counter("fettle_endpoint_verdict_rows_total", "Rows that got a verdict.",
                                                   {{"endpoint", endpoint.name}, {"verdict", verdict_name(verdict)}});
  }
  auto refused = [&](Code code) {
    return &registry.counter("fettle_endpoint_refused_total", "Requests refused before an arm's model saw them.",
                             {{"endpoint", endpoint.name}, {"code", std::string(code_name(code))}});
  };
  endpoint.refused_invalid = refused(Code::invalid_argument);
  endpoint.refused_unavailable = refused(Code::unavailable);
  endpoint.refused_deadline = refused(Code::deadline_exceeded);
}

}  // namespace fettle::gateway
