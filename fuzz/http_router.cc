#include "http/router.h"

#include "base/text.h"
#include "target.h"

namespace fettle::fuzz {
namespace {

http::Router make_router() {
  http::Router router;
  for (std::string_view path :
       {"/", "/health", "/v2/models/{name}", "/v2/models/{name}/versions/{version}/infer", "/v2/models/stats",
        "/v1/models/{name}:predict", "/artifacts/{path*}", "/api/fettle/v1/resources/{kind}/{name}"}) {
    router.add({.method = "GET", .path = std::string(path), .handler = http::Handler([](http::Request&) {
                                                              return http::Response{};
                                                            })});
  }
  return router;
}

}  // namespace

// A path that matches binds each parameter of its template, once decoded; nothing that has a NUL matches.
void http_router(std::string_view bytes) {
  static const http::Router router = make_router();
  auto match = router.match("GET", bytes);
  auto other = router.match("DELETE", bytes);
  FETTLE_CHECK(other.route == nullptr, "a method that no route has");
  FETTLE_CHECK(other.path_exists == (match.route != nullptr), "405 exactly where another method answers");
  if (match.malformed) FETTLE_CHECK(match.route == nullptr, "a malformed path has no route");
  if (match.route == nullptr) return;
  size_t wanted = 0;
  for (char c : match.route->path) wanted += c == '{';
  FETTLE_CHECK(match.params.size() == wanted, "each parameter of the template is bound");
  for (const auto& [name, value] : match.params) {
    FETTLE_CHECK(match.route->path.find("{" + name) != std::string::npos,
                 "a parameter that the template does not have");
    FETTLE_CHECK(value.find('\0') == std::string::npos, "a NUL in a parameter");
  }
}

}  // namespace fettle::fuzz
