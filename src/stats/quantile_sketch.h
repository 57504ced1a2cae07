// A bounded, mergeable sketch of a distribution (KLL: Karnin, Lang, Liberty 2016): quantiles and ranks of a stream
// whose values are not kept.
#pragma once

#include <cstdint>
#include <vector>

namespace fettle::stats {

// With k = 200 a rank is off by at most about 1.33 % of the count, 99 times in 100; memory is about 3 k values whatever
// the count. Deterministic for a seed and an order of values. Not thread-safe. NaN must not be added.
class QuantileSketch {
 public:
  explicit QuantileSketch(uint32_t k = 200, uint64_t seed = 1);

  void add(double value) {
    levels_.front().push_back(value);
    ++count_;
    if (levels_.front().size() >= capacity_of_lowest_) compress();
  }
  // As if the other's values had been added here.
  void merge(const QuantileSketch& other);

  uint64_t count() const { return count_; }
  size_t retained() const;
  // p in [0, 1]; NaN when empty.
  double quantile(double p) const;
  // Share of values <= x; NaN when empty.
  double rank(double x) const;

 private:
  struct Weighted {
    double value;
    uint64_t weight;
  };
  size_t capacity(size_t level) const;
  void compress();
  void compact(size_t level);
  std::vector<Weighted> sorted() const;

  uint32_t k_;
  uint64_t random_;
  uint64_t count_ = 0;
  size_t capacity_of_lowest_ = 0;
  std::vector<std::vector<double>> levels_;  // a value of level h stands for 2^h values
};

}  // namespace fettle::stats
