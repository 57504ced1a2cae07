// Pieces of emitted YAML, for whole documents and for the editor.
#pragma once

#include <string>
#include <string_view>

#include "json/json.h"

namespace fettle::yaml {

struct ScalarPlace {
  size_t column = 0;    // where its first character stands, in code points
  size_t indent = 0;    // of its continuation lines
  bool is_key = false;  // keys are never folded
};

// A scalar, or an empty list or mapping; nothing for null.
std::string emit_scalar(const json::Value& value, ScalarPlace place);
std::string emit_key(std::string_view key);
// The line or lines of one entry of a block mapping whose keys start at column `indent`.
std::string emit_entry(std::string_view key, const json::Value& value, size_t indent);

}  // namespace fettle::yaml
