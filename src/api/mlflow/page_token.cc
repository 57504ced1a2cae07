#include "api/mlflow/page_token.h"

#include "base/bytes.h"

namespace fettle::api::mlflow {
namespace {

std::optional<SortValue> sort_value(const json::Value& value) {
  if (value.is_null()) return std::monostate{};
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) return value.get_double();
  if (value.is_string()) return std::string(value.get_string());
  return std::nullopt;
}

std::optional<Cursor> cursor_of(const json::Value& document) {
  const json::Object* object = document.if_object();
  const json::Value* after = object == nullptr ? nullptr : object->if_contains("after");
  if (after == nullptr || !after->is_array() || after->get_array().empty()) return std::nullopt;
  Cursor cursor;
  for (const auto& item : after->get_array()) {
    auto value = sort_value(item);
    if (!value) return std::nullopt;
    cursor.push_back(std::move(*value));
  }
  return cursor;
}

}  // namespace

std::string format_page_token(const Cursor& cursor) {
  json::Array after;
  for (const auto& value : cursor) {
    if (auto* integer = std::get_if<int64_t>(&value)) {
      after.emplace_back(*integer);
    } else if (auto* real = std::get_if<double>(&value)) {
      after.emplace_back(*real);
    } else if (auto* text = std::get_if<std::string>(&value)) {
      after.emplace_back(*text);
    } else {
      after.emplace_back(nullptr);
    }
  }
  return to_base64(json::format(json::Object{{"after", std::move(after)}}));
}

Cursor parse_page_token(const std::string& token) {
  auto decoded = from_base64(token);
  if (!decoded) fail(Code::invalid_argument, "Invalid page token, could not base64-decode");
  json::Value document;
  try {
    document = json::parse(*decoded);
  } catch (const Failure&) {
    fail(Code::invalid_argument, "Invalid page token, decoded value={}", json::preview(json::Value(to_hex(*decoded))));
  }
  auto cursor = cursor_of(document);
  if (!cursor) fail(Code::invalid_argument, "Invalid page token, parsed value={}", json::preview(document));
  return std::move(*cursor);
}

std::optional<Cursor> read_page_token(const Message& in) {
  std::string token = in.string_or("page_token");
  if (token.empty()) return std::nullopt;
  return parse_page_token(token);
}

}  // namespace fettle::api::mlflow
