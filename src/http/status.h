// Status codes and the default error document.
#pragma once

#include <span>
#include <string_view>

#include "http/message.h"
#include "http/router.h"

namespace fettle::http {

// "Not Found"; "" for a code that is not in the table.
std::string_view reason_of(int status);
// The codes of the table, ascending.
std::span<const int> known_statuses();
// Index into known_statuses(), or its size.
size_t status_index(int status);

// {"error": {"code", "message", "fix", "details": [{"path", "message"}], "request_id"}} with status_of(error.code).
Response default_error(const Error& error, const Request& request);
// By `mapper`, or the default document when it is null or throws. `status` != 0 overrides the mapped one (405, 408, 413
// have no code of their own). 429 and 503 get `Retry-After: 1` unless they have one.
Response error_response(ErrorMapper mapper, const Error& error, const Request& request, int status = 0);
// The answer to the exception in flight: a Failure as it is, anything else as `internal` without its text, which is
// logged. Called within the request's LogScope.
Response response_from_current_exception(ErrorMapper mapper, const Request& request);

// invalid_argument, and 413 instead of its status.
class BodyTooLarge final : public Failure {
 public:
  explicit BodyTooLarge(size_t limit_bytes);
};

}  // namespace fettle::http
