#include "gateway/arm_counters.h"

#include <algorithm>
#include <cmath>

#include "gateway/prediction_sink.h"

namespace fettle::gateway {
namespace {

constexpr double kFirstEndNs = 11'000;  // 10 µs · 1.1
constexpr double kGrowth = 1.1;

const std::array<double, kLatencyBuckets>& bucket_ends_ns() {
  static const auto ends = [] {
    std::array<double, kLatencyBuckets> made{};
    double end = kFirstEndNs;
    for (double& e : made) {
      e = end;
      end *= kGrowth;
    }
    return made;
  }();
  return ends;
}

void add(std::atomic<uint64_t>& to, uint64_t by) {
  if (by != 0) to.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

size_t latency_bucket(int64_t latency_ns) {
  const auto& ends = bucket_ends_ns();
  auto found = std::lower_bound(ends.begin(), ends.end() - 1, static_cast<double>(latency_ns));
  return static_cast<size_t>(found - ends.begin());
}

double latency_bucket_end_ms(size_t bucket) { return bucket_ends_ns()[bucket] / 1e6; }

ArmFigures& ArmFigures::operator+=(const ArmFigures& other) {
  requests += other.requests;
  rows += other.rows;
  errors += other.errors;
  low_confidence += other.low_confidence;
  out_of_distribution += other.out_of_distribution;
  fallback += other.fallback;
  scored += other.scored;
  confident += other.confident;
  score_sum += other.score_sum;
  confidence_sum += other.confidence_sum;
  for (size_t i = 0; i < kLatencyBuckets; ++i) latency[i] += other.latency[i];
  for (size_t i = 0; i < kScoreCells; ++i) scores[i] += other.scores[i];
  return *this;
}

ArmFigures ArmFigures::operator-(const ArmFigures& earlier) const {
  ArmFigures left = *this;
  left.requests -= earlier.requests;
  left.rows -= earlier.rows;
  left.errors -= earlier.errors;
  left.low_confidence -= earlier.low_confidence;
  left.out_of_distribution -= earlier.out_of_distribution;
  left.fallback -= earlier.fallback;
  left.scored -= earlier.scored;
  left.confident -= earlier.confident;
  left.score_sum -= earlier.score_sum;
  left.confidence_sum -= earlier.confidence_sum;
  for (size_t i = 0; i < kLatencyBuckets; ++i) left.latency[i] -= earlier.latency[i];
  for (size_t i = 0; i < kScoreCells; ++i) left.scores[i] -= earlier.scores[i];
  return left;
}

uint64_t ArmFigures::measured() const {
  uint64_t sum = 0;
  for (uint64_t count : latency) sum += count;
  return sum;
}

double ArmFigures::latency_quantile_ms(double q) const {
  uint64_t total = measured();
  if (total == 0) return std::nan("");
  double wanted = q * static_cast<double>(total);
  double below = 0;
  for (size_t i = 0; i < kLatencyBuckets; ++i) {
    auto count = static_cast<double>(latency[i]);
    if (count > 0 && below + count >= wanted) {
      double start = i == 0 ? 0 : latency_bucket_end_ms(i - 1);
      double share = count == 0 ? 0 : (wanted - below) / count;
      return start + share * (latency_bucket_end_ms(i) - start);
    }
    below += count;
  }
  return latency_bucket_end_ms(kLatencyBuckets - 1);
}

void ArmCounters::count_request(uint64_t rows, bool failed, int64_t latency_ns) {
  gateway::add(requests_, 1);
  gateway::add(rows_, rows);
  gateway::add(errors_, failed ? 1 : 0);
  gateway::add(latency_[latency_bucket(latency_ns)], 1);
}

void ArmCounters::add(const ArmFigures& by) {
  gateway::add(requests_, by.requests);
  gateway::add(rows_, by.rows);
  gateway::add(errors_, by.errors);
  gateway::add(low_confidence_, by.low_confidence);
  gateway::add(out_of_distribution_, by.out_of_distribution);
  gateway::add(fallback_, by.fallback);
  gateway::add(scored_, by.scored);
  gateway::add(confident_, by.confident);
  score_sum_.fetch_add(by.score_sum, std::memory_order_relaxed);
  confidence_sum_.fetch_add(by.confidence_sum, std::memory_order_relaxed);
  for (size_t i = 0; i < kLatencyBuckets; ++i) gateway::add(latency_[i], by.latency[i]);
  for (size_t i = 0; i < kScoreCells; ++i) gateway::add(scores_[i], by.scores[i]);
}

ArmFigures ArmCounters::figures() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  ArmFigures copy;
  copy.requests = requests_.load(kRelaxed);
  copy.rows = rows_.load(kRelaxed);
  copy.errors = errors_.load(kRelaxed);
  copy.low_confidence = low_confidence_.load(kRelaxed);
  copy.out_of_distribution = out_of_distribution_.load(kRelaxed);
  copy.fallback = fallback_.load(kRelaxed);
  copy.scored = scored_.load(kRelaxed);
  copy.confident = confident_.load(kRelaxed);
  copy.score_sum = score_sum_.load(kRelaxed);
  copy.confidence_sum = confidence_sum_.load(kRelaxed);
  for (size_t i = 0; i < kLatencyBuckets; ++i) copy.latency[i] = latency_[i].load(kRelaxed);
  for (size_t i = 0; i < kScoreCells; ++i) copy.scores[i] = scores_[i].load(kRelaxed);
  return copy;
}

void ArmTally::verdicts(uint8_t bits) {
  low_ += (bits & kLowConfidence) != 0;
  ood_ += (bits & kOutOfDistribution) != 0;
  fallback_ += (bits & kFallback) != 0;
}

void ArmTally::add_to(ArmCounters& counters) const {
  add(counters.low_confidence_, low_);
  add(counters.out_of_distribution_, ood_);
  add(counters.fallback_, fallback_);
  add(counters.confident_, confident_);
  if (confident_ != 0) counters.confidence_sum_.fetch_add(confidence_sum_, std::memory_order_relaxed);
  if (scored_ == 0) return;
  add(counters.scored_, scored_);
  counters.score_sum_.fetch_add(score_sum_, std::memory_order_relaxed);
  for (size_t i = 0; i < kScoreCells; ++i) add(counters.scores_[i], cells_[i]);
}

}  // namespace fettle::gateway
