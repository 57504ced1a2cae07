#include "api/fettle/route.h"

#include "base/text.h"

namespace fettle::api {

http::Route rest_route(std::string_view method, std::string_view path, http::Handler handler) {
  http::Route route;
  route.method = method;
  route.path = "/api/fettle/v1" + std::string(path);
  route.permission = method == "GET" ? http::Permission::read : http::Permission::write;
  route.handler = std::move(handler);
  route.body_limit_bytes = size_t{16} << 20;
  route.on_error = rest_error;
  return route;
}

ListPage read_list_page(const http::Request& request) {
  ListPage page;
  if (auto limit = query_integer(request, "limit")) {
    if (*limit < 1 || *limit > 1000) fail(Code::invalid_argument, "limit={}: expected 1 to 1000", *limit);
    page.limit = *limit;
  }
  page.before = query_or_empty(request, "page");
  return page;
}

http::Response list_response(json::Array items, const ListPage& page, const std::string& last_id, int64_t total) {
  json::Object answer;
  bool full = static_cast<int64_t>(items.size()) >= page.limit;
  answer["total"] = total >= 0 ? total : static_cast<int64_t>(items.size());
  answer["next"] = full && !last_id.empty() ? json::Value(last_id) : json::Value();
  answer["items"] = std::move(items);
  return json_response(answer);
}

std::string query_or_empty(const http::Request& request, std::string_view name) {
  return request.find_query(name).value_or("");
}

std::optional<int64_t> query_integer(const http::Request& request, std::string_view name) {
  auto text = request.find_query(name);
  if (!text) return std::nullopt;
  auto number = parse_int(*text);
  if (!number) fail(Code::invalid_argument, "{}={}: expected an integer", name, *text);
  return number;
}

std::string author_of(const http::Request& request, json::Reader& body) {
  std::string by = body.string_or("by", "api");
  if (!request.principal.empty()) return request.principal;
  if (by.empty() || by.size() > 128) body.problem("by", "expected 1 to 128 characters");
  return by;
}

json::Value optional_json(const std::optional<int64_t>& value) { return value ? json::Value(*value) : json::Value(); }
json::Value optional_json(const std::optional<int>& value) { return value ? json::Value(*value) : json::Value(); }
json::Value optional_json(const std::optional<double>& value) { return value ? json::Value(*value) : json::Value(); }
json::Value text_or_null(const std::string& text) { return text.empty() ? json::Value() : json::Value(text); }

}  // namespace fettle::api
