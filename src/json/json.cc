#include "json/json.h"

#include <boost/json/parser.hpp>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace fettle::json {
namespace {

constexpr std::string_view kNonFinite[] = {"-Infinity", "Infinity", "NaN"};

// Python's json writes NaN and Infinity as bare words: quotes them outside strings, so that a strict parser can read
// on.
std::string quote_non_finite(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\' && i + 1 < text.size()) {
        out += c;
        c = text[++i];
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == 'N' || c == 'I' || c == '-') {
      bool replaced = false;
      for (auto word : kNonFinite) {
        if (text.substr(i, word.size()) != word) continue;
        append_quoted(out, word);
        i += word.size() - 1;
        replaced = true;
        break;
      }
      if (replaced) continue;
    }
    out += c;
  }
  return out;
}

class Formatter {
 public:
  Formatter(std::string& out, FormatOptions options) : out_(out), options_(options) {}

  void write(const Value& value, int depth) {
    switch (value.kind()) {
      case boost::json::kind::null: out_ += "null"; break;
      case boost::json::kind::bool_: out_ += value.get_bool() ? "true" : "false"; break;
      case boost::json::kind::int64: out_ += std::to_string(value.get_int64()); break;
      case boost::json::kind::uint64: out_ += std::to_string(value.get_uint64()); break;
      case boost::json::kind::double_: write_double(value.get_double()); break;
      case boost::json::kind::string: append_quoted(out_, value.get_string()); break;
      case boost::json::kind::array: write_array(value.get_array(), depth); break;
      case boost::json::kind::object: write_object(value.get_object(), depth); break;
    }
  }

 private:
  void write_double(double number) {
    if (std::isfinite(number)) {
      out_ += format_double(number);
    } else if (options_.non_finite == NonFinite::null) {
      out_ += "null";
    } else if (options_.non_finite == NonFinite::bare) {
      out_ += format_double(number);
    } else {
      append_quoted(out_, format_double(number));
    }
  }

  void write_array(const Array& array, int depth) {
    out_ += '[';
    bool first = true;
    for (const auto& item : array) {
      separate(first, depth + 1);
      write(item, depth + 1);
    }
    finish(array.empty(), depth, ']');
  }

  void write_object(const Object& object, int depth) {
    out_ += '{';
    bool first = true;
    for (const auto& item : object) {
      separate(first, depth + 1);
      append_quoted(out_, item.key());
      out_ += options_.indent > 0 || options_.spaced ? ": " : ":";
      write(item.value(), depth + 1);
    }
    finish(object.empty(), depth, '}');
  }

  void separate(bool& first, int depth) {
    if (!first) out_ += options_.spaced && options_.indent == 0 ? ", " : ",";
    first = false;
    new_line(depth);
  }

  void finish(bool empty, int depth, char close) {
    if (!empty) new_line(depth);
    out_ += close;
  }

  void new_line(int depth) {
    if (options_.indent == 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(depth * options_.indent), ' ');
  }

  std::string& out_;
  FormatOptions options_;
};

}  // namespace

Value parse(std::string_view text, ParseLimits limits) {
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::parser parser({}, options);
  std::error_code error;
  size_t used = parser.write_some(text.data(), text.size(), error);
  if (error && limits.allow_nan) {
    std::string quoted = quote_non_finite(text);
    if (quoted != text) return parse(quoted, {.max_depth = limits.max_depth});
  }
  if (error) fail(Code::invalid_argument, "not valid JSON at byte {}: {}", used, error.message());
  if (!trim(text.substr(used)).empty()) {
    fail(Code::invalid_argument, "not valid JSON at byte {}: expected the end after one value", used);
  }
  return parser.release();
}

std::string format(const Value& value, FormatOptions options) {
  std::string out;
  Formatter(out, options).write(value, 0);
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20) {
          out += "\\u00";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void Writer::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}
Writer& Writer::begin_object() {
  separate();
  out_ += '{';
  comma_ = false;
  return *this;
}
Writer& Writer::end_object() {
  out_ += '}';
  comma_ = true;
  return *this;
}
Writer& Writer::begin_array() {
  separate();
  out_ += '[';
  comma_ = false;
  return *this;
}
Writer& Writer::end_array() {
  out_ += ']';
  comma_ = true;
  return *this;
}
Writer& Writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}
Writer& Writer::string(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}
Writer& Writer::integer(int64_t number) {
  separate();
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
  return *this;
}
Writer& Writer::number(double number, NonFinite non_finite) {
  separate();
  if (std::isfinite(number) || non_finite == NonFinite::bare) {
    out_ += format_double(number);
  } else if (non_finite == NonFinite::null) {
    out_ += "null";
  } else {
    append_quoted(out_, format_double(number));
  }
  return *this;
}
Writer& Writer::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}
Writer& Writer::null() {
  separate();
  out_ += "null";
  return *this;
}
Writer& Writer::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}
Writer& Writer::value(const Value& value) {
  separate();
  Formatter(out_, {}).write(value, 0);
  return *this;
}

std::string preview(const Value& value) {
  std::string text = format(value);
  if (text.size() <= 60) return text;
  size_t cut = 57;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

}  // namespace fettle::json
