#include "cli/api_client.h"

#include <cstdio>
#include <cstdlib>

namespace fettle::cli {
namespace {

Code code_of(const std::string& name, int status) {
  for (int i = 0; i < kCodeCount; ++i) {
    if (code_name(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  }
  switch (status) {
    case 400: return Code::invalid_argument;
    case 401: return Code::unauthenticated;
    case 403: return Code::permission_denied;
    case 404: return Code::not_found;
    case 409: return Code::failed_precondition;
    case 429:
    case 503: return Code::unavailable;
    case 501: return Code::unimplemented;
    default: return Code::internal;
  }
}

[[noreturn]] void fail_with(const http::ClientResponse& response) {
  Error error{code_of("", response.status), fmt::format("the server answered {}", response.status)};
  try {
    json::Value document = json::parse(response.body);
    const json::Value& inner = document.as_object().at("error");
    if (inner.is_string()) {
      error.message = inner.get_string();
    } else {
      json::Problems problems;
      json::Reader in(inner, problems);
      error.code = code_of(in.string_or("code", ""), response.status);
      error.message = in.string_or("message", error.message);
      error.fix = in.string_or("fix", "");
      in.each("details", [&](json::Reader& detail) {
        error.details.push_back({detail.string_or("path", ""), detail.string_or("message", "")});
      });
    }
  } catch (const std::exception&) {
    if (!response.body.empty() && response.body.size() < 500) error.message += ": " + response.body;
  }
  fail(std::move(error));
}

}  // namespace

int exit_code_of(Code code) {
  switch (code) {
    case Code::invalid_argument: return kUsage;
    case Code::not_found: return kNotFound;
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::aborted: return kConflict;
    case Code::permission_denied:
    case Code::unauthenticated: return kNotPermitted;
    case Code::unavailable:
    case Code::resource_exhausted:
    case Code::deadline_exceeded: return kUnreachable;
    case Code::unimplemented:
    case Code::data_loss: return kFailed;
    case Code::internal: break;
  }
  return kBug;
}

std::string find_server(const std::string& option) {
  auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::string url = option;
  if (url.empty()) url = environment("FETTLE_URL");
  if (std::string tracking = environment("MLFLOW_TRACKING_URI"); url.empty() && tracking.starts_with("http"))
    url = tracking;
  if (url.empty()) url = "http://127.0.0.1:5000";
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string ApiClient::text(const std::string& method, const std::string& path, const std::string& body) {
  bool own = !path.starts_with("/api") && !path.starts_with("/ajax-api") && !path.starts_with("/v2") &&
             !path.starts_with("/metrics") && !path.starts_with("/health") && !path.starts_with("/version");
  http::ClientRequest request{.method = method, .url = server_ + (own ? "/api/fettle/v1" : "") + path};
  request.body = body;
  if (!body.empty()) request.headers.emplace_back("content-type", "application/json");
  request.timeout_ms = 600'000;
  if (verbosity_ > 0) std::fprintf(stderr, "> %s %s\n", method.c_str(), request.url.c_str());
  auto response = client_.send(request);
  if (!response) {
    Error error = response.error();
    if (error.code == Code::unavailable) {
      error.message = fmt::format("no server answers at {}", server_);
      error.fix = "start one with `fettle server`, or name it with --server or FETTLE_URL";
    }
    fail(std::move(error));
  }
  if (verbosity_ > 0) std::fprintf(stderr, "< %d, %zu bytes\n", response->status, response->body.size());
  if (response->status >= 400) fail_with(*response);
  return response->body;
}

json::Value ApiClient::get(const std::string& path) { return json::parse(text("GET", path), {.allow_nan = true}); }
json::Value ApiClient::post(const std::string& path, const json::Value& body) {
  return json::parse(text("POST", path, json::format(body)), {.allow_nan = true});
}
json::Value ApiClient::remove(const std::string& path) { return json::parse(text("DELETE", path)); }

}  // namespace fettle::cli
