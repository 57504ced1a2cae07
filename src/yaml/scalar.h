// Plain scalars: what they mean, and which texts must be quoted to stay text. Pure.
#pragma once

#include <string>
#include <string_view>

#include "json/json.h"

namespace fettle::yaml {

enum class ScalarKind { text, null, boolean, integer, real, date, merge, value };

// What a plain (unquoted, untagged) scalar resolves to, by the YAML 1.2 rules that ruamel.yaml applies.
ScalarKind kind_of_plain(std::string_view text);

// The value of a plain scalar; dates, `<<` and `=` are text. Integers beyond 64 bits become doubles.
json::Value value_of_plain(std::string_view text);

// Shortest text that reads back to the same double, in Python's spelling: `1e-05`, `100.0`, `1e+20`, `.inf`, `-.inf`,
// `.nan`.
std::string format_float(double value);

}  // namespace fettle::yaml
