#include "monitoring/feature_window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kDistinctLimit = 1000;
constexpr size_t kValuesLimit = 1'000'000;

// A constant reference gets a cell of its own between what is below and what is above.
std::vector<double> edges_of(const stats::ColumnProfile* reference) {
  if (reference == nullptr || !reference->numeric) return {};
  if (reference->distinct != 1) return reference->edges;
  return {reference->min, std::nextafter(reference->min, HUGE_VAL)};
}

}  // namespace

NumericWindow::NumericWindow(const stats::ColumnProfile* reference, bool keep_values)
    : edges_(edges_of(reference)),
      low_(reference != nullptr && reference->numeric ? reference->min : -HUGE_VAL),
      high_(reference != nullptr && reference->numeric ? reference->max : HUGE_VAL),
      keep_values_(keep_values),
      counts_(edges_.size() + 2),
      shift_(reference != nullptr && std::isfinite(reference->mean) ? reference->mean : 0) {
  if (std::isnan(low_)) low_ = -HUGE_VAL;
  if (std::isnan(high_)) high_ = HUGE_VAL;
}

void NumericWindow::add_one(double value) {
  if (!std::isfinite(value)) {
    ++missing_;
    ++counts_.back();
    return;
  }
  bool first = rows_ == missing_;
  ++counts_[stats::cell_of(edges_, value)];
  out_of_range_ += value < low_ || value > high_;
  double x = value - shift_;
  sum_ += x;
  squares_ += x * x;
  min_ = first ? value : std::min(min_, value);
  max_ = first ? value : std::max(max_, value);
  sketch_.add(value);
  if (!distinct_overflow_) {
    distinct_.insert(value);
    distinct_overflow_ = distinct_.size() > kDistinctLimit;
  }
  if (keep_values_) keep(value);
}

void NumericWindow::keep(double value) {
  if (seen_++ % stride_ != 0) return;
  values_.push_back(value);
  if (values_.size() < kValuesLimit) return;
  for (size_t i = 0; i < values_.size() / 2; ++i) values_[i] = values_[2 * i];
  values_.resize(values_.size() / 2);
  stride_ *= 2;
}

void NumericWindow::add(std::span<const double> values, const RowSelection& rows) {
  auto each = [&](double value) {
    add_one(value);
    ++rows_;
  };
  if (rows.empty()) {
    for (double value : values) each(value);
  } else {
    for (uint32_t row : rows) each(values[row]);
  }
}

void NumericWindow::add_missing(int64_t rows) {
  rows_ += rows;
  missing_ += rows;
  counts_.back() += static_cast<uint64_t>(rows);
}

SideStatistics NumericWindow::statistics() const {
  SideStatistics s;
  s.missing_rate = rows_ == 0 ? 0 : static_cast<double>(missing_) / static_cast<double>(rows_);
  auto n = static_cast<double>(rows_ - missing_);
  if (n == 0) {
    s.min = s.p5 = s.p50 = s.p95 = s.max = s.mean = s.sd = kNan;
    return s;
  }
  s.min = min_;
  s.max = max_;
  s.p5 = sketch_.quantile(0.05);
  s.p50 = sketch_.quantile(0.5);
  s.p95 = sketch_.quantile(0.95);
  s.mean = shift_ + sum_ / n;
  s.sd = std::sqrt(std::max(0.0, squares_ / n - (sum_ / n) * (sum_ / n)));
  if (!distinct_overflow_) s.distinct = static_cast<int64_t>(distinct_.size());
  return s;
}

std::vector<double> NumericWindow::sorted_values() const {
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

CategoryWindow::CategoryWindow(const stats::ColumnProfile* reference) {
  if (reference == nullptr) return;
  for (const auto& category : reference->categories) known_.insert(category.value);
}

void CategoryWindow::add(const CategoryColumn& column, const RowSelection& rows) {
  std::vector<uint64_t> by_code(column.dictionary.size() + 1);
  if (rows.empty()) {
    for (uint32_t code : column.codes) ++by_code[code];
    rows_ += static_cast<int64_t>(column.codes.size());
  } else {
    for (uint32_t row : rows) ++by_code[column.codes[row]];
    rows_ += static_cast<int64_t>(rows.size());
  }
  missing_ += static_cast<int64_t>(by_code[0]);
  for (size_t i = 0; i < column.dictionary.size(); ++i) {
    uint64_t count = by_code[i + 1];
    if (count == 0) continue;
    const std::string& value = column.dictionary[i];
    if (!known_.contains(value)) unseen_ += count;
    if (counts_.size() < kCategoriesLimit || counts_.contains(value)) {
      counts_[value] += count;
    } else {
      overflow_ += count;
    }
  }
}

void CategoryWindow::add_missing(int64_t rows) {
  rows_ += rows;
  missing_ += rows;
}

uint64_t CategoryWindow::count(const std::string& category) const {
  auto at = counts_.find(category);
  return at == counts_.end() ? 0 : at->second;
}

std::vector<stats::Category> CategoryWindow::top_unseen(size_t limit) const {
  std::vector<stats::Category> found;
  for (const auto& [value, count] : counts_) {
    if (!known_.contains(value)) found.push_back({value, count});
  }
  std::sort(found.begin(), found.end(), [](const stats::Category& a, const stats::Category& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace fettle::monitoring
