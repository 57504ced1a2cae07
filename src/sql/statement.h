// Builds a statement whose shape depends on the request: text parts are literals of the program, every value is bound.
//   Statement s("select id from runs where experiment_id = ");
//   s.add(s.bind(7)).add(" and "); s.add_condition("user_id", Compare::like, "ann%");
//   connection.query_each(s.text(), s.values(), …);
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/condition.h"
#include "sql/database.h"

namespace fettle::sql {

struct SortColumn {
  std::string expression;  // never null
  bool descending = false;
};

class Statement {
 public:
  explicit Statement(std::string_view text = "") : text_(text) {}

  Statement& add(std::string_view text) {
    text_ += text;
    return *this;
  }
  // Keeps the value and returns its placeholder ("$3").
  std::string bind(SortValue value);
  // `$1, $2, …` of a list.
  std::string bind_list(std::span<const std::string> values);

  // `expression <compare> operand`. An empty `in` list matches nothing.
  void add_condition(std::string_view expression, Compare compare, const Operand& operand);
  // True for rows that sort after `cursor`, in the order of `columns`; invalid_argument if their number differs.
  void add_after(std::span<const SortColumn> columns, const Cursor& cursor);
  // ` order by a desc, b`.
  void add_order(std::span<const SortColumn> columns);

  const std::string& text() const { return text_; }
  // Valid until the statement is changed or destroyed.
  std::vector<Value> values() const;

 private:
  std::string text_;
  std::deque<SortValue> bound_;
};

// The sort values that stand in `row` from column `first` on.
Cursor cursor_from(const Row& row, size_t first, size_t count);

}  // namespace fettle::sql
