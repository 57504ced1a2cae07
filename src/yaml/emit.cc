// Block-style output. Where ruamel.yaml breaks long scalars is observable in git diffs, so those rules are kept: see
// the vectors in emit_test.cc, which were read from it.
#include "yaml/emit.h"

#include <limits>

#include "yaml/scalar.h"

namespace fettle::yaml {
namespace {

constexpr size_t kWidth = 80;

// One code point of UTF-8; a broken byte stands for itself.
struct CodePoint {
  char32_t value;
  std::string_view bytes;
};

std::vector<CodePoint> decode(std::string_view text) {
  std::vector<CodePoint> out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    length = std::min(length, text.size() - i);
    char32_t value = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t k = 1; k < length; ++k) value = (value << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    out.push_back({value, text.substr(i, length)});
    i += length;
  }
  return out;
}

bool is_break(char32_t c) { return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029; }
bool is_blank(char32_t c) { return c == 0 || c == ' ' || c == '\t' || c == '\r' || is_break(c); }
bool is_printable(char32_t c) {
  if (c >= 0x20 && c <= 0x7E) return true;
  if (c == 0xFEFF) return false;
  return c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) || c >= 0x10000;
}

enum class Style { plain, single_quoted, double_quoted };

struct Analysis {
  bool plain = true;
  bool single_quoted = true;
  bool multiline = false;
};

bool starts_like_indicator(const std::vector<CodePoint>& text) {
  char32_t first = text[0].value;
  bool alone = text.size() == 1 || is_blank(text[1].value);
  if (first < 0x80 && std::string_view("#,[]{}&*!|>'\"%@`").find(static_cast<char>(first)) != std::string_view::npos)
    return true;
  return (first == '?' || first == ':' || first == '-') && alone;
}

Analysis analyse(std::string_view raw, const std::vector<CodePoint>& text) {
  Analysis result;
  bool indicator = raw.starts_with("---") || raw.starts_with("...") || starts_like_indicator(text);
  bool special = false;
  bool break_then_space = false;
  bool space_then_break = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char32_t c = text[i].value;
    bool blank_before = i == 0 || is_blank(text[i - 1].value);
    bool blank_after = i + 1 == text.size() || is_blank(text[i + 1].value);
    if (i > 0 && ((c == ':' && blank_after) || (c == '#' && blank_before))) indicator = true;
    if (is_break(c)) result.multiline = true;
    if (c != '\n' && !is_printable(c)) special = true;
    if (i > 0 && c == ' ' && is_break(text[i - 1].value)) break_then_space = true;
    if (i > 0 && is_break(c) && text[i - 1].value == ' ') space_then_break = true;
  }
  char32_t first = text.front().value;
  char32_t last = text.back().value;
  bool edges = first == ' ' || last == ' ' || is_break(first) || is_break(last);
  result.single_quoted = !break_then_space && !space_then_break && !special;
  result.plain = result.single_quoted && !edges && !result.multiline && !indicator;
  return result;
}

Style style_of(std::string_view raw, const std::vector<CodePoint>& text, bool is_key) {
  if (raw.empty()) return Style::single_quoted;
  Analysis analysis = analyse(raw, text);
  ScalarKind kind = kind_of_plain(raw);
  if (analysis.plain && kind == ScalarKind::text) return Style::plain;
  if (raw.find('\'') != std::string_view::npos || raw.find('\n') != std::string_view::npos) return Style::double_quoted;
  if (analysis.single_quoted && !(is_key && analysis.multiline)) return Style::single_quoted;
  return Style::double_quoted;
}

enum class Fold { at_width, never };

// The text being written, with the column counted in code points.
class Out {
 public:
  Out(size_t column, Fold fold) : column_(column), width_(fold == Fold::never ? std::numeric_limits<size_t>::max() : kWidth) {}
  void put(std::string_view bytes, size_t width) {
    text_ += bytes;
    column_ += width;
  }
  void put(const std::vector<CodePoint>& all, size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) put(all[i].bytes, 1);
  }
  void new_line(size_t indent) {
    text_ += '\n';
    text_.append(indent, ' ');
    column_ = indent;
  }
  size_t column() const { return column_; }
  size_t width() const { return width_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  size_t column_;
  size_t width_;
};

