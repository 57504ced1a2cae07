#include <cmath>
#include <limits>

#include "base/text.h"
#include "json/json.h"

namespace fettle::json {
namespace {

const Object& empty_object() {
  static const Object empty;
  return empty;
}

std::optional<int64_t> as_integer(const Value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64() && value.get_uint64() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return static_cast<int64_t>(value.get_uint64());
  }
  if (value.is_double()) {
    double number = value.get_double();
    if (std::trunc(number) == number && std::fabs(number) < 9.0e15) return static_cast<int64_t>(number);
  }
  return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
  // A number beyond the range of doubles parses as infinity: only its name means that.
  if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_string()) {
    std::string_view text = value.get_string();
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") return parse_double(text);
  }
  return std::nullopt;
}

}  // namespace

void Problems::add(std::string path, std::string message) { details_.push_back({std::move(path), std::move(message)}); }

void Problems::check() const {
  if (details_.empty()) return;
  const Detail& first = details_.front();
  std::string message = first.path.empty() ? first.message : fmt::format("{}: {}", first.path, first.message);
  if (details_.size() > 1) message += fmt::format(" (and {} more)", details_.size() - 1);
  fail(Error{Code::invalid_argument, message, details_});
}

Reader::Reader(const Value& value, Problems& problems, std::string path)
    : object_(value.if_object()), problems_(&problems), path_(std::move(path)) {
  if (object_ == nullptr) {
    problems_->add(path_, fmt::format("expected an object, got {}", preview(value)));
    object_ = &empty_object();
  }
}

std::string Reader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Value* Reader::find(std::string_view key) {
  asked_.emplace_back(key);
  const Value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool Reader::has(std::string_view key) const {
  const Value* value = object_->if_contains(key);
  return value != nullptr && !value->is_null();
}

void Reader::problem(std::string_view key, std::string message) { problems_->add(path_of(key), std::move(message)); }

std::optional<std::string> Reader::find_string(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::string(value->get_string());
  problem(key, fmt::format("expected a string, got {}", preview(*value)));
  return std::nullopt;
}

std::string Reader::string(std::string_view key) {
  if (!has(key)) problem(key, "is required");
  return find_string(key).value_or("");
}

std::string Reader::string_or(std::string_view key, std::string fallback) {
  return find_string(key).value_or(std::move(fallback));
}

int64_t Reader::integer(std::string_view key) {
  if (!has(key)) problem(key, "is required");
  return integer_or(key, 0);
}

int64_t Reader::integer_or(std::string_view key, int64_t fallback) {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (auto number = as_integer(*value)) return *number;
  problem(key, fmt::format("expected an integer, got {}", preview(*value)));
  return fallback;
}

double Reader::number(std::string_view key) {
  if (!has(key)) problem(key, "is required");
  return number_or(key, 0);
}

double Reader::number_or(std::string_view key, double fallback) {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (auto number = as_number(*value)) return *number;
  problem(key, fmt::format("expected a number, got {}", preview(*value)));
  return fallback;
}

bool Reader::boolean_or(std::string_view key, bool fallback) {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_bool()) return value->get_bool();
  problem(key, fmt::format("expected true or false, got {}", preview(*value)));
  return fallback;
}

std::vector<std::string> Reader::strings_or(std::string_view key, std::vector<std::string> fallback) {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_array()) {
    problem(key, fmt::format("expected an array of strings, got {}", preview(*value)));
    return fallback;
  }
  std::vector<std::string> strings;
  for (const Value& item : value->get_array()) {
    if (!item.is_string()) {
      problem(fmt::format("{}[{}]", key, strings.size()), fmt::format("expected a string, got {}", preview(item)));
      return fallback;
    }
    strings.emplace_back(item.get_string());
  }
  return strings;
}

void Reader::each(std::string_view key, const std::function<void(Reader&)>& body) {
  const Value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) {
    problem(key, fmt::format("expected an array, got {}", preview(*value)));
    return;
  }
  size_t index = 0;
  for (const Value& item : value->get_array()) {
    Reader reader(item, *problems_, fmt::format("{}[{}]", path_of(key), index++));
    if (item.is_object()) body(reader);
  }
}

Reader Reader::object(std::string_view key, bool required) {
  static const Value empty = Object{};
  const Value* value = find(key);
  if (value == nullptr && required) problem(key, "is required");
  return Reader(value == nullptr ? empty : *value, *problems_, path_of(key));
}

void Reader::refuse_unknown() {
  for (const auto& field : *object_) {
    if (std::find(asked_.begin(), asked_.end(), field.key()) != asked_.end()) continue;
    auto close = nearest(field.key(), asked_);
    problem(field.key(), close ? fmt::format("unknown field, did you mean '{}'?", *close) : "unknown field");
  }
}

}  // namespace fettle::json
