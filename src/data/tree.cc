#include "data/tree.h"

#include "base/hash.h"
#include "data/python_text.h"

namespace fettle::data {
namespace {

void append_escape(std::string& out, unsigned code) { out += fmt::format("\\u{:04x}", code); }

// The code point at `i`, which is advanced. The text is valid UTF-8 (checked when paths are read).
unsigned next_code_point(std::string_view text, size_t& i) {
  auto lead = static_cast<unsigned char>(text[i++]);
  if (lead < 0x80) return lead;
  size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  unsigned code = lead & (0x3Fu >> more);
  for (; more > 0 && i < text.size(); --more) code = (code << 6) | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
  return code;
}

}  // namespace

void append_ascii_json(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    unsigned code = next_code_point(text, i);
    switch (code) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\f': out += "\\f"; break;
      case '\b': out += "\\b"; break;
      default:
        if (code >= 0x20 && code < 0x7F) {
          out += static_cast<char>(code);
        } else if (code < 0x10000) {
          append_escape(out, code);
        } else {
          append_escape(out, 0xD800 + ((code - 0x10000) >> 10));
          append_escape(out, 0xDC00 + ((code - 0x10000) & 0x3FF));
        }
    }
  }
  out += '"';
}

bool is_object_id(std::string_view text) {
  if (text.ends_with(".dir")) text.remove_suffix(4);
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string encode_tree(const Tree& tree) {
  std::string out;
  out.reserve(tree.entries.size() * 80 + 2);
  out += '[';
  for (const TreeEntry& entry : tree.entries) {
    if (out.size() > 1) out += ", ";
    out += "{\"md5\": \"";
    out += entry.md5;
    out += "\", \"relpath\": ";
    append_ascii_json(out, entry.path);
    out += '}';
  }
  out += ']';
  return out;
}

std::string tree_id(std::string_view encoded) { return md5_hex(encoded) + ".dir"; }

}  // namespace fettle::data
