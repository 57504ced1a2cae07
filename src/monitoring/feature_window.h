// One feature within one window: counted value by value against the cells of the reference, then scored.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "monitoring/log_block.h"
#include "monitoring/reference.h"
#include "monitoring/spec.h"
#include "monitoring/window_result.h"
#include "stats/quantile_sketch.h"

namespace fettle::monitoring {

// The rows of a block that lie in the window; empty: all of them.
using RowSelection = std::vector<uint32_t>;

class NumericWindow {
 public:
  // `reference` may be nullptr. `keep_values`: for tests that need every value (at most 1,000,000 are kept, then one in
  // 2, 4 …).
  NumericWindow(const stats::ColumnProfile* reference, bool keep_values);
  void add(std::span<const double> values, const RowSelection& rows);
  void add_missing(int64_t rows);  // of requests without this feature

  int64_t rows() const { return rows_; }
  int64_t missing() const { return missing_; }
  // Counts on `edges()` plus the missing cell.
  const std::vector<uint64_t>& counts() const { return counts_; }
  const std::vector<double>& edges() const { return edges_; }
  double out_of_range() const { return static_cast<double>(out_of_range_); }
  SideStatistics statistics() const;
  std::vector<double> sorted_values() const;

 private:
  void add_one(double value);
  void keep(double value);

  std::vector<double> edges_;
  double low_, high_;  // the reference's range
  bool keep_values_;
  std::vector<uint64_t> counts_;
  int64_t rows_ = 0, missing_ = 0, out_of_range_ = 0;
  double shift_ = 0, sum_ = 0, squares_ = 0, min_ = 0, max_ = 0;  // sums of (x - shift)
  stats::QuantileSketch sketch_;
  std::unordered_set<double> distinct_;
  bool distinct_overflow_ = false;
  std::vector<double> values_;
  uint64_t stride_ = 1, seen_ = 0;
};

class CategoryWindow {
 public:
  explicit CategoryWindow(const stats::ColumnProfile* reference);
  void add(const CategoryColumn& column, const RowSelection& rows);
  void add_missing(int64_t rows);

  int64_t rows() const { return rows_; }
  int64_t missing() const { return missing_; }
  uint64_t unseen() const { return unseen_; }
  uint64_t count(const std::string& category) const;
  size_t distinct() const { return counts_.size(); }
  std::vector<stats::Category> top_unseen(size_t limit) const;

 private:
  static constexpr size_t kCategoriesLimit = 4096;
  std::unordered_set<std::string> known_;
  std::unordered_map<std::string, uint64_t> counts_;
  int64_t rows_ = 0, missing_ = 0;
  uint64_t unseen_ = 0, overflow_ = 0;
};

// Scores without the verdict, which needs all features of the window (decide_drift). `reference` may be nullptr with
// the reason.
FeatureResult score_numeric(std::string name, const NumericWindow& window, const ProfiledReference* reference,
                            const MonitorSpec& spec, std::string_view why_no_reference);
FeatureResult score_categorical(std::string name, const CategoryWindow& window, const ProfiledReference* reference,
                                const MonitorSpec& spec, std::string_view why_no_reference);

// Numbers of the unit interval (probabilities) in 20 equal cells plus the missing one.
std::vector<double> count_unit_interval(std::span<const double> values);
// A prediction's score or confidence against earlier counts of the same cells; empty baseline: no reference.
FeatureResult score_unit_interval(std::string name, std::span<const double> values, const std::vector<double>& baseline,
                                  const MonitorSpec& spec);

// Sets q_value and drifted: score >= threshold and q < alpha, Benjamini-Hochberg over the features that have a score.
// Pure.
void decide_drift(std::vector<FeatureResult>& features, double alpha);

}  // namespace fettle::monitoring
