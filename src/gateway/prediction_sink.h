// Where the gateway hands over what it answered: the prediction log (monitoring) behind one method. Owned by the
// gateway, connected in app/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fettle::gateway {

// Closed list of docs/rest.md 2; bits of PredictionRecord::verdicts.
enum Verdict : uint8_t {
  kLowConfidence = 1,
  kOutOfDistribution = 2,
  kContractWarning = 4,
  kImputed = 8,
  kFallback = 16,
};
// "low_confidence" … of one bit.
const char* verdict_name(Verdict verdict);
inline constexpr Verdict kVerdicts[] = {kLowConfidence, kOutOfDistribution, kContractWarning, kImputed, kFallback};
// "low_confidence,out_of_distribution": the set bits' names; "" when none is set.
std::string format_verdicts(uint8_t bits);

// Names of the logged features; one object is shared by all records of a revision.
struct FeatureSchema {
  std::vector<std::string> numeric;
  std::vector<std::string> categorical;
};

// One answered request. Everything that is per row has `rows` elements; matrices are column-major: element [slot * rows
// + row].
struct PredictionRecord {
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
  int64_t latency_ns = 0;   // from receipt to answer
  int64_t model_ns = 0;     // of it, in the model
  std::string fallback;     // "LEVEL:REASON", empty: the arm's own model answered
  std::string warnings;     // "temp.range=2,carrier.unseen=1"

  int64_t rows = 0;
  std::vector<int64_t> event_time_ms;           // per row
  std::vector<std::string> keys;                // per row; empty vector: the caller gave none
  std::shared_ptr<const FeatureSchema> schema;  // nullptr: features are not logged
  std::vector<double> numbers;                  // schema->numeric × rows; NaN: missing. As received, before imputation
  std::vector<std::string> categories;          // schema->categorical × rows; "": missing
  std::vector<double> scores;                   // per row; NaN: the model gives none
  std::vector<std::string> labels;              // predicted class per row; empty vector: none
  std::vector<float> probabilities;             // classes × rows, column-major; empty: none
  std::vector<float> confidence;                // per row; empty: none
  std::vector<float> ood;                       // conformal p-value per row; empty: off
  std::vector<uint8_t> verdicts;                // Verdict bits per row
};

// Thread-safe; called on the data plane.
class PredictionSink {
 public:
  virtual ~PredictionSink() = default;
  // Never blocks. False when the log is full: the record is dropped and counted. Moved from only on success.
  virtual bool offer(PredictionRecord&& record) = 0;
};

}  // namespace fettle::gateway
