// YAML as the product reads and writes it: the scalar rules of YAML 1.2 with the few 1.1 leftovers that DVC's files
// rely on (spec data-versioning 1.18), and an emitter whose bytes equal those of DVC's own writer (ruamel.yaml 0.19).
// All functions are pure and thread-safe. Problems are Failures with Code::invalid_argument, the place being the end of
// the message (`…, in line 3, column 5`, both counted from 1).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace fettle::yaml {

struct ParseLimits {
  size_t max_bytes = size_t{32} << 20;
  size_t max_depth = 100;
  size_t max_nodes = 1'000'000;  // after aliases are expanded
  bool refuse_dates = false;     // an unquoted 2020-01-01 is a problem; otherwise it is text
};

// The first document; null for an empty text. Plain scalars: null/true/false in their three spellings each, decimal,
// 0o, 0x, 0b, `1_000`, floats with `.inf`/`.nan`; `yes`, `on`, `1:30` are text. `<<` merges. A duplicate key is a
// problem. A key that is not text becomes its text form (`1: x` -> "1").
json::Value parse(std::string_view text, const ParseLimits& limits = {});
// Every document of a stream, `---` between them; empty documents are null.
std::vector<json::Value> parse_all(std::string_view text, const ParseLimits& limits = {});

// Block style, sequences not indented under their key, 80 columns, UTF-8; a mapping or sequence at the top. Ends with a
// newline.
std::string emit(const json::Value& value);

// `text` changed so that it reads as `value`, keeping comments, order and style of everything that did not change:
// changed scalars are replaced in place, vanished keys are deleted, new ones appended to their map in the order of
// `value`, a list whose length changed is replaced whole. Text that is not a block mapping is emitted anew.
std::string edit(std::string_view text, const json::Value& value);

enum class Replace { changed_parts, whole_entry };
// As `edit`, for one entry of the top level's map `section` (`stages` of dvc.lock): other entries are not even
// compared. The section and the entry are appended where missing; a null value deletes the entry.
std::string edit_entry(std::string_view text, std::string_view section, std::string_view name, const json::Value& value,
                       Replace replace = Replace::changed_parts);

struct Position {
  size_t line = 1;
  size_t column = 1;
};
// Where the key or list item at `path` stands (indices as decimal text); of the deepest part that exists.
std::optional<Position> locate(std::string_view text, std::span<const std::string> path);

}  // namespace fettle::yaml
