// The error document of Fettle's own REST (docs/rest.md 1.1).
#pragma once

#include "base/error.h"
#include "http/message.h"

namespace fettle::api {

// {"error": {"code", "message", "fix", "details": [{"path", "message"}], "request_id"}} with the status of
// rest_status(). For Route::on_error and Router::add_error_surface("/api/fettle/", …). Answers are not cached.
http::Response rest_error(const Error& error, const http::Request& request);

// http::status_of, except that a state that does not allow the request is 409, as a client of a REST API expects.
int rest_status(Code code);

}  // namespace fettle::api
