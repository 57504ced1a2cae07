// One answered request on its way into the prediction log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fettle::monitoring {

// Bits of a row's verdicts (docs/rest.md 2).
enum VerdictBit : uint8_t {
  kLowConfidence = 1,
  kOutOfDistribution = 2,
  kContractWarning = 4,
  kImputed = 8,
  kFallback = 16,
};
inline constexpr uint8_t kVerdictBits[] = {kLowConfidence, kOutOfDistribution, kContractWarning, kImputed, kFallback};
const char* verdict_text(uint8_t bit);  // "low_confidence" … of one bit

// Names of the logged features; shared by all batches of one endpoint revision.
struct FeatureNames {
  std::vector<std::string> numeric;
  std::vector<std::string> categorical;
  friend bool operator==(const FeatureNames&, const FeatureNames&) = default;
};

// Per-row vectors have `rows` elements or, where said, none. Matrices are column-major: element [slot * rows + row].
struct PredictionBatch {
  std::string prediction_id;  // 26 characters; row r is prediction_id + "/" + r
  std::string request_id;
  std::string endpoint;
  uint32_t endpoint_ordinal = 0;
  uint32_t revision = 0;  // number of the endpoint's revision
  std::string revision_id;
  std::string rollout_id;  // empty: none was running
  std::string arm;         // "stable", "candidate"
  std::string model;
  std::string version;
  int64_t received_ms = 0;  // wall clock
  int64_t latency_ns = 0;
  int64_t model_ns = 0;  // of it, in the model
  std::string fallback;  // "LEVEL:REASON"; empty: the arm's own model answered
  std::string warnings;  // "temp.range=2,carrier.unseen=1"

  int64_t rows = 0;
  std::vector<int64_t> event_time_ms;
  std::vector<std::string> keys;                 // none: the caller gave no key
  std::shared_ptr<const FeatureNames> features;  // nullptr: not logged
  std::vector<double> numbers;                   // numeric × rows; NaN: missing
  std::vector<std::string> categories;           // categorical × rows; "": missing
  std::vector<double> scores;                    // none, or NaN in a row: no score
  std::vector<std::string> labels;               // predicted class; none: no class
  std::vector<float> probabilities;              // classes × rows; none: not given
  std::vector<float> confidence;                 // none: not given
  std::vector<float> ood;                        // conformal p-value; none: off
  std::vector<uint8_t> verdicts;                 // VerdictBit; none: no verdict on any row
};

// invalid_argument naming the vector whose size does not fit `rows`, or an id that is none.
void check_batch(const PredictionBatch& batch);

}  // namespace fettle::monitoring
