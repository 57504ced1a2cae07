// The Open Inference Protocol over HTTP, version 2, with Triton's model repository, configuration, statistics and
// binary tensor extensions.
#pragma once

#include <vector>

#include "api/infer/inference.h"
#include "http/message.h"
#include "http/router.h"

namespace fettle::api::infer {

struct HttpLimits {
  size_t body_bytes = size_t{64} << 20;  // of one inference request, after inflation
};

// `inference` must outlive the routes. Errors have the protocol's shape: {"error", "code", "request_id"},
// application/json.
std::vector<http::Route> routes(Inference& inference, HttpLimits limits = {});

// The protocol's error document; also for unknown paths under /v2 (Router::add_error_surface("/v2", …)).
http::Response protocol_error(const Error& error, const http::Request& request);

}  // namespace fettle::api::infer
