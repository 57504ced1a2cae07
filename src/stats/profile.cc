#include "stats/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fettle::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kProbabilities = {0.0, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1,   0.15,  0.2, 0.25,
                                       0.3, 0.35,  0.4,   0.45, 0.5,   0.55, 0.6,   0.65,  0.7, 0.75,
                                       0.8, 0.85,  0.9,   0.95, 0.975, 0.99, 0.995, 0.999, 1.0};

// Two passes: exact enough for any offset of the data.
void moments(std::span<const double> values, ColumnProfile& profile) {
  double sum = 0;
  for (double v : values) sum += v;
  auto n = static_cast<double>(values.size());
  profile.mean = sum / n;
  double squares = 0;
  for (double v : values) squares += (v - profile.mean) * (v - profile.mean);
  profile.sd = std::sqrt(squares / n);
}

ColumnProfile profile_categories(const Column& column, const ProfileOptions& options) {
  ColumnProfile profile{.name = column.name, .numeric = false, .rows = column.size()};
  std::unordered_map<std::string_view, uint64_t> counts;
  for (size_t i = 0; i < column.categories.size(); ++i) {
    if (column.missing[i]) {
      ++profile.missing;
    } else {
      ++counts[column.categories[i]];
    }
  }
  profile.distinct = counts.size();
  profile.min = profile.max = profile.mean = profile.sd = kNan;
  for (const auto& [value, count] : counts) profile.categories.push_back({std::string(value), count});
  std::sort(profile.categories.begin(), profile.categories.end(), [](const Category& a, const Category& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  while (profile.categories.size() > options.max_categories) {
    profile.other += profile.categories.back().count;
    profile.categories.pop_back();
  }
  return profile;
}

uint64_t count_distinct(std::span<const double> sorted) {
  uint64_t distinct = sorted.empty() ? 0 : 1;
  for (size_t i = 1; i < sorted.size(); ++i) distinct += sorted[i] != sorted[i - 1];
  return distinct;
}

}  // namespace

std::span<const double> profile_probabilities() { return kProbabilities; }

double sorted_quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return kNan;
  double position = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  auto low = static_cast<size_t>(position);
  if (low + 1 >= sorted.size()) return sorted.back();
  double share = position - static_cast<double>(low);
  return sorted[low] + (sorted[low + 1] - sorted[low]) * share;
}

double ColumnProfile::quantile(double p) const {
  if (quantiles.empty()) return kNan;
  auto above = std::lower_bound(kProbabilities.begin(), kProbabilities.end(), p);
  if (above == kProbabilities.end()) return quantiles.back();
  auto i = static_cast<size_t>(above - kProbabilities.begin());
  if (i == 0 || *above == p) return quantiles[i];
  double share = (p - kProbabilities[i - 1]) / (kProbabilities[i] - kProbabilities[i - 1]);
  return quantiles[i - 1] + (quantiles[i] - quantiles[i - 1]) * share;
}

bool ColumnProfile::knows(std::string_view category) const {
  return std::any_of(categories.begin(), categories.end(), [&](const Category& c) { return c.value == category; });
}

std::vector<double> equal_mass_edges(std::span<const double> sorted, size_t bins) {
  std::vector<double> edges;
  auto add = [&](double edge) {
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  };
  auto above = [&](double value) { return std::upper_bound(sorted.begin(), sorted.end(), value); };
  if (count_distinct(sorted) <= bins) {
    for (auto at = sorted.begin(); at != sorted.end();) {
      auto next = above(*at);
      if (next != sorted.end()) add(*at + (*next - *at) / 2);
      at = next;
    }
    return edges;
  }
  for (size_t i = 1; i < bins; ++i) {
    double position = static_cast<double>(i) / static_cast<double>(bins) * static_cast<double>(sorted.size() - 1);
    auto low = static_cast<size_t>(position);
    double value = sorted[low];
    if (sorted[low + 1] != value) {
      bool tied = low > 0 && sorted[low - 1] == value;
      add(tied ? value + (sorted[low + 1] - value) / 2
               : value + (sorted[low + 1] - value) * (position - static_cast<double>(low)));
    } else if (auto next = above(value); next != sorted.end()) {
      add(value + (*next - value) / 2);
    }
  }
  return edges;
}

size_t cell_of(std::span<const double> edges, double value) {
  size_t cell = 0;
  if (edges.size() <= 32) {
    for (double edge : edges) cell += static_cast<size_t>(edge <= value);
    return cell;
  }
  return static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), value) - edges.begin());
}

void count_into_cells(std::span<const double> edges, std::span<const double> values, std::span<uint64_t> counts) {
  for (double value : values) {
    size_t cell = std::isfinite(value) ? cell_of(edges, value) : edges.size() + 1;
    ++counts[cell];
  }
}

ColumnProfile profile_numbers(std::string name, std::span<const double> numbers, const ProfileOptions& options) {
  ColumnProfile profile{.name = std::move(name), .numeric = true, .rows = numbers.size()};
  std::vector<double> sorted;
  sorted.reserve(numbers.size());
  for (double v : numbers) {
    if (std::isfinite(v)) sorted.push_back(v + 0.0);  // -0.0 becomes 0.0
  }
  profile.missing = numbers.size() - sorted.size();
  if (sorted.empty()) {
    profile.min = profile.max = profile.mean = profile.sd = kNan;
    profile.counts = {0};
    return profile;
  }
  std::sort(sorted.begin(), sorted.end());
  profile.integral = std::all_of(sorted.begin(), sorted.end(), [](double v) { return v == std::floor(v); });
  profile.distinct = count_distinct(sorted);
  profile.min = sorted.front();
  profile.max = sorted.back();
  moments(sorted, profile);
  for (double p : kProbabilities) profile.quantiles.push_back(sorted_quantile(sorted, p));
  profile.edges = equal_mass_edges(sorted, options.bins);
  std::vector<uint64_t> counts(profile.edges.size() + 2);
  count_into_cells(profile.edges, sorted, counts);
  counts.pop_back();
  profile.counts = std::move(counts);
  return profile;
}

ColumnProfile profile_column(const Column& column, const ProfileOptions& options) {
  if (!column.numeric) return profile_categories(column, options);
  return profile_numbers(column.name, column.numbers, options);
}

const ColumnProfile* TableProfile::find(std::string_view name) const {
  auto at = std::find_if(columns.begin(), columns.end(), [&](const ColumnProfile& c) { return c.name == name; });
  return at == columns.end() ? nullptr : &*at;
}

TableProfile profile_table(const Table& table, const ProfileOptions& options) {
  TableProfile profile{.rows = table.rows()};
  for (const auto& column : table.columns) profile.columns.push_back(profile_column(column, options));
  return profile;
}

}  // namespace fettle::stats
