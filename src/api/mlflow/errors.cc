#include "api/mlflow/errors.h"

#include "json/json.h"

namespace fettle::api::mlflow {
namespace {

struct Mapping {
  Code code;
  int status;
  std::string_view name;
};
constexpr Mapping kMappings[] = {
    {Code::invalid_argument, 400, "INVALID_PARAMETER_VALUE"},
    {Code::not_found, 404, "RESOURCE_DOES_NOT_EXIST"},
    {Code::already_exists, 400, "RESOURCE_ALREADY_EXISTS"},
    // 500 in the reference server, which clients retry for minutes.
    {Code::failed_precondition, 400, "INVALID_STATE"},
    {Code::aborted, 409, "ABORTED"},
    {Code::permission_denied, 403, "PERMISSION_DENIED"},
    {Code::unauthenticated, 401, "UNAUTHENTICATED"},
    {Code::resource_exhausted, 429, "RESOURCE_EXHAUSTED"},
    {Code::unavailable, 503, "TEMPORARILY_UNAVAILABLE"},
    {Code::deadline_exceeded, 504, "DEADLINE_EXCEEDED"},
    {Code::unimplemented, 501, "NOT_IMPLEMENTED"},
    {Code::data_loss, 500, "DATA_LOSS"},
    {Code::internal, 500, "INTERNAL_ERROR"},
};

const Mapping& mapping_of(Code code) {
  for (const auto& mapping : kMappings) {
    if (mapping.code == code) return mapping;
  }
  return kMappings[std::size(kMappings) - 1];
}

// What the database says of itself is for the log.
std::string public_message(const Error& error, const http::Request& request) {
  if (error.code == Code::internal) return fmt::format("internal error: quote request id {}", request.request_id);
  if (!error.message.starts_with("database:")) return error.message;
  switch (error.code) {
    case Code::resource_exhausted:
      return "the server's disk or write queue is full, nothing was stored: try again later";
    case Code::already_exists:
    case Code::failed_precondition:
      return "the object was changed by another request at the same moment: read it again";
    default: return fmt::format("the server's database is not available: quote request id {}", request.request_id);
  }
}

}  // namespace

http::Response error_answer(const Error& error, const http::Request& request) {
  const Mapping& mapping = mapping_of(error.code);
  if (error.code == Code::unauthenticated) {
    auto answer = http::Response::text(401, "You are not authenticated.");
    answer.headers.set("WWW-Authenticate", "Basic realm=\"mlflow\"");
    return answer;
  }
  if (error.code == Code::permission_denied) return http::Response::text(403, "Permission denied");
  std::string body;
  json::Writer out(body);
  out.begin_object()
      .key("error_code")
      .string(mapping.name)
      .key("message")
      .string(public_message(error, request))
      .end_object();
  return http::Response::json(std::move(body), mapping.status);
}

http::Response detail_answer(int status, std::string_view detail) {
  std::string body;
  json::Writer(body).begin_object().key("detail").string(detail).end_object();
  return http::Response::json(std::move(body), status);
}

http::Response unknown_route_answer(const Error& error, const http::Request& request) {
  if (error.code != Code::not_found && error.code != Code::invalid_argument) return error_answer(error, request);
  constexpr std::string_view kPage =
      "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No such endpoint.</p>\n";
  return http::Response::text(404, std::string(kPage), "text/html; charset=utf-8");
}

}  // namespace fettle::api::mlflow
