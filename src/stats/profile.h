// What is frozen of a column of numbers or categories: counts, moments, quantiles, and the cells into which later
// values are counted. Two sides counted into the same cells can be compared by stats/distance.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stats/table.h"

namespace fettle::stats {

struct ProfileOptions {
  size_t bins = 10;              // cells of a numeric column: equal mass on the profiled values
  size_t max_categories = 1024;  // kept by count; the rest is `other`
};

struct Category {
  std::string value;
  uint64_t count = 0;
};

// Infinite numbers are treated as missing, as everywhere in monitoring.
struct ColumnProfile {
  std::string name;
  bool numeric = true;
  uint64_t rows = 0;  // with the missing ones
  uint64_t missing = 0;
  uint64_t distinct = 0;

  // Of a numeric column's present values; NaN without any.
  bool integral = false;  // all whole numbers
  double min = 0, max = 0, mean = 0;
  double sd = 0;  // population (divided by n)
  std::vector<double>
      quantiles;  // at kProbabilities, linear between order statistics (numpy's default); empty without values
  std::vector<double>
      edges;  // inner edges, strictly increasing: cell i holds edges[i-1] <= x < edges[i]; open at both ends
  std::vector<uint64_t> counts;  // edges.size() + 1

  // Of a column of categories: by falling count, ties by value.
  std::vector<Category> categories;
  uint64_t other = 0;  // values beyond max_categories

  uint64_t present() const { return rows - missing; }
  double missing_rate() const { return rows == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(rows); }
  // Interpolated between kProbabilities; p in [0, 1]. NaN without values.
  double quantile(double p) const;
  double median() const { return quantile(0.5); }
  // "" without any.
  std::string_view most_frequent() const { return categories.empty() ? std::string_view() : categories.front().value; }
  bool knows(std::string_view category) const;
};

// Probabilities of ColumnProfile::quantiles.
std::span<const double> profile_probabilities();

ColumnProfile profile_column(const Column& column, const ProfileOptions& options = {});
ColumnProfile profile_numbers(std::string name, std::span<const double> numbers, const ProfileOptions& options = {});

struct TableProfile {
  uint64_t rows = 0;
  std::vector<ColumnProfile> columns;
  const ColumnProfile* find(std::string_view name) const;
};
TableProfile profile_table(const Table& table, const ProfileOptions& options = {});

// Quantile of sorted finite values, linear between order statistics: position p (n - 1). NaN when empty.
double sorted_quantile(std::span<const double> sorted, double p);

// Inner edges of at most `bins` equal-mass cells of sorted finite values. Few distinct values (<= bins) get a cell
// each, with edges half way between them; edges that fall into ties move half way to the next distinct value, so equal
// values stay together.
std::vector<double> equal_mass_edges(std::span<const double> sorted, size_t bins);

// Cell of a finite number.
size_t cell_of(std::span<const double> edges, double value);

// Counts values into cells: edges.size() + 1 cells, then one for missing (NaN and infinite). Appends nothing, adds to
// `counts`.
void count_into_cells(std::span<const double> edges, std::span<const double> values, std::span<uint64_t> counts);

}  // namespace fettle::stats
