// The search grammar's common part: comparisons joined by AND, and `key [ASC|DESC]` (spec/mlflow.md 3). What the names
// mean is the business of each search. Everything wrong is invalid_argument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/condition.h"

namespace fettle::api::mlflow {

struct Literal {
  enum class Kind { none, number, text, list, word };
  Kind kind = Kind::none;
  std::string text;                // as written, without quotes
  std::vector<std::string> items;  // of a list
};

struct Comparison {
  std::string entity;  // before the first dot, lower case; "" when there is none
  std::string key;     // the rest, without its quotes
  Compare compare = Compare::eq;
  std::string symbol;  // as written, upper case: "LIKE", "NOT IN"
  Literal literal;
};

// "" has none; a blank one is refused.
std::vector<Comparison> parse_filter(std::string_view filter);

struct OrderTerm {
  std::string entity;
  std::string key;
  bool descending = false;
};
OrderTerm parse_order(std::string_view clause);

// What may follow a name. Refuses other comparators: `Invalid comparator '==' not one of …`.
enum class Comparators { numeric, equality, text, text_and_list, text_and_null };
void check_comparator(const Comparison& comparison, Comparators allowed);

// The literal in the form that a kind of field takes; errors name `what`.
Operand number_operand(const Comparison& comparison, std::string_view what);
Operand integer_operand(const Comparison& comparison, std::string_view what);
// Text, list or nothing.
Operand text_operand(const Comparison& comparison, std::string_view what);

}  // namespace fettle::api::mlflow
