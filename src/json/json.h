// JSON values, text and checked reading. The value type is Boost.JSON's (it tells int64, uint64 and double apart and
// keeps key order).
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

struct ParseLimits {
  size_t max_depth = 64;
  bool allow_nan = false;  // accept the bare words NaN, Infinity, -Infinity, as Python's json writes them
};

// invalid_argument with the byte offset when it is not exactly one JSON value.
Value parse(std::string_view text, ParseLimits limits = {});

enum class NonFinite {
  quoted,  // "NaN", "Infinity", "-Infinity": our own JSON, and MLflow's
  bare,    // NaN, Infinity: what Python's json writes and reads
  null,
};
struct FormatOptions {
  int indent = 0;       // spaces a level; 0: one line with no spaces
  bool spaced = false;  // one line, with ", " and ": " as Python's json.dumps
  NonFinite non_finite = NonFinite::quoted;
};
// Doubles in their shortest form that reads back equal.
std::string format(const Value& value, FormatOptions options = {});

// A JSON string literal with its quotes.
void append_quoted(std::string& out, std::string_view text);

// Appends JSON to a string without building values; for answers with many elements. Commas are its own business.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& integer(int64_t number);
  Writer& number(double number, NonFinite non_finite = NonFinite::quoted);
  Writer& boolean(bool value);
  Writer& null();
  Writer& raw(std::string_view json);  // already JSON
  Writer& value(const Value& value);

 private:
  void separate();
  std::string& out_;
  bool comma_ = false;
};

class Problems;

// Reads an object field by field and collects every problem with its path (`metrics[3].value: expected a number, got
// "abc"`). Getters return a neutral value after a problem; call Problems::check() before using what was read.
//   json::Problems problems;
//   json::Reader in(document, problems);
//   auto name = in.string("name"); auto limit = in.integer_or("limit", 100);
//   in.refuse_unknown(); problems.check();
class Reader {
 public:
  Reader(const Value& value, Problems& problems, std::string path = "");

  bool has(std::string_view key) const;  // present and not null
  std::string string(std::string_view key);
  std::string string_or(std::string_view key, std::string fallback);
  std::optional<std::string> find_string(std::string_view key);
  int64_t integer(std::string_view key);
  int64_t integer_or(std::string_view key, int64_t fallback);
  double number(std::string_view key);  // accepts "NaN", "Infinity", "-Infinity"
  double number_or(std::string_view key, double fallback);
  bool boolean_or(std::string_view key, bool fallback);
  std::vector<std::string> strings_or(std::string_view key, std::vector<std::string> fallback);

  // Calls `body` with a reader for each object of the array, in order. An absent key is an empty array.
  void each(std::string_view key, const std::function<void(Reader&)>& body);
  // A reader for the object at `key`; of an empty object when absent (a problem if `required`).
  Reader object(std::string_view key, bool required = false);
  // The value itself, or nullptr.
  const Value* find(std::string_view key);

  // Adds a problem at this reader's path plus `.key`.
  void problem(std::string_view key, std::string message);
  // A problem for each key that no getter asked for, with the nearest spelling. For our own documents only.
  void refuse_unknown();
  const Object& fields() const { return *object_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_of(std::string_view key) const;
  const Object* object_;
  Problems* problems_;
  std::string path_;
  std::vector<std::string> asked_;
};

class Problems {
 public:
  void add(std::string path, std::string message);
  bool empty() const { return details_.empty(); }
  const std::vector<Detail>& details() const { return details_; }
  // Throws invalid_argument with all problems as details; the message is the first one, plus "(and N more)".
  void check() const;

 private:
  std::vector<Detail> details_;
};

// One line that shows a value in an error, cut at 60 bytes.
std::string preview(const Value& value);

}  // namespace fettle::json
