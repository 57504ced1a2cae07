#include "api/common/error.h"

#include "json/json.h"

namespace fettle::api {

int rest_status(Code code) { return code == Code::failed_precondition ? 409 : http::status_of(code); }

http::Response rest_error(const Error& error, const http::Request& request) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key("error").begin_object();
  out.key("code").string(code_name(error.code));
  out.key("message").string(error.message);
  out.key("fix").string(error.fix);
  out.key("details").begin_array();
  for (const Detail& detail : error.details) {
    out.begin_object().key("path").string(detail.path).key("message").string(detail.message).end_object();
  }
  out.end_array();
  out.key("request_id").string(request.request_id);
  out.end_object().end_object();
  http::Response response = http::Response::json(std::move(body), rest_status(error.code));
  response.headers.add("cache-control", "no-store");
  return response;
}

}  // namespace fettle::api
