// Values from and to JSON's, and as Python's json module writes them. For `*_file.cc` sources only.
#pragma once

#include <string>

#include "json/json.h"
#include "pipelines/value.h"

namespace fettle::pipelines {

Value from_json(const json::Value& value);
json::Value to_json(const Value& value);

// json.dumps(value, sort_keys=True): `, ` and `: `, ASCII, floats as Python writes them, NaN and Infinity bare.
std::string python_json(const json::Value& value);

}  // namespace fettle::pipelines
