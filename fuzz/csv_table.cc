#include <set>

#include "stats/table.h"
#include "target.h"

namespace fettle::fuzz {

// All columns are of one length, their names differ, and the limits hold.
void csv_table(std::string_view bytes) {
  stats::Table table;
  if (!accepts([&] { table = stats::parse_csv(bytes, {.max_rows = 100, .max_columns = 20}); })) return;
  FETTLE_CHECK(table.rows() <= 100 && table.columns.size() <= 20, "beyond the limits");
  std::set<std::string> names;
  for (const auto& column : table.columns) {
    FETTLE_CHECK(names.insert(column.name).second, "two columns of one name");
    FETTLE_CHECK(column.size() == table.rows(), "columns of different length");
    FETTLE_CHECK(column.numeric ? column.categories.empty() : column.numbers.empty(), "both numbers and categories");
    if (!column.numeric)
      FETTLE_CHECK(column.missing.size() == column.size(), "each category says whether it is missing");
    FETTLE_CHECK(table.find(column.name) == &column, "a column is found by its name");
  }
}

}  // namespace fettle::fuzz
