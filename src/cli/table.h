// Tables: aligned and fitted on a terminal, tab-separated and complete in a pipe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace fettle::cli {

enum class CellKind { text, integer, number, percent, time, duration, bytes };

// A column: where its value is in an item ("latency_ms.p95"), and how it reads.
struct ColumnSpec {
  std::string_view header;
  std::string_view path;
  CellKind kind = CellKind::text;
};

struct TableStyle {
  bool terminal = false;
  bool headers = true;
  size_t width = 100;
  int64_t now_ms = 0;  // for "2 h ago"
};

// The value at a dotted path; nullptr when any part is absent.
const json::Value* find_path(const json::Value& value, std::string_view path);

std::string format_cell(const json::Value* value, CellKind kind, const TableStyle& style);
std::string format_table(const json::Array& items, const std::vector<ColumnSpec>& columns, const TableStyle& style);

// "rows  29,425" lines of one object.
std::string format_object(const json::Object& object, const TableStyle& style);

// The width of text on a terminal, in cells (UTF-8 code points).
size_t display_width(std::string_view text);

}  // namespace fettle::cli
