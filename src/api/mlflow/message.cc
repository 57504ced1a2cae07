#include "api/mlflow/message.h"

#include <cmath>

#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

std::string_view type_name(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "NoneType";
    case boost::json::kind::bool_: return "bool";
    case boost::json::kind::int64:
    case boost::json::kind::uint64: return "int";
    case boost::json::kind::double_: return "float";
    case boost::json::kind::string: return "str";
    case boost::json::kind::array: return "list";
    case boost::json::kind::object: return "dict";
  }
  return "object";
}

std::string camel_case(std::string_view name) {
  std::string camel;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_' && i + 1 < name.size()) {
      camel += static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i])));
    } else {
      camel += name[i];
    }
  }
  return camel;
}

void check_content_type(const http::Request& request) {
  if (request.method != "POST" && request.method != "PUT") return;
  std::string_view type = request.headers.get("Content-Type");
  if (iequals(trim(type.substr(0, type.find(';'))), "application/json")) return;
  fail(Code::invalid_argument, "Bad Request. Content-Type must be one of ['application/json'].");
}

json::Object parse_body(std::string_view body) {
  json::Value value;
  try {
    value = json::parse(body);
    // Old R and Java clients send JSON inside a JSON string.
    if (value.is_string()) value = json::parse(value.get_string());
  } catch (const Failure&) {
    return {};
  }
  if (auto* object = value.if_object()) return std::move(*object);
  std::string_view kind = value.is_array()    ? "an array"
                          : value.is_null()   ? "null"
                          : value.is_bool()   ? "a boolean"
                          : value.is_string() ? "a string"
                                              : "a number";
  fail(Code::invalid_argument, "request body must be a JSON object, got {}", kind);
}

json::Object query_fields(const http::Request& request) {
  json::Object fields;
  for (const auto& [key, value] : request.query) {
    if (auto* present = fields.if_contains(key)) {
      if (!present->is_array()) *present = json::Array{*present};
      present->get_array().emplace_back(value);
    } else {
      fields[key] = value;
    }
  }
  return fields;
}

}  // namespace

Message Message::of(const http::Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return Message(query_fields(request));
  check_content_type(request);
  return Message(parse_body(request.body));
}

void Message::fail_missing(std::string_view name) const {
  fail(Code::invalid_argument,
       "Missing value for required parameter '{}'. See the API docs for more information about request parameters.",
       path_of(name));
}

void Message::fail_type(std::string_view name, const json::Value& value) const {
  fail(Code::invalid_argument,
       "Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'. See the API docs for more "
       "information about "
       "request parameters.",
       json::preview(value), path_of(name), type_name(value));
}

const json::Value* Message::find_exact(std::string_view name) const {
  const json::Value* value = fields_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::Value* Message::find(std::string_view name) const {
  const json::Value* snake = find_exact(name);
  if (name.find('_') == std::string_view::npos) return snake;
  std::string other = camel_case(name);
  const json::Value* camel = find_exact(other);
  if (snake != nullptr && camel != nullptr) {
    fail(Code::invalid_argument, "Request specifies both '{}' and '{}'; provide only one of them.", name, other);
  }
  return snake != nullptr ? snake : camel;
}

std::string Message::string(std::string_view name) const {
  find(name);  // refuses two spellings
  const json::Value* value = find_exact(name);
  if (value == nullptr) fail_missing(name);
  if (!value->is_string()) fail_type(name, *value);
  if (value->get_string().empty()) fail_missing(name);
  return std::string(value->get_string());
}

std::optional<std::string> Message::find_string(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail_type(name, *value);
  return std::string(value->get_string());
}

std::string Message::string_or(std::string_view name, std::string fallback) const {
  return find_string(name).value_or(std::move(fallback));
}

int64_t Message::to_integer(std::string_view name, const json::Value& value) const {
  constexpr double kExactLimit = 9007199254740992.0;  // 2^53: doubles beyond it skip integers
  if (value.is_int64()) return value.get_int64();
  std::optional<double> real;
  if (value.is_double()) real = value.get_double();
  if (value.is_string()) {
    if (auto number = parse_int(value.get_string())) return *number;
    real = parse_double(value.get_string());
  }
  if (real && std::trunc(*real) == *real && std::fabs(*real) <= kExactLimit) return static_cast<int64_t>(*real);
  fail_type(name, value);
}

int64_t Message::integer(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) fail_missing(name);
  return to_integer(name, *value);
}

std::optional<int64_t> Message::find_integer(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return std::nullopt;
  return to_integer(name, *value);
}

double Message::number(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) fail_missing(name);
  if (value->is_int64()) return static_cast<double>(value->get_int64());
  if (value->is_uint64()) return static_cast<double>(value->get_uint64());
  if (value->is_double() && std::isfinite(value->get_double())) return value->get_double();
  if (value->is_string()) {
    std::string_view text = value->get_string();
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") return *parse_double(text);
    auto parsed = parse_double(text);
    if (parsed && std::isfinite(*parsed)) return *parsed;
  }
  fail_type(name, *value);
}

bool Message::boolean_or(std::string_view name, bool fallback) const {
  const json::Value* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_bool()) return value->get_bool();
  if (!value->is_string()) fail_type(name, *value);
  std::string_view text = value->get_string();
  if (iequals(text, "true")) return true;
  if (iequals(text, "false")) return false;
  fail(Code::invalid_argument, "Invalid boolean value: {}, must be 'true' or 'false'.", text);
}

std::vector<std::string> Message::strings(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return {};
  std::vector<std::string> found;
  if (value->is_string()) {
    found.emplace_back(value->get_string());  // a query with one value
    return found;
  }
  if (!value->is_array()) fail_type(name, *value);
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) fail_type(fmt::format("{}[{}]", name, found.size()), item);
    found.emplace_back(item.get_string());
  }
  return found;
}

std::vector<Message> Message::messages(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_array()) fail_type(name, *value);
  std::vector<Message> found;
  found.reserve(value->get_array().size());
  for (const auto& item : value->get_array()) {
    std::string path = fmt::format("{}[{}]", path_of(name), found.size());
    if (!item.is_object()) fail_type(path, item);
    found.emplace_back(item.get_object(), path + ".");
  }
  return found;
}

std::optional<Message> Message::find_message(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail_type(name, *value);
  return Message(value->get_object(), path_of(name) + ".");
}

std::string Message::run_id() const {
  if (find_exact("run_id") == nullptr && find_exact("run_uuid") != nullptr) return string("run_uuid");
  return string("run_id");
}

int64_t Message::experiment_id(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) fail_missing(name);
  if (value->is_int64()) return value->get_int64();
  return parse_experiment_id(string(name));
}

int64_t parse_experiment_id(std::string_view text) {
  auto id = parse_int(text);
  if (!id) fail(Code::invalid_argument, "Invalid experiment ID '{}'. Experiment ID must be a valid integer.", text);
  return *id;
}

int64_t read_max_results(const Message& in, int64_t fallback, int64_t limit) {
  int64_t wanted = in.find_integer("max_results").value_or(fallback);
  if (wanted <= 0) {
    fail(Code::invalid_argument, "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer",
         wanted);
  }
  if (wanted > limit) {
    fail(Code::invalid_argument, "Invalid value {} for parameter 'max_results' supplied. It must be at most {}", wanted,
         limit);
  }
  return wanted;
}

}  // namespace fettle::api::mlflow
