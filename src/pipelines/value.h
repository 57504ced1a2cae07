// The value of a parameter: what a YAML or JSON file may hold, compared as Python compares it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace fettle::pipelines {

struct Value {
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;  // in the file's order
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, List, Map> held = nullptr;
};

// Python's ==: 1 == 1.0 == True; lists by order, maps by key.
bool equal_as_python(const Value& a, const Value& b);

// One parameter: a dotted key and its value.
using Params = std::vector<std::pair<std::string, Value>>;
const Value* find_param(const Params& params, std::string_view key);

}  // namespace fettle::pipelines
