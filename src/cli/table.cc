#include "cli/table.h"

#include <algorithm>
#include <cmath>

#include "base/time_text.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kAbsent = "–";

std::string with_thousands(int64_t number) {
  std::string digits = std::to_string(std::llabs(number));
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return number < 0 ? "-" + out : out;
}

std::string human_bytes(double bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string relative_time(int64_t ms, int64_t now_ms) {
  int64_t age = now_ms - ms;
  if (age < 0) return format_utc(ms);
  if (age < 10'000) return "just now";
  return format_duration(age) + " ago";
}

// Bytes that would steer the terminal are shown, not obeyed.
std::string safe(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string number_cell(double number, CellKind kind, const TableStyle& style) {
  constexpr double kLimit = 9.0e18;
  auto whole = static_cast<int64_t>(std::llround(std::isnan(number) ? 0 : std::clamp(number, -kLimit, kLimit)));
  switch (kind) {
    case CellKind::time: return style.terminal ? relative_time(whole, style.now_ms) : format_utc(whole);
    case CellKind::duration: return style.terminal ? format_duration(whole) : std::to_string(whole);
    case CellKind::bytes: return style.terminal ? human_bytes(number) : std::to_string(whole);
    case CellKind::percent: return style.terminal ? fmt::format("{:.1f} %", number * 100) : fmt::format("{}", number);
    case CellKind::integer: return style.terminal ? with_thousands(whole) : std::to_string(whole);
    default: return style.terminal ? fmt::format("{:.4g}", number) : fmt::format("{}", number);
  }
}

std::string shorten(const std::string& text, size_t width) {
  if (display_width(text) <= width || width < 4) return text;
  std::vector<std::string> points;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80 && !points.empty()) {
      points.back() += c;
    } else {
      points.emplace_back(1, c);
    }
  }
  size_t head = (width - 1) / 2, tail = width - 1 - head;
  std::string out;
  for (size_t i = 0; i < head; ++i) out += points[i];
  out += "…";
  for (size_t i = points.size() - tail; i < points.size(); ++i) out += points[i];
  return out;
}

std::string padded(const std::string& text, size_t width, bool right) {
  size_t have = display_width(text);
  std::string space(width > have ? width - have : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

const json::Value* find_path(const json::Value& value, std::string_view path) {
  const json::Value* at = &value;
  while (!path.empty()) {
    size_t dot = path.find('.');
    const json::Object* object = at->if_object();
    if (object == nullptr) return nullptr;
    at = object->if_contains(path.substr(0, dot));
    if (at == nullptr || at->is_null()) return nullptr;
    path = dot == std::string_view::npos ? "" : path.substr(dot + 1);
  }
  return at;
}

std::string format_cell(const json::Value* value, CellKind kind, const TableStyle& style) {
  if (value == nullptr || value->is_null()) return style.terminal ? std::string(kAbsent) : "";
  if (value->is_string()) return safe(value->get_string());
  if (value->is_bool()) return value->get_bool() ? "yes" : "no";
  if (value->is_number()) {
    if (kind == CellKind::text && !value->is_double()) kind = CellKind::integer;
    if (kind == CellKind::integer && value->is_int64() && !style.terminal) return std::to_string(value->get_int64());
    return number_cell(value->to_number<double>(), kind, style);
  }
  if (value->is_array()) {
    std::string out;
    for (const auto& item : value->get_array()) out += (out.empty() ? "" : ", ") + format_cell(&item, kind, style);
    return out;
  }
  return safe(json::format(*value));
}

std::string format_table(const json::Array& items, const std::vector<ColumnSpec>& columns, const TableStyle& style) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : items) {
    std::vector<std::string> row;
    for (const auto& column : columns) row.push_back(format_cell(find_path(item, column.path), column.kind, style));
    rows.push_back(std::move(row));
  }
  std::string out;
  auto line = [&](const std::vector<std::string>& cells, std::span<const size_t> widths) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!style.terminal) {
        text += (i > 0 ? "\t" : "") + cells[i];
        continue;
      }
      bool right = columns[i].kind != CellKind::text && columns[i].kind != CellKind::time;
      text += (i > 0 ? "  " : "") + padded(shorten(cells[i], widths[i]), widths[i], right);
    }
    while (text.ends_with(' ')) text.pop_back();
    out += text + "\n";
  };
  std::vector<std::string> headers;
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    headers.emplace_back(columns[i].header);
    size_t width = display_width(columns[i].header);
    for (const auto& row : rows) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  // The widest text columns give way first, down to 12 cells.
  auto total = [&] {
    size_t sum = widths.empty() ? 0 : 2 * (widths.size() - 1);
    for (size_t width : widths) sum += width;
    return sum;
  };
  while (style.terminal && total() > style.width) {
    size_t widest = 0;
    for (size_t i = 1; i < widths.size(); ++i) {
      if (columns[i].kind == CellKind::text && (columns[widest].kind != CellKind::text || widths[i] > widths[widest]))
        widest = i;
    }
    if (widths[widest] <= 12) break;
    --widths[widest];
  }
  if (style.headers) line(headers, widths);
  for (const auto& row : rows) line(row, widths);
  return out;
}

std::string format_object(const json::Object& object, const TableStyle& style) {
  size_t width = 0;
  for (const auto& field : object) width = std::max(width, display_width(field.key()));
  std::string out;
  for (const auto& field : object) {
    std::string_view key = field.key();
    CellKind kind = key.ends_with("_at_ms") || key == "at_ms" ? CellKind::time
                    : key.ends_with("_bytes")                 ? CellKind::bytes
                                                              : CellKind::text;
    std::string value = format_cell(&field.value(), kind, style);
    out += style.terminal ? padded(std::string(key), width, false) + "  " + value + "\n"
                          : fmt::format("{}\t{}\n", key, value);
  }
  return out;
}

}  // namespace fettle::cli
