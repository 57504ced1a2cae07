#include "stats/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace fettle::stats {
namespace {

bool is_missing(std::string_view cell) {
  return cell.empty() || cell == "NA" || cell == "NaN" || cell == "nan" || cell == "null" || cell == "None";
}

std::optional<double> parse_number(std::string_view cell) {
  double value = 0;
  const char* end = cell.data() + cell.size();
  auto [at, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

// Splits RFC 4180 text into records. Lines count from 1 and follow newlines inside quotes.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  // False at the end. Cells stay valid until the next call.
  bool next(std::vector<std::string>& cells) {
    cells.clear();
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) drop_newline();
    if (rest_.empty()) return false;
    line_ = next_line_;
    for (;;) {
      cells.push_back(rest_.starts_with('"') ? quoted_cell() : plain_cell());
      if (rest_.empty()) return true;
      if (rest_.front() != ',') break;
      rest_.remove_prefix(1);
      if (rest_.empty()) {
        cells.emplace_back();
        return true;
      }
    }
    drop_newline();
    return true;
  }

  size_t line() const { return line_; }

 private:
  void drop_newline() {
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else {
      rest_.remove_prefix(1);
    }
    ++next_line_;
  }

  std::string plain_cell() {
    size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    std::string cell(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return cell;
  }

  std::string quoted_cell() {
    std::string cell;
    rest_.remove_prefix(1);
    for (;;) {
      size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        fail(Code::invalid_argument, "line {}: a quoted cell is never closed", line_);
      }
      std::string_view part = rest_.substr(0, quote);
      next_line_ += static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
      cell += part;
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      cell += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.front() != ',' && rest_.front() != '\r' && rest_.front() != '\n') {
      fail(Code::invalid_argument, "line {}: text after the closing quote of cell \"{}\"", line_, cell.substr(0, 40));
    }
    return cell;
  }

  std::string_view rest_;
  size_t line_ = 1;
  size_t next_line_ = 1;
};

void read_header(const std::vector<std::string>& names, const CsvLimits& limits, Table& table) {
  if (names.size() > limits.max_columns) {
    fail(Code::resource_exhausted, "{} columns are more than the limit of {}", names.size(), limits.max_columns);
  }
  std::unordered_set<std::string_view> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second) fail(Code::invalid_argument, "line 1: column name '{}' appears twice", name);
    table.columns.push_back({.name = name});
  }
}

// A column starts as numbers and is turned into categories at the first cell that is none; the text of earlier cells is
// kept until then, so that "007" stays "007".
void append_cell(Column& column, std::string&& cell) {
  bool missing = is_missing(cell);
  if (column.numeric) {
    std::optional<double> number = missing ? std::numeric_limits<double>::quiet_NaN() : parse_number(cell);
    if (number) {
      column.numbers.push_back(*number);
    } else {
      column.numeric = false;
    }
  }
  column.missing.push_back(missing);
  column.categories.push_back(missing ? std::string() : std::move(cell));
}

void finish_column(Column& column) {
  if (column.numeric) {
    column.categories = {};
    column.missing = {};
  } else {
    column.numbers = {};
  }
}

}  // namespace

const Column* Table::find(std::string_view name) const {
  auto at = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return at == columns.end() ? nullptr : &*at;
}

Table parse_csv(std::string_view text, CsvLimits limits) {
  CsvReader reader(text);
  std::vector<std::string> cells;
  Table table;
  if (!reader.next(cells)) fail(Code::invalid_argument, "the CSV is empty: a header line is expected");
  read_header(cells, limits, table);
  size_t rows = 0;
  while (reader.next(cells)) {
    if (cells.size() != table.columns.size()) {
      fail(Code::invalid_argument, "line {}: {} cells, but the header has {}", reader.line(), cells.size(),
           table.columns.size());
    }
    if (++rows > limits.max_rows) {
      fail(Code::resource_exhausted, "line {}: more than {} rows", reader.line(), limits.max_rows);
    }
    for (size_t i = 0; i < cells.size(); ++i) append_cell(table.columns[i], std::move(cells[i]));
  }
  for (auto& column : table.columns) finish_column(column);
  return table;
}

}  // namespace fettle::stats
