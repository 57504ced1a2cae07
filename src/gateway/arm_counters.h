// Live figures of one arm of one endpoint revision: what the rollout analysis, the REST and the UI read. Lock-free.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace fettle::gateway {

// Log-spaced latency buckets: bucket i ends at 10 µs · 1.1^(i+1), so a quantile is at most 5 % off its bucket's middle;
// the last is open.
inline constexpr size_t kLatencyBuckets = 180;
// Scores in [0, 1] in equal cells.
inline constexpr size_t kScoreCells = 20;

size_t latency_bucket(int64_t latency_ns);
// Upper end of a bucket in milliseconds.
double latency_bucket_end_ms(size_t bucket);

// A plain copy of the counters; addable.
struct ArmFigures {
  uint64_t requests = 0;  // that reached the arm's model, and those refused by it
  uint64_t rows = 0;
  uint64_t errors = 0;          // requests that the arm's own model failed (also where a fallback answered)
  uint64_t low_confidence = 0;  // rows
  uint64_t out_of_distribution = 0;
  uint64_t fallback = 0;   // rows answered by a fallback
  uint64_t scored = 0;     // rows with a score by the arm's own model
  uint64_t confident = 0;  // rows with a confidence
  double score_sum = 0;
  double confidence_sum = 0;
  std::array<uint64_t, kLatencyBuckets> latency{};
  std::array<uint64_t, kScoreCells> scores{};

  ArmFigures& operator+=(const ArmFigures& other);
  ArmFigures operator-(const ArmFigures& earlier) const;
  uint64_t measured() const;                   // requests with a latency
  double latency_quantile_ms(double q) const;  // NaN without requests
  double score_mean() const { return scored == 0 ? 0 : score_sum / static_cast<double>(scored); }
  double confidence_mean() const { return confident == 0 ? 0 : confidence_sum / static_cast<double>(confident); }
};

// Thread-safe; every method is a few relaxed atomic additions.
class ArmCounters {
 public:
  void add(const ArmFigures& request);
  // One request: cheaper than add() for the common counts. `scores` may hold NaN (no score).
  void count_request(uint64_t rows, bool failed, int64_t latency_ns);
  ArmFigures figures() const;

 private:
  std::atomic<uint64_t> requests_{0}, rows_{0}, errors_{0}, low_confidence_{0}, out_of_distribution_{0}, fallback_{0},
      scored_{0}, confident_{0};
  std::atomic<double> score_sum_{0}, confidence_sum_{0};
  std::array<std::atomic<uint64_t>, kLatencyBuckets> latency_{};
  std::array<std::atomic<uint64_t>, kScoreCells> scores_{};
  friend class ArmTally;
};

// Row facts of one request, added to the counters at once.
class ArmTally {
 public:
  void score(double value) {
    ++scored_;
    score_sum_ += value;
    double cell = value * static_cast<double>(kScoreCells);
    ++cells_[cell <= 0 ? 0 : cell >= kScoreCells ? kScoreCells - 1 : static_cast<size_t>(cell)];
  }
  void confidence(double value) {
    ++confident_;
    confidence_sum_ += value;
  }
  void verdicts(uint8_t bits);
  void add_to(ArmCounters& counters) const;

 private:
  uint64_t scored_ = 0, confident_ = 0, low_ = 0, ood_ = 0, fallback_ = 0;
  double score_sum_ = 0, confidence_sum_ = 0;
  std::array<uint32_t, kScoreCells> cells_{};
};

}  // namespace fettle::gateway
