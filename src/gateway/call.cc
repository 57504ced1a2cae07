#include "gateway/call.h"

#include <algorithm>

#include "gateway/routing.h"

namespace fettle::gateway {
namespace {

constexpr std::string_view kConfidenceOutput = "fettle_confidence";
constexpr std::string_view kOodOutput = "fettle_ood";
constexpr std::string_view kVerdictOutput = "fettle_verdict";
constexpr int64_t kNsPerMs = 1'000'000;

bool is_row_output(std::string_view name) {
  return name == kConfidenceOutput || name == kOodOutput || name == kVerdictOutput;
}

bool fallback_uses_models(const EndpointSnapshot& endpoint) {
  return std::any_of(endpoint.fallback.begin(), endpoint.fallback.end(), [](const auto& level) {
    return std::holds_alternative<std::shared_ptr<const ServedModel>>(level.answer);
  });
}

}  // namespace

Call::Call(Gateway& gateway, std::shared_ptr<const EndpointSnapshot> endpoint, CallerContext context,
           serving::InferDone done)
    : gateway_(gateway),
      endpoint_(std::move(endpoint)),
      context_(std::move(context)),
      done_(std::move(done)),
      received_ms_(gateway.parts_.clock.now_ms()) {}

Call::~Call() {
  if (admitted_) endpoint_->traffic->in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void Call::start(serving::InferRequest request) {
  if (auto ok = admit(request); !ok) return finish_with(std::move(ok.error()));
  route();
  if (auto ok = check(request); !ok) {
    client_error_ = true;
    return finish_with(std::move(ok.error()));
  }
  if (auto ok = judge_distribution(); !ok) {
    client_error_ = true;
    return finish_with(std::move(ok.error()));
  }
  choose_outputs(request);
  int64_t primary = deadline_ns_;
  if (!endpoint_->fallback.empty() || endpoint_->spec.primary_timeout_ms > 0) {
    int64_t budget = deadline_ns_ - context_.received_ns;
    int64_t share =
        endpoint_->spec.primary_timeout_ms > 0 ? endpoint_->spec.primary_timeout_ms * kNsPerMs : budget / 5 * 4;
    primary = std::min(deadline_ns_, context_.received_ns + share);
  }
  if (fallback_uses_models(*endpoint_)) kept_ = request;
  run_model(served(), std::move(request), primary);
}

Outcome<void> Call::admit(serving::InferRequest& request) {
  const EndpointSnapshot& endpoint = *endpoint_;
  if (endpoint.state != EndpointState::serving) {
    return unexpected(Code::unavailable, "endpoint '{}' does not serve yet: {}", endpoint.name, endpoint.reason);
  }
  admitted_ = true;
  int64_t in_flight = endpoint.traffic->in_flight.fetch_add(1, std::memory_order_relaxed);
  if (in_flight >= gateway_.config_.in_flight_limit) {
    return unexpected(Code::unavailable, "endpoint '{}' is overloaded ({} requests in flight)", endpoint.name,
                      in_flight);
  }
  deadline_ns_ = context_.received_ns + endpoint.spec.timeout_ms * kNsPerMs;
  if (request.deadline_ns > 0) deadline_ns_ = std::min(deadline_ns_, request.deadline_ns);
  if (gateway_.parts_.clock.steady_ns() >= deadline_ns_) {
    return unexpected(Code::deadline_exceeded, "deadline passed before execution");
  }
  client_id_ = request.id;
  auto facts = take_caller_facts(request, endpoint.spec.sticky_key, received_ms_);
  if (!facts) {
    client_error_ = true;
    return std::unexpected(std::move(facts.error()));
  }
  facts_ = std::move(*facts);
  return {};
}

void Call::route() {
  prediction_id_ = gateway_.next_prediction_id(*endpoint_, received_ms_);
  arm_ = &endpoint_->stable;
  if (!endpoint_->candidate) return;
  std::string_view key =
      facts_.routing_key.empty() ? std::string_view(prediction_id_) : std::string_view(facts_.routing_key);
  if (goes_to_candidate(bucket_of(endpoint_->name, endpoint_->rollout_id, key), endpoint_->candidate->weight))
    arm_ = &*endpoint_->candidate;
}

Outcome<void> Call::check(serving::InferRequest& request) {
  const ServedModel& model = served();
  const Contract* contract = &model.contract;
  if (model.observing &&
      endpoint_->traffic->seen.fetch_add(1, std::memory_order_relaxed) < contract->observe_only_requests) {
    contract = &*model.observing;
  }
  auto batch = decode_features(*contract, request.inputs, endpoint_->spec.max_rows);
  if (!batch) return std::unexpected(std::move(batch.error()));
  batch_ = std::move(*batch);
  if (auto ok = spread_over_rows(facts_, batch_.rows, received_ms_); !ok) return ok;
  check_ = check_features(*contract, batch_);
  if (check_.rejected_rows > 0 && !may_fall_back(kContract))
    return std::unexpected(contract_error(*contract, batch_, check_));
  if (!check_.problems.empty()) warnings_ = format_warnings(*contract, batch_, check_);
  rebuild_inputs(*contract, batch_, check_, request.inputs);
  restore_features(check_, batch_);
  reasons_.assign(rows(), 0);
  for (size_t row = 0; row < check_.rejected.size(); ++row) reasons_[row] = check_.rejected[row] != 0 ? kContract : 0;
  return {};
}

Outcome<void> Call::judge_distribution() {
  const OodDetector* detector = served().ood.get();
  if (detector == nullptr) return {};
  detector->p_values(batch_, ood_);
  Error error{.code = Code::invalid_argument};
  size_t flagged = 0;
  for (size_t row = 0; row < ood_.size(); ++row) {
    if (!detector->flags(ood_[row])) continue;
    ++flagged;
    check_.verdicts[row] |= kOutOfDistribution;
    if (endpoint_->spec.ood_action == Action::fallback) reasons_[row] |= kOodReason;
    if (error.details.size() < kMaxDetails) {
      error.details.push_back(
          {fmt::format("/rows/{}", row),
           fmt::format("unlike the training data: p {:.2g}, at most {:g} is refused", ood_[row], detector->rate())});
    }
  }
  if (flagged == 0 || endpoint_->spec.ood_action != Action::reject) return {};
  error.message = fmt::format("{} of {} rows are out of distribution", flagged, rows());
  return std::unexpected(std::move(error));
}

void Call::choose_outputs(serving::InferRequest& request) {
  requested_ = std::move(request.outputs);
  request.outputs.clear();
  if (requested_.empty()) return;
  auto want = [&](const std::string& name) {
    bool known = std::any_of(request.outputs.begin(), request.outputs.end(),
                             [&](const auto& output) { return output.name == name; });
    if (!name.empty() && !known) request.outputs.push_back({.name = name});
  };
  for (const auto& output : requested_) {
    if (!is_row_output(output.name)) want(output.name);
  }
  want(served().binding.label);
  want(served().binding.probability);
}

void Call::run_model(const ServedModel& model, serving::InferRequest request, int64_t deadline_ns) {
  uint32_t stage = stage_.load();
  auto pin = gateway_.parts_.runtime.pin(model.model, model.version);
  if (!pin) {
    return answered(stage,
                    unexpected(Code::unavailable, "version {} of '{}' is not loaded", model.version, model.model));
  }
  request.deadline_ns = deadline_ns;
  gateway_.wheel_->set(*this, deadline_ns, stage);
  (*pin)->infer(std::move(request), [call = self(), stage](Outcome<serving::InferResponse> outcome) {
    call->answered(stage, std::move(outcome));
  });
}

void Call::on_deadline(uint32_t stage) {
  // The work goes on in the runtime; its answer will find the stage gone.
  answered(stage, unexpected(Code::deadline_exceeded, "'{}' did not answer within its deadline", endpoint_->name));
}

void Call::answered(uint32_t stage, Outcome<serving::InferResponse> outcome) {
  if (!stage_.compare_exchange_strong(stage, stage + 1)) return;
  gateway_.wheel_->clear(*this);
  if (!outcome) return stage_failed(std::move(outcome.error()));
  if (level_ == 0) {
    primary_answered(std::move(*outcome));
  } else {
    fallback_answered(std::move(*outcome));
  }
}

void Call::stage_failed(Error error) {
  bool timeout = error.code == Code::deadline_exceeded;
  if (level_ > 0) {
    attempts_ += fmt::format(", {}: {}", running_level_ + 1, timeout ? "timeout" : "error");
    return next_level();
  }
  if (error.code == Code::invalid_argument) {
    client_error_ = true;
    return finish_with(std::move(error));
  }
  arm_failed_ = true;
  attempts_ = fmt::format("primary: {}", timeout ? "timeout" : "error");
  unfilled_.assign(rows(), 1);
  for (uint8_t& reason : reasons_) reason |= timeout ? kTimeout : kError;
  first_error_ = std::move(error);
  next_level();
}

void Call::primary_answered(serving::InferResponse response) {
  times_ = response.times;
  auto facts = read_outputs(served().binding, response.outputs, batch_.rows);
  if (!facts) {
    return stage_failed({.code = Code::internal,
                         .message = fmt::format("model '{}' version {} returned {}", served().model, served().version,
                                                facts.error().message)});
  }
  row_facts_ = std::move(*facts);
  outputs_ = std::move(response.outputs);
  if (auto ok = judge_confidence(); !ok) return finish_with(std::move(ok.error()));
  next_level();
}

Outcome<void> Call::judge_confidence() {
  if (!served().confidence_threshold || row_facts_.confidence.empty()) return {};
  double threshold = *served().confidence_threshold;
  Error error{.code = Code::invalid_argument};
  size_t low = 0;
  for (size_t row = 0; row < rows(); ++row) {
    if (row_facts_.confidence[row] >= static_cast<float>(threshold)) continue;
    ++low;
    check_.verdicts[row] |= kLowConfidence;
    if (endpoint_->spec.confidence_action == Action::fallback) reasons_[row] |= kLowConfidenceReason;
    if (error.details.size() < kMaxDetails) {
      error.details.push_back({fmt::format("/rows/{}", row), fmt::format("confidence {:.4f} is below {:.4f}",
                                                                         row_facts_.confidence[row], threshold)});
    }
  }
  if (low == 0 || endpoint_->spec.confidence_action != Action::reject) return {};
  error.message = fmt::format("{} of {} rows are answered with too little confidence", low, rows());
  return std::unexpected(std::move(error));
}

bool Call::may_fall_back(uint8_t reason) const {
  return std::any_of(endpoint_->fallback.begin(), endpoint_->fallback.end(), [&](const FallbackSnapshot& level) {
    bool model = std::holds_alternative<std::shared_ptr<const ServedModel>>(level.answer);
    return (level.on & reason) != 0 && !(model && reason == kContract);
  });
}

// A contract violation never falls back to a model: it would get the same bad input.
std::vector<uint8_t> Call::wanted_rows(uint8_t on) const {
  std::vector<uint8_t> mask(rows());
  bool any = false;
  for (size_t row = 0; row < mask.size(); ++row) {
    mask[row] = (reasons_[row] & on) != 0 ? 1 : 0;
    any |= mask[row] != 0;
  }
  if (!any) mask.clear();
  return mask;
}

void Call::next_level() {
  bool wanted = std::any_of(reasons_.begin(), reasons_.end(), [](uint8_t reason) { return reason != 0; });
  while (wanted && level_ < endpoint_->fallback.size()) {
    const FallbackSnapshot& level = endpoint_->fallback[level_];
    running_level_ = level_++;
    const auto* model = std::get_if<std::shared_ptr<const ServedModel>>(&level.answer);
    auto mask = wanted_rows(model != nullptr ? level.on & static_cast<uint8_t>(~kContract) : level.on);
    if (mask.empty()) continue;
    if (model != nullptr && *model == nullptr) {
      attempts_ += fmt::format(", {}: not loaded", running_level_ + 1);
      continue;
    }
    if (model != nullptr) {
      for (size_t row = 0; row < mask.size(); ++row) mask[row] = mask[row] != 0 && (reasons_[row] & kContract) == 0;
      running_mask_ = std::move(mask);
      serving::InferRequest request = kept_;
      request.outputs.clear();
      std::erase_if(request.inputs, [&](const tensor::Tensor& input) {
        const auto& takes = (*model)->contract.inputs;
        return std::none_of(takes.begin(), takes.end(), [&](const auto& spec) { return spec.name == input.name; });
      });
      return run_model(**model, std::move(request), deadline_ns_);
    }
    answer_in_process(level, std::move(mask));
    wanted = std::any_of(reasons_.begin(), reasons_.end(), [](uint8_t reason) { return reason != 0; });
  }
  finish();
}

void Call::fallback_answered(serving::InferResponse response) {
  auto facts = read_outputs(bind_outputs(endpoint_->spec, served().outputs), response.outputs, batch_.rows);
  if (!facts) return stage_failed(std::move(facts.error()));
  if (outputs_.empty()) {
    outputs_ = std::move(response.outputs);
  } else if (auto ok = copy_rows(response.outputs, running_mask_, outputs_); !ok) {
    return stage_failed(std::move(ok.error()));
  }
  mark_answered(running_mask_);
  next_level();
}

void Call::answer_in_process(const FallbackSnapshot& level, std::vector<uint8_t> mask) {
  Outcome<void> ok;
  if (const auto* constant = std::get_if<ConstantAnswer>(&level.answer)) {
    ok = write_answer(*constant, mask, served().outputs, outputs_);
  } else {
    ok = apply_rule(std::get<RuleAnswer>(level.answer), mask);
  }
  if (ok) {
    mark_answered(mask);
  } else {
    attempts_ += fmt::format("{}{}: {}", attempts_.empty() ? "" : ", ", running_level_ + 1, ok.error().message);
  }
}

void Call::mark_answered(std::span<const uint8_t> mask) {
  for (size_t row = 0; row < mask.size(); ++row) {
    if (mask[row] == 0) continue;
    if (fallback_.empty()) {
      for (Reason reason : {kTimeout, kError, kContract, kOodReason, kLowConfidenceReason}) {
        if ((reasons_[row] & reason) == 0) continue;
        fallback_ = fmt::format("{}:{}", running_level_ + 1, reason_name(reason));
        break;
      }
    }
    reasons_[row] = 0;
    if (!unfilled_.empty()) unfilled_[row] = 0;
    check_.verdicts[row] |= kFallback;
  }
}

void Call::finish() {
  bool incomplete = std::any_of(unfilled_.begin(), unfilled_.end(), [](uint8_t flag) { return flag != 0; });
  bool contract =
      std::any_of(reasons_.begin(), reasons_.end(), [](uint8_t reason) { return (reason & kContract) != 0; });
  if (incomplete || contract) return finish_with(unanswered());
  if (!fallback_.empty()) {
    auto facts = read_outputs(served().binding, outputs_, batch_.rows);
    if (facts) row_facts_ = std::move(*facts);
  }
  tally_verdicts();
  count(arm_failed_);
  log_prediction();
  done_(make_response());
}

Error Call::unanswered() const {
  if (endpoint_->fallback.empty()) return first_error_;
  return {.code = Code::unavailable,
          .message = fmt::format("no fallback answered for '{}' ({})", endpoint_->name, attempts_)};
}

void Call::finish_with(Error error) {
  if (client_error_ || arm_ == nullptr) {
    metrics::Counter* refused = error.code == Code::unavailable         ? endpoint_->refused_unavailable
                                : error.code == Code::deadline_exceeded ? endpoint_->refused_deadline
                                                                        : endpoint_->refused_invalid;
    if (refused != nullptr) refused->add();
  } else {
    count(arm_failed_);
  }
  done_(std::unexpected(std::move(error)));
}

serving::InferResponse Call::make_response() {
  serving::InferResponse response{
      .model_name = endpoint_->name, .model_version = served().version, .id = std::move(client_id_)};
  response.times = times_;
  response.parameters = response_parameters();
  if (requested_.empty()) {
    response.outputs = std::move(outputs_);
    return response;
  }
  for (const auto& wanted : requested_) {
    auto found =
        std::find_if(outputs_.begin(), outputs_.end(), [&](const auto& output) { return output.name == wanted.name; });
    if (found != outputs_.end()) response.outputs.push_back(*found);
  }
  add_row_outputs(response.outputs);
  return response;
}

}  // namespace fettle::gateway
