#include "http/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "json/json.h"

namespace fettle::http {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr auto kReasons = std::to_array<Reason>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
});

constexpr auto kStatuses = [] {
  std::array<int, kReasons.size()> statuses{};
  for (size_t i = 0; i < kReasons.size(); ++i) statuses[i] = kReasons[i].status;
  return statuses;
}();
static_assert(std::is_sorted(kStatuses.begin(), kStatuses.end()));

}  // namespace

std::span<const int> known_statuses() { return kStatuses; }

size_t status_index(int status) {
  auto at = std::lower_bound(kStatuses.begin(), kStatuses.end(), status);
  bool found = at != kStatuses.end() && *at == status;
  return found ? static_cast<size_t>(at - kStatuses.begin()) : kStatuses.size();
}

std::string_view reason_of(int status) {
  size_t index = status_index(status);
  return index < kReasons.size() ? kReasons[index].text : std::string_view{};
}

Response default_error(const Error& error, const Request& request) {
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
  return Response::json(std::move(body), status_of(error.code));
}

Response error_response(ErrorMapper mapper, const Error& error, const Request& request, int status) {
  Response response;
  try {
    response = mapper != nullptr ? mapper(error, request) : default_error(error, request);
  } catch (...) {
    log_error("an error mapper threw", {{"request_id", request.request_id}, {"path", request.path}});
    response = default_error(error, request);
  }
  if (status != 0) response.status = status;
  if ((response.status == 429 || response.status == 503) && response.headers.find("retry-after") == nullptr) {
    response.headers.add("retry-after", "1");
  }
  return response;
}

BodyTooLarge::BodyTooLarge(size_t limit_bytes)
    : Failure(Error{Code::invalid_argument,
                    fmt::format("the body is larger than the limit of this path, {} bytes", limit_bytes)}) {}

Response response_from_current_exception(ErrorMapper mapper, const Request& request) {
  try {
    throw;
  } catch (const BodyTooLarge& failure) {
    return error_response(mapper, failure.error(), request, 413);
  } catch (const Failure& failure) {
    if (failure.code() == Code::internal || failure.code() == Code::data_loss) {
      log_error("a request failed", {{"path", request.path}, {"error", failure.what()}});
    }
    return error_response(mapper, failure.error(), request);
  } catch (...) {
    Error error = error_from_current_exception();
    log_error("a request failed by an unexpected exception", {{"path", request.path}, {"error", error.message}});
    Error shown{Code::internal,
                "internal error",
                {},
                fmt::format("the server's log has the cause beside request id '{}'", request.request_id)};
    return error_response(mapper, shown, request);
  }
}

}  // namespace fettle::http
