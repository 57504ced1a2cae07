// What a rollout asks about labelled outcomes. The gateway counts rows, errors, latencies and scores itself; labels
// come from the prediction log through this interface, implemented over monitoring in app/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fettle::gateway {

// A quality figure of one arm: `auc`, `accuracy` or `log_loss` with the variance of its estimate.
struct ArmQuality {
  int64_t labels = 0;   // labelled rows that it rests on
  double value = 0;     // NaN: not computable
  double variance = 0;  // of the estimate (squared standard error)
};

// Stable and candidate scored on the same labelled rows (champion-challenger by back-scoring).
struct PairedQuality {
  int64_t labels = 0;
  double stable = 0;
  double candidate = 0;
  double variance = 0;  // of the difference candidate - stable
};

struct Outcomes {
  ArmQuality stable;  // on the rows that the arm itself answered since `from_ms`
  ArmQuality candidate;
  std::optional<PairedQuality> paired;  // nothing when back-scoring is not possible
};

struct OutcomeQuery {
  std::string endpoint;
  std::string rollout;
  std::string model;
  std::string stable_version;
  std::string candidate_version;
  std::string metric;               // "auc", "accuracy", "log_loss"
  int64_t from_ms = 0;              // arrival time: start of the rollout
  int64_t until_ms = 0;             // now
  int64_t max_paired_rows = 20000;  // newest labelled rows (of any time) to score with both versions
};

// Thread-safe. Called by the rollout ticker: may read the database and run models, should take less than a second.
class OutcomeSource {
 public:
  virtual ~OutcomeSource() = default;
  virtual Outcomes outcomes(const OutcomeQuery& query) = 0;
};

}  // namespace fettle::gateway
