#include <algorithm>
#include <cmath>
#include <future>

#include "gateway/snapshot.h"
#include "stats/profile.h"

namespace fettle::gateway {
namespace {

// Rows of the reference that are run through the model to find a confidence threshold.
constexpr size_t kConfidenceRows = 4000;
constexpr size_t kReferenceRows = 100'000;

void downgrade(Policy& policy) { policy = policy == Policy::ignore ? Policy::ignore : Policy::warn; }

// The contract of the first requests: everything is counted, nothing is refused or changed.
Contract observing_contract(Contract contract) {
  downgrade(contract.extra);
  for (auto& feature : contract.features) {
    downgrade(feature.missing);
    downgrade(feature.type);
    downgrade(feature.range);
    downgrade(feature.unseen);
  }
  return contract;
}

serving::InferResponse run_and_wait(serving::ModelPin& pin, serving::InferRequest request) {
  std::promise<Outcome<serving::InferResponse>> promise;
  auto future = promise.get_future();
  pin.infer(std::move(request),
            [&](Outcome<serving::InferResponse> outcome) { promise.set_value(std::move(outcome)); });
  return value_or_throw(future.get());
}

// One batch of reference rows as a request.
serving::InferRequest request_of(const Contract& contract, const FeatureBatch& rows, size_t from, size_t count) {
  FeatureBatch part;
  part.rows = static_cast<int64_t>(count);
  auto all = static_cast<size_t>(rows.rows);
  for (size_t slot = 0; slot < contract.numeric_count; ++slot) {
    auto start = rows.numbers.begin() + static_cast<ptrdiff_t>(slot * all + from);
    part.numbers.insert(part.numbers.end(), start, start + static_cast<ptrdiff_t>(count));
  }
  for (size_t slot = 0; slot < contract.categorical_count; ++slot) {
    auto start = rows.categories.begin() + static_cast<ptrdiff_t>(slot * all + from);
    part.categories.insert(part.categories.end(), start, start + static_cast<ptrdiff_t>(count));
  }
  CheckResult everything;
  for (uint32_t i = 0; i < contract.features.size(); ++i) everything.changed_features.push_back(i);
  serving::InferRequest request;
  rebuild_inputs(contract, part, everything, request.inputs);
  return request;
}

// The confidence below which `rate` of the reference's rows fall.
double threshold_of_rate(const ServedModel& served, serving::ModelPin& pin, const stats::Table& reference,
                         double rate) {
  FeatureBatch rows = reference_batch(served.contract, reference, kConfidenceRows);
  auto total = static_cast<size_t>(rows.rows);
  auto limit = static_cast<size_t>(std::max<int64_t>(1, pin.max_batch_size()));
  std::vector<double> confidence;
  for (size_t from = 0; from < total; from += limit) {
    size_t count = std::min(limit, total - from);
    auto response = run_and_wait(pin, request_of(served.contract, rows, from, count));
    auto facts = value_or_throw(read_outputs(served.binding, response.outputs, static_cast<int64_t>(count)));
    confidence.insert(confidence.end(), facts.confidence.begin(), facts.confidence.end());
  }
  if (confidence.empty()) {
    fail(Code::failed_precondition, "confidence.rate needs class probabilities, and {}/{} gives none", served.model,
         served.version);
  }
  std::sort(confidence.begin(), confidence.end());
  return stats::sorted_quantile(confidence, rate);
}

void need_reference(const ServedModelInputs& in, std::string_view what) {
  if (in.reference != nullptr) return;
  fail(Code::failed_precondition,
       "{} needs training data, and {} has no sample: log it as artifact '{}' of the source run", what,
       in.reference_origin, in.contract != nullptr ? in.contract->reference_artifact : std::string("reference.csv"));
}

}  // namespace

void EndpointTraffic::count(uint64_t row_count, bool failed, int64_t steady_ns) {
  requests.fetch_add(1, std::memory_order_relaxed);
  rows.fetch_add(row_count, std::memory_order_relaxed);
  if (failed) errors.fetch_add(1, std::memory_order_relaxed);
  auto second = static_cast<uint64_t>(steady_ns / 1'000'000'000) & 0xFFFFFFFF;
  auto& cell = cells_[second % kSeconds];
  uint64_t seen_cell = cell.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    next = seen_cell >> 32 == second ? seen_cell + 1 : second << 32 | 1;
  } while (!cell.compare_exchange_weak(seen_cell, next, std::memory_order_relaxed));
}

double EndpointTraffic::requests_per_second(int64_t steady_ns) const {
  constexpr uint64_t kMinute = 60;
  auto now = static_cast<uint64_t>(steady_ns / 1'000'000'000) & 0xFFFFFFFF;
  uint64_t sum = 0;
  for (const auto& cell : cells_) {
    uint64_t value = cell.load(std::memory_order_relaxed);
    uint64_t second = value >> 32;
    if (second <= now && now - second < kMinute) sum += value & 0xFFFFFFFF;
  }
  return static_cast<double>(sum) / kMinute;
}

std::shared_ptr<const ServedModel> build_served_model(const ServedModelInputs& in) {
  auto served = std::make_shared<ServedModel>();
  served->model = in.pin->name();
  served->version = in.pin->version();
  served->outputs = in.pin->outputs();
  served->binding = bind_outputs(*in.endpoint, served->outputs);
  if (in.contract != nullptr) need_reference(in, "a contract");
  served->contract = build_contract({.inputs = in.pin->inputs(),
                                     .spec = in.contract,
                                     .reference = in.reference,
                                     .ignore = {},
                                     .origin = in.reference_origin});
  if (served->contract.observe_only_requests > 0) served->observing = observing_contract(served->contract);
  if (in.endpoint->ood_rate) {
    need_reference(in, "out-of-distribution detection");
    served->ood = std::make_shared<OodDetector>(served->contract,
                                                reference_batch(served->contract, *in.reference, kReferenceRows),
                                                OodConfig{.rate = *in.endpoint->ood_rate});
  }
  if (in.endpoint->confidence_rate) {
    need_reference(in, "confidence.rate");
    served->confidence_threshold = threshold_of_rate(*served, *in.pin, *in.reference, *in.endpoint->confidence_rate);
  } else {
    served->confidence_threshold = in.endpoint->confidence_threshold;
  }
  return served;
}

}  // namespace fettle::gateway
