#include "api/infer/json_cursor.h"

#include "base/text.h"

namespace fettle::api::infer {

void JsonCursor::refuse_at(size_t position, std::string_view reason) {
  fail(Code::invalid_argument, "invalid json at byte {}: {}", position, reason);
}

char JsonCursor::peek() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
    ++at_;
  }
  return '\0';
}

bool JsonCursor::take(char c) {
  if (peek() != c || at_ >= text_.size()) return false;
  ++at_;
  return true;
}

void JsonCursor::enter(char open, std::string_view what) {
  if (!take(open)) refuse(at_ >= text_.size() ? std::string("unexpected end") : fmt::format("expected {}", what));
  if (--depth_left_ < 0) refuse("nested too deeply");
}

bool JsonCursor::next_member(char close) {
  if (take(',')) return true;
  if (take(close)) return false;
  refuse(at_ >= text_.size() ? std::string("unexpected end") : fmt::format("expected ',' or '{}'", close));
}

void JsonCursor::word(std::string_view expected) {
  peek();
  if (text_.substr(at_, expected.size()) != expected)
    refuse(at_ >= text_.size() ? "unexpected end" : "unexpected character");
  at_ += expected.size();
}

std::string JsonCursor::string() {
  if (!take('"')) refuse(at_ >= text_.size() ? "unexpected end" : "expected a string");
  const size_t begin = at_;
  std::string out;
  bool ascii = true;
  size_t copied = at_;
  while (true) {
    if (at_ >= text_.size()) refuse("unexpected end");
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') break;
    if (c < 0x20) refuse("control character in a string");
    ascii &= c < 0x80;
    if (c != '\\') {
      ++at_;
      continue;
    }
    out.append(text_, copied, at_ - copied);
    ++at_;
    append_escape(out);
    copied = at_;
  }
  out.append(text_, copied, at_ - copied);
  if (!ascii && !is_valid_utf8(text_.substr(begin, at_ - begin))) refuse_at(begin, "invalid utf-8");
  ++at_;
  return out;
}

uint32_t JsonCursor::hex4() {
  if (at_ + 4 > text_.size()) refuse("unexpected end");
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = text_[at_];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) refuse("expected four hexadecimal digits");
    value = value << 4 | static_cast<uint32_t>(digit);
    ++at_;
  }
  return value;
}

void JsonCursor::append_escape(std::string& out) {
  if (at_ >= text_.size()) refuse("unexpected end");
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  const char c = text_[at_++];
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    return;
  }
  if (c != 'u') refuse_at(at_ - 1, "unknown escape");
  uint32_t point = hex4();
  if (point >= 0xDC00 && point < 0xE000) refuse("lone surrogate");
  if (point >= 0xD800 && point < 0xDC00) {
    if (text_.substr(at_, 2) != "\\u") refuse("lone surrogate");
    at_ += 2;
    const uint32_t low = hex4();
    if (low < 0xDC00 || low >= 0xE000) refuse("lone surrogate");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6), put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12), put(0x80 | (point >> 6 & 0x3F)), put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18), put(0x80 | (point >> 12 & 0x3F)), put(0x80 | (point >> 6 & 0x3F)),
        put(0x80 | (point & 0x3F));
  }
}

bool JsonCursor::boolean() {
  if (peek() == 't') return word("true"), true;
  word("false");
  return false;
}

void JsonCursor::null() { word("null"); }

bool JsonCursor::digits() {
  const size_t begin = at_;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
  return at_ > begin;
}

JsonCursor::Number JsonCursor::number() {
  const char first = peek();
  const size_t begin = at_;
  Number found{.integral = true};
  const auto next_is = [&](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (first == 'N') {
    word("NaN");
    return {text_.substr(begin, at_ - begin), false, false};
  }
  if (first == '-') ++at_;
  if (next_is('I')) {
    word("Infinity");
    return {text_.substr(begin, at_ - begin), false, false};
  }
  const size_t integer = at_;
  if (!digits()) refuse(at_ >= text_.size() ? "unexpected end" : "expected a value");
  if (text_[integer] == '0' && at_ - integer > 1) refuse_at(integer, "a number starts with a superfluous 0");
  if (next_is('.')) {
    ++at_;
    found.integral = false;
    if (!digits()) refuse("expected a digit");
  }
  if (next_is('e') || next_is('E')) {
    ++at_;
    found.integral = false;
    if (next_is('+') || next_is('-')) ++at_;
    if (!digits()) refuse("expected a digit");
  }
  found.text = text_.substr(begin, at_ - begin);
  return found;
}

void JsonCursor::skip() {
  switch (peek()) {
    case '{': return object([&](const std::string&) { skip(); });
    case '[': return array([&] { skip(); });
    case '"': string(); return;
    case 't':
    case 'f': boolean(); return;
    case 'n': return null();
    default: {
      const size_t begin = at_;
      if (!number().finite) refuse_at(begin, "NaN is only allowed in floating-point data");
    }
  }
}

void JsonCursor::end() {
  if (peek() != '\0' || at_ < text_.size()) refuse("unexpected text after the value");
}

}  // namespace fettle::api::infer
