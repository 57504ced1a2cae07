// The server as the own verbs see it: JSON in, JSON out, errors with the exit codes of docs/cli.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/client.h"
#include "json/json.h"

namespace fettle::cli {

// 0 … 255, see docs/cli.md.
enum ExitCode {
  kDone = 0,
  kFailed = 1,
  kNeedsYou = 2,
  kInconclusive = 3,
  kNotPermitted = 4,
  kUnreachable = 5,
  kNotFound = 6,
  kConflict = 7,
  kConfiguration = 251,
  kUsage = 254,
  kBug = 255,
};
int exit_code_of(Code code);

class ApiClient {
 public:
  // `server` without a trailing '/'.
  explicit ApiClient(std::string server, int verbosity = 0) : server_(std::move(server)), verbosity_(verbosity) {}
  const std::string& server() const { return server_; }

  // `path` below /api/fettle/v1 unless it begins with "/api" or "/v2" or another surface of the server; Failure with
  // the server's own error.
  json::Value get(const std::string& path);
  json::Value post(const std::string& path, const json::Value& body);
  json::Value remove(const std::string& path);
  // The answer's body as text, with the status checked.
  std::string text(const std::string& method, const std::string& path, const std::string& body = "");

 private:
  std::string server_;
  int verbosity_;
  http::Client client_;
};

// `--server`, else FETTLE_URL, else MLFLOW_TRACKING_URI if http(s), else http://127.0.0.1:5000.
std::string find_server(const std::string& option);

}  // namespace fettle::cli