void write_plain(Out& out, const std::vector<CodePoint>& text, size_t indent) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    bool spaces = text[i].value == ' ';
    while (end < text.size() && (text[end].value == ' ') == spaces) ++end;
    if (spaces && end == i + 1 && out.column() >= out.width()) {
      out.new_line(indent);  // in place of the space
    } else {
      if (!spaces && out.column() + (end - i) > out.width() && out.column() > indent) out.new_line(indent);
      out.put(text, i, end);
    }
    i = end;
  }
}

void write_single_quoted(Out& out, const std::vector<CodePoint>& text, size_t indent) {
  out.put("'", 1);
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    if (text[i].value == ' ') {
      while (end < text.size() && text[end].value == ' ') ++end;
      if (end == i + 1 && out.column() > out.width() && i != 0 && end != text.size()) {
        out.new_line(indent);
      } else {
        out.put(text, i, end);
      }
    } else if (is_break(text[i].value)) {
      while (end < text.size() && is_break(text[end].value)) ++end;
      if (text[i].value == '\n') out.put("\n", 0);
      for (size_t k = i; k < end; ++k) out.put(text[k].value == '\n' ? "\n" : text[k].bytes, 0);
      out.new_line(indent);
    } else {
      end = i + 1;
      if (text[i].value == '\'') {
        out.put("''", 2);
      } else {
        out.put(text, i, end);
      }
    }
    i = end;
  }
  out.put("'", 1);
}

std::string escape(char32_t c) {
  static constexpr std::pair<char32_t, char> kShort[] = {
      {0, '0'},    {7, 'a'},   {8, 'b'},     {9, 't'},    {10, 'n'},   {11, 'v'},     {12, 'f'},     {13, 'r'},
      {0x1B, 'e'}, {'"', '"'}, {'\\', '\\'}, {0x85, 'N'}, {0xA0, '_'}, {0x2028, 'L'}, {0x2029, 'P'},
  };
  for (auto [code, letter] : kShort) {
    if (code == c) return {'\\', letter};
  }
  auto number = static_cast<uint32_t>(c);
  if (number <= 0xFF) return fmt::format("\\x{:02X}", number);
  if (number <= 0xFFFF) return fmt::format("\\u{:04X}", number);
  return fmt::format("\\U{:08X}", number);
}

bool needs_escape(char32_t c) { return c == '"' || c == '\\' || is_break(c) || c == 0xFEFF || !is_printable(c); }

// Whether a break inside double quotes, before text[end], must be marked by a backslash to read back right. `pending`
// is how many characters before it are not yet written.
bool break_needs_backslash(const std::vector<CodePoint>& text, size_t end, size_t pending) {
  size_t space = end;
  while (space < text.size() && text[space].value != ' ') ++space;
  if (space == text.size()) return true;
  for (size_t k = end; k < space; ++k) {
    if (text[k].value == '\n') {
      space = k;
      break;
    }
  }
  if (space + 1 >= text.size()) return true;
  char32_t after = text[space + 1].value;
  if (text[space].value == '\n' && after != ' ') return true;
  for (size_t k = end; k < space; ++k) {
    if (text[k].value == '"' || text[k].value == '\'') return true;
  }
  bool double_space = end > 0 && text[end - 1].value == ' ' && text[end].value == ' ';
  return after == ' ' || after == '\n' || double_space || pending == 0;
}

void write_double_quoted(Out& out, const std::vector<CodePoint>& text, size_t indent) {
  out.put("\"", 1);
  size_t start = 0;
  for (size_t end = 0; end <= text.size(); ++end) {
    bool last = end == text.size();
    if (last || needs_escape(text[end].value)) {
      if (start < end) out.put(text, start, end);
      start = end;
      if (!last) {
        std::string escaped = escape(text[end].value);
        out.put(escaped, escaped.size());
        start = end + 1;
      }
    }
    if (last || end == 0 || end + 1 >= text.size()) continue;
    if (text[end].value != ' ' && start < end) continue;
    size_t pending = end > start ? end - start : 0;
    // The character at `end` may already be out (escaped): then the line is measured without it.
    size_t column = start > end ? out.column() - 1 : out.column() + pending;
    if (column <= out.width()) continue;
    bool backslash = break_needs_backslash(text, end, start > end ? 1 : pending);
    if (start < end) {
      out.put(text, start, end);
      start = end;
    }
    if (backslash) out.put("\\", 1);
    out.new_line(indent);
    if (start < text.size() && text[start].value == ' ') {
      if (backslash) {
        out.put("\\", 1);
      } else {
        ++start;
      }
    }
  }
  out.put("\"", 1);
}

