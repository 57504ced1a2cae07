// Errors as an MLflow client types them (spec/mlflow.md 2.4, 10).
#pragma once

#include "http/message.h"

namespace fettle::api::mlflow {

// {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "…"}; 401 and 403 are text. Never SQL, never a server's fault in
// detail.
http::Response error_answer(const Error& error, const http::Request& request);
// {"detail": "…"}: where the reference server answers below its own error layer.
http::Response detail_answer(int status, std::string_view detail);
// A path that is no endpoint: HTML, which clients read as ENDPOINT_NOT_FOUND and fall back. For
// Router::add_error_surface.
http::Response unknown_route_answer(const Error& error, const http::Request& request);

}  // namespace fettle::api::mlflow
