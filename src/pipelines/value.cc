#include "pipelines/value.h"

#include <optional>
#include <string_view>

namespace fettle::pipelines {
namespace {

std::optional<double> as_number(const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value.held)) return *flag ? 1.0 : 0.0;
  if (const int64_t* whole = std::get_if<int64_t>(&value.held)) return static_cast<double>(*whole);
  if (const double* real = std::get_if<double>(&value.held)) return *real;
  return std::nullopt;
}

bool equal_maps(const Value::Map& a, const Value::Map& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const Value* other = find_param(b, key);
    if (other == nullptr || !equal_as_python(value, *other)) return false;
  }
  return true;
}

}  // namespace

const Value* find_param(const Params& params, std::string_view key) {
  for (const auto& [name, value] : params) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool equal_as_python(const Value& a, const Value& b) {
  const auto* whole_a = std::get_if<int64_t>(&a.held);
  const auto* whole_b = std::get_if<int64_t>(&b.held);
  if (whole_a != nullptr && whole_b != nullptr) return *whole_a == *whole_b;
  std::optional<double> x = as_number(a);
  std::optional<double> y = as_number(b);
  if (x || y) return x && y && *x == *y;
  if (a.held.index() != b.held.index()) return false;
  if (const auto* text = std::get_if<std::string>(&a.held)) return *text == std::get<std::string>(b.held);
  if (const auto* map = std::get_if<Value::Map>(&a.held)) return equal_maps(*map, std::get<Value::Map>(b.held));
  if (const auto* list = std::get_if<Value::List>(&a.held)) {
    const auto& other = std::get<Value::List>(b.held);
    if (list->size() != other.size()) return false;
    for (size_t i = 0; i < list->size(); ++i) {
      if (!equal_as_python((*list)[i], other[i])) return false;
    }
  }
  return true;
}

}  // namespace fettle::pipelines
