#include "stats/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::stats {

QuantileSketch::QuantileSketch(uint32_t k, uint64_t seed)
    : k_(std::max<uint32_t>(k, 8)), random_(seed * 2 + 1), levels_(1) {
  capacity_of_lowest_ = capacity(0);
}

// Capacities fall by 2/3 per level downwards from k at the top; never below 8, so that a compaction halves something.
size_t QuantileSketch::capacity(size_t level) const {
  double depth = static_cast<double>(levels_.size() - 1 - level);
  return std::max<size_t>(8, static_cast<size_t>(std::ceil(k_ * std::pow(2.0 / 3.0, depth))));
}

size_t QuantileSketch::retained() const {
  size_t sum = 0;
  for (const auto& level : levels_) sum += level.size();
  return sum;
}

// Halves one level: of the sorted values, those at odd or at even places (a coin says which) rise by one level.
void QuantileSketch::compact(size_t level) {
  if (level + 1 == levels_.size()) levels_.emplace_back();
  auto& from = levels_[level];
  auto& to = levels_[level + 1];
  std::sort(from.begin(), from.end());
  random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
  bool odd_one_stays = from.size() % 2 == 1;
  double kept = from.back();
  size_t end = from.size() - (odd_one_stays ? 1 : 0);
  for (size_t i = random_ >> 63; i < end; i += 2) to.push_back(from[i]);
  from.clear();
  if (odd_one_stays) from.push_back(kept);
}

void QuantileSketch::compress() {
  for (size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].size() >= capacity(level)) compact(level);
  }
  capacity_of_lowest_ = capacity(0);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  while (levels_.size() < other.levels_.size()) levels_.emplace_back();
  for (size_t level = 0; level < other.levels_.size(); ++level) {
    levels_[level].insert(levels_[level].end(), other.levels_[level].begin(), other.levels_[level].end());
  }
  count_ += other.count_;
  compress();
}

std::vector<QuantileSketch::Weighted> QuantileSketch::sorted() const {
  std::vector<Weighted> all;
  for (size_t level = 0; level < levels_.size(); ++level) {
    for (double value : levels_[level]) all.push_back({value, uint64_t{1} << level});
  }
  std::sort(all.begin(), all.end(), [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  return all;
}

double QuantileSketch::quantile(double p) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  auto all = sorted();
  double total = 0;
  for (const auto& item : all) total += static_cast<double>(item.weight);
  double target = std::clamp(p, 0.0, 1.0) * total;
  double seen = 0;
  for (const auto& item : all) {
    seen += static_cast<double>(item.weight);
    if (seen >= target) return item.value;
  }
  return all.back().value;
}

double QuantileSketch::rank(double x) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  double below = 0;
  double total = 0;
  for (size_t level = 0; level < levels_.size(); ++level) {
    auto weight = static_cast<double>(uint64_t{1} << level);
    for (double value : levels_[level]) {
      total += weight;
      if (value <= x) below += weight;
    }
  }
  return below / total;
}

}  // namespace fettle::stats
