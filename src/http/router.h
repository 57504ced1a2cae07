// Routes as a table: method, path template, required permission, where the handler runs, handler.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/message.h"

namespace fettle::http {

enum class Permission { open, read, write, admin };

using Handler = std::function<Response(Request&)>;
using AsyncHandler = std::function<void(Request, Responder)>;
using EventHandler = std::function<void(Request, std::shared_ptr<EventStream>)>;

// Where a Handler runs. inline_: on the event loop, for bounded CPU without I/O. pool: on a bounded worker pool; for
// SQL, blobs, processes. An AsyncHandler always runs on the event loop and must not block; an EventHandler always on
// the pool. The authoriser runs on the same thread.
enum class Run { inline_, pool };
enum class Body { whole, stream };

// Turns what a handler threw into this surface's error document (MLflow's, OIP's, our own differ).
// `request` may have been taken by its handler: only its method, path and request_id are sure to be there.
using ErrorMapper = Response (*)(const Error& error, const Request& request);

struct Route {
  std::string method;  // "GET"…; GET also answers HEAD
  // "/api/2.0/mlflow/runs/get", "/v2/models/{name}/infer", "/api/2.0/mlflow-artifacts/artifacts/{path*}" (`*`: the
  // rest, may hold '/'). A part may have text around its parameter: "/v1/models/{name}:predict". Static parts win over
  // those, those over plain parameters.
  std::string path;
  Permission permission = Permission::admin;
  std::variant<Handler, AsyncHandler, EventHandler> handler;
  Run run = Run::pool;
  Body body = Body::whole;
  size_t body_limit_bytes = size_t{64} << 20;
  ErrorMapper on_error = nullptr;  // nullptr: the default document {"error":{"code","message",…}}
};

class Router {
 public:
  // Throws already_exists when method and path are there.
  void add(Route route);
  void add(std::vector<Route> routes);
  // An error mapper for paths under `prefix` that match no route (404/405 in the surface's own shape).
  void add_error_surface(std::string prefix, ErrorMapper mapper);

  struct Match {
    const Route* route = nullptr;  // nullptr: not found
    bool path_exists = false;      // with another method: 405
    std::string allow;             // for 405
    bool malformed = false;        // an escape that does not decode, or a NUL: 400
    std::vector<std::pair<std::string, std::string>> params;
  };
  // The path is split at '/' and each part is decoded once, so that "%2f" stays within a parameter. One trailing slash
  // is ignored where no route names it; empty parts ("//") and dot parts match nothing but parameters.
  Match match(std::string_view method, std::string_view path) const;
  ErrorMapper error_mapper(std::string_view path) const;
  // In order of addition, for `fettle server routes` and the OpenAPI test.
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  struct Node;
  std::vector<std::unique_ptr<Route>> routes_;
  std::shared_ptr<Node> root_;
  std::vector<std::pair<std::string, ErrorMapper>> surfaces_;
};

}  // namespace fettle::http
