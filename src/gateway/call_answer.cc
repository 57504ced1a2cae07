// The second half of a call: rules, what the answer says beside the outputs, counting and logging.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "gateway/call.h"

namespace fettle::gateway {
namespace {

template <class T>
bool holds(Compare op, const T& left, const T& right) {
  switch (op) {
    case Compare::lt: return left < right;
    case Compare::le: return left <= right;
    case Compare::gt: return left > right;
    case Compare::ge: return left >= right;
    case Compare::eq: return left == right;
    case Compare::ne: return left != right;
  }
  return false;
}

double number_of(const Scalar& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return std::nan("");
}

tensor::Tensor float_column(std::string name, std::span<const float> values, size_t rows) {
  std::string bytes(rows * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), std::min(rows, values.size()) * sizeof(float));
  return tensor::make_tensor(std::move(name), tensor::DType::fp32, {static_cast<int64_t>(rows)}, std::move(bytes));
}

// The same requests are kept whenever the share is the same: by a hash of the id, not by chance.
bool in_share(std::string_view prediction_id, double share) {
  if (share >= 1) return true;
  return static_cast<double>(hash64(prediction_id, 1) >> 11) * 0x1.0p-53 < share;
}

}  // namespace

// A row whose feature is missing compares false.
Outcome<void> Call::apply_rule(const RuleAnswer& rule, std::span<const uint8_t> mask) {
  const Contract& contract = served().contract;
  auto found = contract.by_name.find(std::string_view(rule.feature));
  if (found == contract.by_name.end())
    return unexpected(Code::failed_precondition, "the rule's feature '{}' is not there", rule.feature);
  const Feature& feature = contract.features[found->second];
  std::vector<uint8_t> yes(rows());
  std::vector<uint8_t> no(rows());
  for (size_t row = 0; row < rows(); ++row) {
    if (mask[row] == 0) continue;
    bool truth = false;
    size_t at = feature.slot * rows() + row;
    if (feature.numeric) {
      truth = !std::isnan(batch_.numbers[at]) && holds(rule.op, batch_.numbers[at], number_of(rule.value));
    } else if (const auto* text = std::get_if<std::string>(&rule.value)) {
      truth = !batch_.categories[at].empty() && holds(rule.op, batch_.categories[at], *text);
    }
    (truth ? yes : no)[row] = 1;
  }
  if (auto ok = write_answer(rule.then, yes, served().outputs, outputs_); !ok) return ok;
  return write_answer(rule.otherwise, no, served().outputs, outputs_);
}

void Call::add_row_outputs(std::vector<tensor::Tensor>& outputs) const {
  for (const auto& wanted : requested_) {
    if (wanted.name == "fettle_confidence" && !row_facts_.confidence.empty()) {
      outputs.push_back(float_column(wanted.name, row_facts_.confidence, rows()));
    } else if (wanted.name == "fettle_ood" && !ood_.empty()) {
      outputs.push_back(float_column(wanted.name, ood_, rows()));
    } else if (wanted.name == "fettle_verdict") {
      std::vector<std::string> texts;
      for (uint8_t bits : check_.verdicts) texts.push_back(format_verdicts(bits));
      outputs.push_back(tensor::make_string_tensor(wanted.name, {batch_.rows}, std::move(texts)));
    }
  }
}

serving::Parameters Call::response_parameters() const {
  std::string verdicts;
  for (size_t i = 0; i < std::size(kVerdicts); ++i) {
    if (verdict_counts_[i] == 0) continue;
    verdicts += fmt::format("{}{}={}", verdicts.empty() ? "" : ",", verdict_name(kVerdicts[i]), verdict_counts_[i]);
  }
  serving::Parameters parameters;
  parameters.reserve(6);
  parameters.emplace_back("prediction_id", prediction_id_);
  parameters.emplace_back("model_version", served().version);
  parameters.emplace_back("arm", arm_->name);
  parameters.emplace_back("verdicts", std::move(verdicts));
  if (!warnings_.empty()) parameters.emplace_back("warnings", warnings_);
  if (!fallback_.empty()) parameters.emplace_back("fallback", fallback_);
  return parameters;
}

void Call::tally_verdicts() {
  for (uint8_t bits : check_.verdicts) {
    for (size_t i = 0; i < std::size(kVerdicts) && bits != 0; ++i) verdict_counts_[i] += (bits & kVerdicts[i]) != 0;
  }
  for (size_t i = 0; i < std::size(kVerdicts); ++i) {
    if (verdict_counts_[i] != 0) endpoint_->verdict_rows[i]->add(verdict_counts_[i]);
  }
}

void Call::count(bool failed) {
  int64_t now_ns = gateway_.parts_.clock.steady_ns();
  int64_t latency_ns = now_ns - context_.received_ns;
  endpoint_->traffic->count(rows(), failed, now_ns);
  arm_->counters->count_request(rows(), failed, latency_ns);
  arm_->requests->add();
  arm_->rows->add(rows());
  if (failed) arm_->errors->add();
  arm_->latency->observe(static_cast<double>(latency_ns) / 1e9);
  ArmTally tally;
  for (size_t row = 0; row < check_.verdicts.size(); ++row) {
    uint8_t bits = check_.verdicts[row];
    tally.verdicts(bits);
    // A fallback's answer says nothing about the arm's model.
    if ((bits & kFallback) != 0) continue;
    if (row < row_facts_.scores.size() && !std::isnan(row_facts_.scores[row])) tally.score(row_facts_.scores[row]);
    if (row < row_facts_.confidence.size()) tally.confidence(row_facts_.confidence[row]);
  }
  tally.add_to(*arm_->counters);
}

void Call::log_prediction() {
  PredictionSink* sink = gateway_.parts_.sink;
  if (sink == nullptr || !in_share(prediction_id_, endpoint_->spec.log_share)) return;
  PredictionRecord record;
  record.prediction_id = prediction_id_;
  record.request_id = context_.request_id;
  record.endpoint = endpoint_->name;
  record.endpoint_ordinal = endpoint_->ordinal;
  record.revision = endpoint_->revision;
  record.revision_id = endpoint_->revision_id;
  record.rollout_id = endpoint_->rollout_id;
  record.arm = arm_->name;
  record.model = served().model;
  record.version = served().version;
  record.received_ms = received_ms_;
  record.latency_ns = gateway_.parts_.clock.steady_ns() - context_.received_ns;
  record.model_ns = times_.compute_ns;
  record.fallback = fallback_;
  record.warnings = warnings_;
  record.rows = batch_.rows;
  record.event_time_ms = std::move(facts_.event_times_ms);
  record.keys = std::move(facts_.keys);
  if (endpoint_->spec.log_features) {
    record.schema = served().contract.schema;
    record.numbers = std::move(batch_.numbers);
    record.categories = std::move(batch_.categories);
  }
  record.scores = std::move(row_facts_.scores);
  record.scores.resize(rows(), std::nan(""));
  record.labels = std::move(row_facts_.labels);
  record.probabilities = std::move(row_facts_.probabilities);
  record.confidence = row_facts_.confidence;
  record.ood = ood_;
  record.verdicts = check_.verdicts;
  if (!sink->offer(std::move(record))) gateway_.log_dropped_->add();
}

}  // namespace fettle::gateway
