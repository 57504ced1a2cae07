// A small columnar table of numbers and categories with missing values, read from CSV: what profiles, contracts and
// drift references are computed from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::stats {

// Exactly one of the two vectors is used. Missing: NaN in numbers, nullopt-like empty marker in `missing` for
// categories.
struct Column {
  std::string name;
  bool numeric = true;
  std::vector<double> numbers;          // NaN: missing
  std::vector<std::string> categories;  // valid where missing[i] == 0
  std::vector<uint8_t> missing;         // per row, categories only

  size_t size() const { return numeric ? numbers.size() : categories.size(); }
};

struct Table {
  std::vector<Column> columns;  // all of one size
  size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  const Column* find(std::string_view name) const;
};

struct CsvLimits {
  size_t max_rows = 50'000'000;
  size_t max_columns = 10'000;
};

// RFC 4180 with a header line; quotes, embedded newlines, CRLF, a BOM. A column is numeric when each non-missing cell
// is a number; missing is an empty cell, NA, NaN, nan, null, None. invalid_argument with line number on ragged rows or
// a duplicate column name.
Table parse_csv(std::string_view text, CsvLimits limits = {});

}  // namespace fettle::stats
