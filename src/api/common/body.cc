#include "api/common/body.h"

#include "base/text.h"

namespace fettle::api {

bool is_json_type(std::string_view content_type) {
  std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type.empty() || type == "application/json" || type == "text/json" || type.ends_with("+json");
}

json::Value read_json(const http::Request& request, BodyOptions options) {
  std::string_view type = request.headers.get("content-type");
  if (!is_json_type(type)) {
    fail(Error{Code::invalid_argument,
               fmt::format("content-type '{}' is not application/json", type),
               {},
               "send 'content-type: application/json' (curl: -H 'content-type: application/json' or --json)"});
  }
  if (trim(request.body).empty()) {
    if (options.empty == EmptyBody::object) return json::Object{};
    fail(Code::invalid_argument, "the body is empty; expected a JSON document");
  }
  return json::parse(request.body, options.limits);
}

json::Object read_json_object(const http::Request& request, BodyOptions options) {
  json::Value value = read_json(request, options);
  if (!value.is_object()) fail(Code::invalid_argument, "the body is {}; expected a JSON object", json::preview(value));
  return std::move(value.get_object());
}

}  // namespace fettle::api
