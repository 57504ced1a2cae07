// What a filtered, ordered, paged listing asks for, without saying how it is stored. A domain module names its own
// fields:
//   enum class RunField { metric, param, start_time };   using RunCondition = Condition<RunField>;
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace fettle {

enum class Compare { eq, ne, lt, le, gt, ge, like, ilike, in, not_in, is_null, is_not_null };

// `like` takes `%` and `_` without an escape; `in` and `not_in` take the list; the null tests take nothing.
using Operand = std::variant<std::monostate, int64_t, double, std::string, std::vector<std::string>>;

template <class Field>
struct Condition {
  Field field;
  std::string key;  // of a keyed field (metric, param, tag); empty otherwise
  Compare compare = Compare::eq;
  Operand operand;
};

template <class Field>
struct OrderBy {
  Field field;
  std::string key;
  bool descending = false;
};

// The sort values of the last row of a page: the next page starts after it, whatever was written in between.
using SortValue = std::variant<std::monostate, int64_t, double, std::string>;
using Cursor = std::vector<SortValue>;

}  // namespace fettle
