#include "api/mlflow/table.h"

#include "api/mlflow/errors.h"

namespace fettle::api::mlflow {
namespace {

http::Handler handler_of(Rpc rpc) {
  return [rpc = std::move(rpc)](http::Request& request) {
    std::string body = rpc(Message::of(request), request);
    return http::Response::json(body.empty() ? "{}" : std::move(body));
  };
}

http::Route route_of(std::string_view method, std::string path, http::Permission permission, http::Handler handler) {
  return {.method = std::string(method),
          .path = std::move(path),
          .permission = permission,
          .handler = std::move(handler),
          .body_limit_bytes = kBodyLimitBytes,
          .on_error = error_answer};
}

}  // namespace

void Table::add(std::string_view method, std::string_view path, http::Permission permission, Rpc rpc) {
  http::Handler handler = handler_of(std::move(rpc));
  for (std::string_view prefix : {"/api/2.0/mlflow", "/ajax-api/2.0/mlflow"}) {
    routes_.push_back(route_of(method, fmt::format("{}{}", prefix, path), permission, handler));
  }
}

void Table::read_ajax(std::string_view method, std::string_view path, Rpc rpc) {
  routes_.push_back(route_of(method, fmt::format("/ajax-api/2.0/mlflow{}", path), http::Permission::read,
                             handler_of(std::move(rpc))));
}

void Table::raw(std::string_view method, std::string_view path, http::Permission permission, http::Handler handler,
                http::Body body, size_t limit_bytes) {
  for (std::string_view prefix : {"/api", "/ajax-api"}) {
    auto route = route_of(method, fmt::format("{}{}", prefix, path), permission, handler);
    route.body = body;
    route.body_limit_bytes = limit_bytes;
    routes_.push_back(std::move(route));
  }
}

void Table::one(http::Route route) {
  if (route.on_error == nullptr) route.on_error = error_answer;
  routes_.push_back(std::move(route));
}

}  // namespace fettle::api::mlflow
