#include <fmt/format.h>

#include <algorithm>

#include "json/json.h"
#include "platform/document.h"

namespace fettle::platform {
namespace {

json::Value sorted(const json::Value& value) {
  if (value.is_array()) {
    json::Array array;
    for (const auto& item : value.get_array()) array.push_back(sorted(item));
    return array;
  }
  if (!value.is_object()) return value;
  std::vector<std::string> keys;
  for (const auto& item : value.get_object()) keys.emplace_back(item.key());
  std::sort(keys.begin(), keys.end());
  json::Object object;
  for (const auto& key : keys) object[key] = sorted(value.get_object().at(key));
  return object;
}

std::string element_key(const json::Value& item, size_t index) {
  if (item.is_object()) {
    const json::Value* name = item.get_object().if_contains("name");
    if (name != nullptr && name->is_string()) return std::string(name->get_string());
  }
  return std::to_string(index);
}

void flatten_into(const json::Value& value, const std::string& path, Fields& fields) {
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& item : value.get_object())
      flatten_into(item.value(), fmt::format("{}.{}", path, std::string_view(item.key())), fields);
  } else if (value.is_array() && !value.get_array().empty()) {
    size_t index = 0;
    for (const auto& item : value.get_array()) {
      flatten_into(item, fmt::format("{}[{}]", path, element_key(item, index)), fields);
      ++index;
    }
  } else {
    fields[path] = json::format(value);
  }
}

}  // namespace

std::string canonical_spec(std::string_view text) {
  json::Value value = json::parse(text);
  if (!value.is_object()) fail(Code::invalid_argument, "spec: expected an object, got {}", json::preview(value));
  return json::format(sorted(value));
}

Fields flatten(std::string_view spec) {
  Fields fields;
  json::Value value = json::parse(spec);
  if (value.is_object() && value.get_object().empty()) return fields;
  flatten_into(value, "spec", fields);
  return fields;
}

std::string format_changes(const std::vector<FieldChange>& changes) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const auto& change : changes) {
    writer.begin_object().key("path").string(change.path).key("from");
    change.from.empty() ? writer.null() : writer.raw(change.from);
    writer.key("to");
    change.to.empty() ? writer.null() : writer.raw(change.to);
    writer.end_object();
  }
  writer.end_array();
  return out;
}

}  // namespace fettle::platform
