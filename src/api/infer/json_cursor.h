// A pull parser over one JSON text, for bodies whose bulk is numbers: values go straight to where they belong, and
// every error names its byte. Accepts what the Open Inference Protocol's clients send: NaN and Infinity as bare words,
// where the reader asks for numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::api::infer {

// All members throw invalid_argument `invalid json at byte N: …` for text that is not JSON. Not thread-safe.
class JsonCursor {
 public:
  // `text` must outlive the cursor. Nesting beyond `max_depth` is refused.
  explicit JsonCursor(std::string_view text, int max_depth = 64) : text_(text), depth_left_(max_depth) {}

  // Calls `on_key(key)` for each member, standing at its value, which it must consume. A key that comes twice is
  // refused.
  template <class OnKey>
  void object(OnKey on_key) {
    enter('{', "an object");
    std::vector<std::string> seen;
    for (bool more = !take('}'); more; more = next_member('}')) {
      std::string key = string();
      if (!take(':')) refuse("expected ':'");
      for (const std::string& other : seen) {
        if (other == key) refuse("duplicate key");
      }
      on_key(key);
      if (seen.size() == kKeyLimit) refuse("too many keys");
      seen.push_back(std::move(key));
    }
    ++depth_left_;
  }

  // Calls `on_value()` for each element, standing at it.
  template <class OnValue>
  void array(OnValue on_value) {
    enter('[', "an array");
    for (bool more = !take(']'); more; more = next_member(']')) on_value();
    ++depth_left_;
  }

  // Calls `on_value()` for each scalar of arrays within arrays, in the order of the text.
  template <class OnValue>
  void flattened(OnValue on_value) {
    if (peek() == '[') {
      array([&] { flattened(on_value); });
    } else {
      on_value();
    }
  }

  // The next character that is not white space, without taking it; 0 at the end.
  char peek();
  std::string string();
  bool boolean();
  void null();
  // The number's own text; `integral` tells whether it has neither fraction nor exponent. The bare words NaN, Infinity
  // and -Infinity count as numbers that are not integral.
  struct Number {
    std::string_view text;
    bool integral = false;
    bool finite = true;
  };
  Number number();
  // Any value, checked but not kept.
  void skip();
  // Refuses anything but white space.
  void end();

  size_t position() const { return at_; }
  void seek(size_t position) { at_ = position; }
  [[noreturn]] void refuse(std::string_view reason) const { refuse_at(at_, reason); }
  [[noreturn]] static void refuse_at(size_t position, std::string_view reason);

 private:
  static constexpr size_t kKeyLimit = 512;

  void enter(char open, std::string_view what);
  bool take(char c);
  // True after a comma, false after `close`.
  bool next_member(char close);
  void word(std::string_view expected);
  void append_escape(std::string& out);
  uint32_t hex4();
  bool digits();

  std::string_view text_;
  size_t at_ = 0;
  int depth_left_;
};

}  // namespace fettle::api::infer
