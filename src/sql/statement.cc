#include "sql/statement.h"

namespace fettle::sql {
namespace {

std::string_view symbol(Compare compare) {
  switch (compare) {
    case Compare::eq: return " = ";
    case Compare::ne: return " <> ";
    case Compare::lt: return " < ";
    case Compare::le: return " <= ";
    case Compare::gt: return " > ";
    case Compare::ge: return " >= ";
    case Compare::like: return " like ";
    default: return "";
  }
}

SortValue scalar(const Operand& operand) {
  if (auto* integer = std::get_if<int64_t>(&operand)) return *integer;
  if (auto* real = std::get_if<double>(&operand)) return *real;
  if (auto* text = std::get_if<std::string>(&operand)) return *text;
  fail(Code::internal, "a comparison needs one value");
}

const std::vector<std::string>& list(const Operand& operand) {
  auto* values = std::get_if<std::vector<std::string>>(&operand);
  if (values == nullptr) fail(Code::internal, "a membership test needs a list");
  return *values;
}

}  // namespace

std::string Statement::bind(SortValue value) {
  bound_.push_back(std::move(value));
  return "$" + std::to_string(bound_.size());
}

std::string Statement::bind_list(std::span<const std::string> values) {
  std::string places;
  for (const auto& value : values) {
    if (!places.empty()) places += ", ";
    places += bind(value);
  }
  return places;
}

void Statement::add_condition(std::string_view expression, Compare compare, const Operand& operand) {
  switch (compare) {
    case Compare::is_null: add(expression).add(" is null"); return;
    case Compare::is_not_null: add(expression).add(" is not null"); return;
    case Compare::ilike: add("lower(").add(expression).add(") like lower(").add(bind(scalar(operand))).add(")"); return;
    case Compare::in:
    case Compare::not_in:
      if (list(operand).empty()) {
        add(compare == Compare::in ? "1 = 0" : "1 = 1");
        return;
      }
      add(expression).add(compare == Compare::in ? " in (" : " not in (");
      add(bind_list(list(operand))).add(")");
      return;
    default: add(expression).add(symbol(compare)).add(bind(scalar(operand)));
  }
}

void Statement::add_after(std::span<const SortColumn> columns, const Cursor& cursor) {
  if (columns.size() != cursor.size() || cursor.empty()) {
    fail(Code::invalid_argument, "the page token belongs to another order: expected {} sort values, got {}",
         columns.size(), cursor.size());
  }
  // (a < x or (a = x and (b < y or (b = y and …)))), with the first column's range told once more for the index.
  const char* range = columns[0].descending ? " <= " : " >= ";
  add(columns[0].expression).add(range).add(bind(cursor[0])).add(" and (");
  for (size_t i = 0; i < columns.size(); ++i) {
    add(columns[i].expression).add(columns[i].descending ? " < " : " > ").add(bind(cursor[i]));
    if (i + 1 == columns.size()) break;
    add(" or (").add(columns[i].expression).add(" = ").add(bind(cursor[i])).add(" and (");
  }
  for (size_t i = 0; i + 1 < columns.size(); ++i) add("))");
  add(")");
}

void Statement::add_order(std::span<const SortColumn> columns) {
  std::string_view separator = " order by ";
  for (const auto& column : columns) {
    add(separator).add(column.expression).add(column.descending ? " desc" : "");
    separator = ", ";
  }
}

std::vector<Value> Statement::values() const {
  std::vector<Value> values;
  values.reserve(bound_.size());
  for (const auto& value : bound_) {
    std::visit(
        [&](const auto& held) {
          using Held = std::decay_t<decltype(held)>;
          if constexpr (std::is_same_v<Held, std::string>) {
            values.emplace_back(std::string_view(held));
          } else {
            values.emplace_back(held);
          }
        },
        value);
  }
  return values;
}

Cursor cursor_from(const Row& row, size_t first, size_t count) {
  Cursor cursor;
  for (size_t i = first; i < first + count; ++i) {
    if (row.is_null(i)) {
      cursor.emplace_back(std::monostate{});
    } else if (row.is_integer(i)) {
      cursor.emplace_back(row.integer(i));
    } else if (row.is_real(i)) {
      cursor.emplace_back(row.real(i));
    } else {
      cursor.emplace_back(row.text(i));
    }
  }
  return cursor;
}

}  // namespace fettle::sql
