#include "pipelines/value_file.h"

#include <algorithm>
#include <cmath>

#include "data/python_text.h"
#include "yaml/scalar.h"

namespace fettle::pipelines {
namespace {

void append(std::string& out, const json::Value& value);

void append_object(std::string& out, const json::Object& object) {
  std::vector<const json::Object::value_type*> sorted;
  for (const auto& entry : object) sorted.push_back(&entry);
  // By code points, which is the order of UTF-8 bytes.
  std::sort(sorted.begin(), sorted.end(),
            [](auto* a, auto* b) { return std::string_view(a->key()) < std::string_view(b->key()); });
  out += '{';
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) out += ", ";
    data::append_ascii_json(out, sorted[i]->key());
    out += ": ";
    append(out, sorted[i]->value());
  }
  out += '}';
}

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    out += yaml::format_float(value);
  }
}

void append(std::string& out, const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: out += "null"; break;
    case boost::json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
    case boost::json::kind::int64: out += std::to_string(value.get_int64()); break;
    case boost::json::kind::uint64: out += std::to_string(value.get_uint64()); break;
    case boost::json::kind::double_: append_double(out, value.get_double()); break;
    case boost::json::kind::string: data::append_ascii_json(out, value.get_string()); break;
    case boost::json::kind::object: append_object(out, value.get_object()); break;
    case boost::json::kind::array: {
      out += '[';
      for (size_t i = 0; i < value.get_array().size(); ++i) {
        if (i > 0) out += ", ";
        append(out, value.get_array()[i]);
      }
      out += ']';
    }
  }
}

}  // namespace

Value from_json(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return {};
    case boost::json::kind::bool_: return {value.get_bool()};
    case boost::json::kind::int64: return {value.get_int64()};
    case boost::json::kind::uint64: return {static_cast<double>(value.get_uint64())};
    case boost::json::kind::double_: return {value.get_double()};
    case boost::json::kind::string: return {std::string(value.get_string())};
    case boost::json::kind::array: {
      Value::List list;
      for (const json::Value& item : value.get_array()) list.push_back(from_json(item));
      return {std::move(list)};
    }
    case boost::json::kind::object: break;
  }
  Value::Map map;
  for (const auto& [key, item] : value.get_object()) map.emplace_back(std::string(key), from_json(item));
  return {std::move(map)};
}

json::Value to_json(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.held)) return *flag;
  if (const auto* whole = std::get_if<int64_t>(&value.held)) return *whole;
  if (const auto* real = std::get_if<double>(&value.held)) return *real;
  if (const auto* text = std::get_if<std::string>(&value.held)) return json::Value(*text);
  if (const auto* list = std::get_if<Value::List>(&value.held)) {
    json::Array out;
    for (const Value& item : *list) out.push_back(to_json(item));
    return out;
  }
  if (const auto* map = std::get_if<Value::Map>(&value.held)) {
    json::Object out;
    for (const auto& [key, item] : *map) out[key] = to_json(item);
    return out;
  }
  return nullptr;
}

std::string python_json(const json::Value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace fettle::pipelines
