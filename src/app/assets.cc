#include "app/assets.h"

#include <algorithm>

#include "base/hash.h"

namespace fettle::app {
namespace {

constexpr std::pair<std::string_view, std::string_view> kTypes[] = {{".html", "text/html; charset=utf-8"},
                                                                    {".js", "text/javascript; charset=utf-8"},
                                                                    {".css", "text/css; charset=utf-8"},
                                                                    {".svg", "image/svg+xml"},
                                                                    {".json", "application/json"},
                                                                    {".woff2", "font/woff2"},
                                                                    {".png", "image/png"},
                                                                    {".ico", "image/x-icon"},
                                                                    {".map", "application/json"},
                                                                    {".txt", "text/plain; charset=utf-8"}};

std::string_view type_of(std::string_view path) {
  for (const auto& [suffix, type] : kTypes) {
    if (path.ends_with(suffix)) return type;
  }
  return "application/octet-stream";
}

const Asset* find(std::string_view path) {
  auto all = assets();
  auto found = std::find_if(all.begin(), all.end(), [&](const Asset& asset) { return asset.path == path; });
  return found == all.end() ? nullptr : &*found;
}

http::Response serve(const Asset& asset, const http::Request& request) {
  std::string tag = fmt::format("\"{:016x}\"", hash64(asset.content));
  http::Response response;
  bool hashed = asset.path.starts_with("assets/");  // the bundler puts a content hash into these names
  response.headers.set("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.set("etag", tag);
  if (request.headers.get("if-none-match") == tag) {
    response.status = 304;
    return response;
  }
  response.headers.set("content-type", type_of(asset.path));
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("x-frame-options", "SAMEORIGIN");
  response.headers.set("referrer-policy", "same-origin");
  response.body = asset.content;
  return response;
}

http::Response page(http::Request& request) {
  std::string path(request.param("path"));
  if (const Asset* asset = find(path)) return serve(*asset, request);
  const Asset* shell = find("index.html");
  bool is_file =
      path.starts_with("assets/") || (path.find('.') != std::string::npos && path.find('/') == std::string::npos);
  if (shell == nullptr || is_file) {
    if (shell == nullptr) return http::Response::text(404, "this build has no web UI: build it with `make`\n");
    return http::Response::text(404, "no such file\n");
  }
  return serve(*shell, request);
}

http::Response root(http::Request& request) {
  if (request.headers.get("accept").find("text/html") == std::string_view::npos)
    return http::Response::json(R"({"status":"alive"})");
  http::Response response;
  response.status = 302;
  response.headers.set("location", "/ui/");
  return response;
}

http::Response to_ui(http::Request&) {
  http::Response response;
  response.status = 302;
  response.headers.set("location", "/ui/");
  return response;
}

}  // namespace

std::vector<http::Route> ui_routes() {
  using enum http::Permission;
  return {
      {.method = "GET", .path = "/", .permission = open, .handler = http::Handler(root), .run = http::Run::inline_},
      {.method = "GET", .path = "/ui", .permission = open, .handler = http::Handler(to_ui), .run = http::Run::inline_},
      {.method = "GET",
       .path = "/ui/{path*}",
       .permission = open,
       .handler = http::Handler(page),
       .run = http::Run::inline_}};
}

}  // namespace fettle::app