std::string scalar_of_string(std::string_view raw, ScalarPlace place) {
  std::vector<CodePoint> text = decode(raw);
  Out out(place.column, place.is_key ? Fold::never : Fold::at_width);  // a key that goes on in the next line would not read back
  switch (style_of(raw, text, place.is_key)) {
    case Style::plain: write_plain(out, text, place.indent); break;
    case Style::single_quoted: write_single_quoted(out, text, place.indent); break;
    case Style::double_quoted: write_double_quoted(out, text, place.indent); break;
  }
  return out.take();
}

size_t code_points(std::string_view text) { return decode(text).size(); }

void emit_mapping(std::string& out, const json::Object& map, size_t indent, bool first_inline);
void emit_sequence(std::string& out, const json::Array& list, size_t indent, bool first_inline);

// After `key:`.
void emit_value(std::string& out, const json::Value& value, size_t indent, size_t column) {
  if (value.is_object() && !value.get_object().empty()) {
    out += '\n';
    emit_mapping(out, value.get_object(), indent + 2, false);
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '\n';
    emit_sequence(out, value.get_array(), indent, false);
  } else {
    std::string text = emit_scalar(value, {.column = column + 1, .indent = indent + 2});
    if (!text.empty()) out += ' ' + text;
    out += '\n';
  }
}

void emit_mapping(std::string& out, const json::Object& map, size_t indent, bool first_inline) {
  for (const auto& [key, value] : map) {
    if (!first_inline) out.append(indent, ' ');
    first_inline = false;
    std::string name = emit_key(key);
    out += name + ':';
    emit_value(out, value, indent, indent + code_points(name) + 1);
  }
}

void emit_sequence(std::string& out, const json::Array& list, size_t indent, bool first_inline) {
  for (const json::Value& item : list) {
    if (!first_inline) out.append(indent, ' ');
    first_inline = false;
    out += "- ";
    if (item.is_object() && !item.get_object().empty()) {
      emit_mapping(out, item.get_object(), indent + 2, true);
    } else if (item.is_array() && !item.get_array().empty()) {
      emit_sequence(out, item.get_array(), indent + 2, true);
    } else {
      out += emit_scalar(item, {.column = indent + 2, .indent = indent + 2}) + '\n';
    }
  }
}

}  // namespace

std::string emit_scalar(const json::Value& value, ScalarPlace place) {
  switch (value.kind()) {
    case boost::json::kind::null: return {};
    case boost::json::kind::bool_: return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64: return std::to_string(value.get_int64());
    case boost::json::kind::uint64: return std::to_string(value.get_uint64());
    case boost::json::kind::double_: return format_float(value.get_double());
    case boost::json::kind::array: return "[]";
    case boost::json::kind::object: return "{}";
    case boost::json::kind::string: break;
  }
  return scalar_of_string(value.get_string(), place);
}

std::string emit_key(std::string_view key) { return scalar_of_string(key, {.is_key = true}); }

std::string emit_entry(std::string_view key, const json::Value& value, size_t indent) {
  std::string out;
  json::Object map;
  map.emplace(key, value);
  emit_mapping(out, map, indent, false);
  return out;
}

std::string emit(const json::Value& value) {
  std::string out;
  if (value.is_object() && !value.get_object().empty()) {
    emit_mapping(out, value.get_object(), 0, false);
  } else if (value.is_array() && !value.get_array().empty()) {
    emit_sequence(out, value.get_array(), 0, false);
  } else {
    out = emit_scalar(value, {}) + '\n';
  }
  return out;
}

}  // namespace fettle::yaml
