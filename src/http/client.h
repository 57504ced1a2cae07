// HTTP client over libcurl: connection reuse, deadlines, streaming. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace fettle::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  int64_t timeout_ms = 30'000;  // whole exchange
  int64_t connect_timeout_ms = 5'000;
  size_t response_limit_bytes = size_t{64} << 20;
  bool follow_redirects = false;
  // Receives the body piece by piece instead of ClientResponse::body (only for a 2xx). Return false to stop.
  std::function<bool(std::string_view)> on_body = {};
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
};

class Client {
 public:
  Client();
  ~Client();
  // Any status is a value. Errors: unavailable (no connection, broken off), deadline_exceeded, resource_exhausted (too
  // large), invalid_argument (URL).
  Outcome<ClientResponse> send(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::http
