#include "yaml/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace fettle::yaml {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A scanner over one scalar; every `skip` returns how much it took.
struct Scan {
  std::string_view rest;
  template <class Pred>
  size_t skip(Pred pred) {
    size_t n = 0;
    while (n < rest.size() && pred(rest[n])) ++n;
    rest.remove_prefix(n);
    return n;
  }
  size_t digits() { return skip(is_digit); }
  size_t digits_() {
    return skip([](char c) { return is_digit(c) || c == '_'; });
  }
  bool sign() { return skip_one('+') || skip_one('-'); }
  bool skip_one(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool done() const { return rest.empty(); }
};

bool any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_integer(std::string_view text) {
  Scan scan{text};
  scan.sign();
  std::string_view body = scan.rest;
  if (body.empty() || body == "_") return false;
  if (body.starts_with("0b")) {
    body.remove_prefix(2);
    return !body.empty() && body.find_first_not_of("01_") == std::string_view::npos;
  }
  if (body.starts_with("0o")) {
    body.remove_prefix(2);
    return !body.empty() && body.find_first_not_of("01234567_") == std::string_view::npos;
  }
  if (body.starts_with("0x")) {
    body.remove_prefix(2);
    return !body.empty() && body.find_first_not_of("0123456789abcdefABCDEF_") == std::string_view::npos;
  }
  return body.find_first_not_of("0123456789_") == std::string_view::npos && body.find_first_of("0123456789") == 0;
}

// `signed_only`: the form `.5e3` asks for a sign in its exponent.
bool exponent(Scan& scan, bool signed_only) {
  if (scan.done()) return true;
  if (!scan.skip_one('e') && !scan.skip_one('E')) return false;
  bool has_sign = scan.sign();
  if (signed_only && !has_sign) return false;
  return scan.digits() > 0 && scan.done();
}

bool is_real(std::string_view text) {
  if (any_of(text, {".nan", ".NaN", ".NAN"})) return true;
  Scan scan{text};
  scan.sign();
  if (any_of(scan.rest, {".inf", ".Inf", ".INF"})) return true;
  if (scan.skip_one('.')) return scan.digits_() > 0 && exponent(scan, true);
  if (scan.done() || !is_digit(scan.rest[0])) return false;
  scan.digits_();
  if (scan.skip_one('.')) {
    scan.digits_();
  } else if (scan.done()) {
    return false;
  }
  return exponent(scan, false);
}

bool take_digits(Scan& scan, size_t least, size_t most) {
  size_t n = 0;
  while (n < most && !scan.rest.empty() && is_digit(scan.rest[0])) {
    scan.rest.remove_prefix(1);
    ++n;
  }
  return n >= least;
}

bool is_zone(Scan scan) {
  scan.skip([](char c) { return c == ' ' || c == '\t'; });
  if (scan.done() || scan.rest == "Z") return true;
  if (!scan.sign() || !take_digits(scan, 1, 2)) return false;
  return scan.done() || (scan.skip_one(':') && take_digits(scan, 2, 2) && scan.done());
}

bool is_date(std::string_view text) {
  Scan scan{text};
  if (!take_digits(scan, 4, 4) || !scan.skip_one('-')) return false;
  Scan strict = scan;
  if (take_digits(strict, 2, 2) && strict.skip_one('-') && take_digits(strict, 2, 2) && strict.done()) return true;
  if (!take_digits(scan, 1, 2) || !scan.skip_one('-') || !take_digits(scan, 1, 2)) return false;
  bool t = scan.skip_one('T') || scan.skip_one('t');
  if (!t && scan.skip([](char c) { return c == ' ' || c == '\t'; }) == 0) return false;
  if (!take_digits(scan, 1, 2) || !scan.skip_one(':') || !take_digits(scan, 2, 2)) return false;
  if (!scan.skip_one(':') || !take_digits(scan, 2, 2)) return false;
  if (scan.skip_one('.')) scan.digits();
  return is_zone(scan);
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '_') out.push_back(c);
  }
  return out;
}

json::Value integer_value(std::string_view text) {
  std::string digits = without_underscores(text);
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  int base = 10;
  if (digits.starts_with("0b")) base = 2;
  if (digits.starts_with("0o")) base = 8;
  if (digits.starts_with("0x")) base = 16;
  if (base != 10) digits.erase(0, 2);
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  constexpr uint64_t kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (error != std::errc()) return std::strtod(std::string(text).c_str(), nullptr);
  if (negative && magnitude <= kMost + 1) return static_cast<int64_t>(~magnitude + 1);
  if (negative) return -static_cast<double>(magnitude);
  if (magnitude <= kMost) return static_cast<int64_t>(magnitude);
  return magnitude;
}

double real_value(std::string_view text) {
  std::string digits = without_underscores(text);
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  double magnitude = std::numeric_limits<double>::infinity();
  if (digits.size() == 4 && (digits[1] == 'n' || digits[1] == 'N')) return std::numeric_limits<double>::quiet_NaN();
  if (digits.size() != 4 || (digits[1] != 'i' && digits[1] != 'I')) magnitude = std::strtod(digits.c_str(), nullptr);
  return negative ? -magnitude : magnitude;
}

}  // namespace

ScalarKind kind_of_plain(std::string_view text) {
  if (text.empty() || any_of(text, {"~", "null", "Null", "NULL"})) return ScalarKind::null;
  char first = text[0];
  if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z')) {
    bool boolean = any_of(text, {"true", "True", "TRUE", "false", "False", "FALSE"});
    return boolean ? ScalarKind::boolean : ScalarKind::text;
  }
  if (text == "<<") return ScalarKind::merge;
  if (text == "=") return ScalarKind::value;
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return ScalarKind::text;
  if (is_integer(text)) return ScalarKind::integer;
  if (is_real(text)) return ScalarKind::real;
  return is_digit(first) && is_date(text) ? ScalarKind::date : ScalarKind::text;
}

json::Value value_of_plain(std::string_view text) {
  switch (kind_of_plain(text)) {
    case ScalarKind::null: return nullptr;
    case ScalarKind::boolean: return text[0] == 't' || text[0] == 'T';
    case ScalarKind::integer: return integer_value(text);
    case ScalarKind::real: return real_value(text);
    default: return json::Value(text);
  }
}

std::string format_float(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  char buffer[40];
  double magnitude = std::fabs(value);
  bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  std::string text(buffer, end);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace fettle::yaml
