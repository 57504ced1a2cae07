// One request on its way through an endpoint. Internal to the gateway.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "gateway/caller_facts.h"
#include "gateway/deadline_wheel.h"
#include "gateway/gateway.h"

namespace fettle::gateway {

// Stages: the arm's model, then fallback levels in order. Answers and timeouts of a stage compete for its end with one
// compare-and-swap; the loser's result is dropped. So each member is touched by one thread at a time.
class Call final : public Timed {
 public:
  Call(Gateway& gateway, std::shared_ptr<const EndpointSnapshot> endpoint, CallerContext context,
       serving::InferDone done);
  ~Call() override;

  void start(serving::InferRequest request);
  void on_deadline(uint32_t stage) override;

 private:
  std::shared_ptr<Call> self() { return std::static_pointer_cast<Call>(shared_from_this()); }

  // Before the model.
  Outcome<void> admit(serving::InferRequest& request);
  void route();
  Outcome<void> check(serving::InferRequest& request);
  Outcome<void> judge_distribution();
  void choose_outputs(serving::InferRequest& request);

  // A model's turn.
  void run_model(const ServedModel& served, serving::InferRequest request, int64_t deadline_ns);
  void answered(uint32_t stage, Outcome<serving::InferResponse> outcome);
  void stage_failed(Error error);
  void primary_answered(serving::InferResponse response);
  void fallback_answered(serving::InferResponse response);
  Outcome<void> judge_confidence();

  // Fallback levels.
  void next_level();
  std::vector<uint8_t> wanted_rows(uint8_t on) const;
  void answer_in_process(const FallbackSnapshot& level, std::vector<uint8_t> mask);
  Outcome<void> apply_rule(const RuleAnswer& rule, std::span<const uint8_t> mask);
  void mark_answered(std::span<const uint8_t> mask);
  bool may_fall_back(uint8_t reason) const;

  // The end.
  void finish();
  void finish_with(Error error);
  serving::InferResponse make_response();
  void add_row_outputs(std::vector<tensor::Tensor>& outputs) const;
  serving::Parameters response_parameters() const;
  void tally_verdicts();
  void count(bool failed);
  void log_prediction();
  Error unanswered() const;

  size_t rows() const { return static_cast<size_t>(batch_.rows); }
  const ServedModel& served() const { return *arm_->served; }

  Gateway& gateway_;
  const std::shared_ptr<const EndpointSnapshot> endpoint_;
  CallerContext context_;
  serving::InferDone done_;
  int64_t received_ms_ = 0;
  int64_t deadline_ns_ = 0;  // of the whole request

  const ArmSnapshot* arm_ = nullptr;
  std::string prediction_id_;
  CallerFacts facts_;
  std::string client_id_;
  std::vector<serving::RequestedOutput> requested_;  // as the client asked
  FeatureBatch batch_;
  CheckResult check_;
  std::string warnings_;
  std::vector<float> ood_;
  std::vector<uint8_t> reasons_;  // per row: Reason bits that still want a fallback
  serving::InferRequest kept_;    // the request as the model got it, if a fallback model may need it

  std::atomic<uint32_t> stage_{0};
  size_t level_ = 0;          // next fallback level to try
  size_t running_level_ = 0;  // the level whose model runs
  std::vector<uint8_t> running_mask_;
  bool arm_failed_ = false;
  bool client_error_ = false;
  Error first_error_;
  std::string attempts_;           // "primary: timeout, 1: …"
  std::string fallback_;           // "1:timeout"
  std::vector<uint8_t> unfilled_;  // per row: no answer at all yet
  std::vector<tensor::Tensor> outputs_;
  RowFacts row_facts_;
  serving::InferTimes times_;
  size_t verdict_counts_[std::size(kVerdicts)] = {};
  bool admitted_ = false;
};

}  // namespace fettle::gateway
