// How this surface's route table is written: each RPC once, served under /api and /ajax-api.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/mlflow/message.h"
#include "http/router.h"

namespace fettle::api::mlflow {

inline constexpr size_t kBodyLimitBytes = size_t{16} << 20;

// The JSON of the answer; "" is {}.
using Rpc = std::function<std::string(const Message& in, const http::Request& request)>;

class Table {
 public:
  // `path` below `/{api,ajax-api}/2.0/mlflow`.
  void read(std::string_view method, std::string_view path, Rpc rpc) {
    add(method, path, http::Permission::read, std::move(rpc));
  }
  void write(std::string_view method, std::string_view path, Rpc rpc) {
    add(method, path, http::Permission::write, std::move(rpc));
  }
  // Only under `/ajax-api/2.0/mlflow`.
  void read_ajax(std::string_view method, std::string_view path, Rpc rpc);
  // A handler of its own, under `prefix` + `path` for both prefixes: `/{api,ajax-api}` + path.
  void raw(std::string_view method, std::string_view path, http::Permission permission, http::Handler handler,
           http::Body body = http::Body::whole, size_t limit_bytes = kBodyLimitBytes);
  // One path as it stands.
  void one(http::Route route);
  std::vector<http::Route> take() { return std::move(routes_); }

 private:
  void add(std::string_view method, std::string_view path, http::Permission permission, Rpc rpc);
  std::vector<http::Route> routes_;
};

}  // namespace fettle::api::mlflow
