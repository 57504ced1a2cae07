#include "api/common/response.h"

namespace fettle::api {

http::Response json_text_response(std::string text, int status) {
  http::Response response = http::Response::json(std::move(text), status);
  response.headers.add("cache-control", "no-store");
  return response;
}

http::Response json_response(const json::Value& value, int status) {
  return json_text_response(json::format(value), status);
}

http::Response no_content() {
  http::Response response;
  response.status = 204;
  return response;
}

}  // namespace fettle::api
