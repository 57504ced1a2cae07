// Rows of our own REST's route table: paths are relative to /api/fettle/v1, errors are the document of
// docs/rest.md 1.1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/common/body.h"
#include "api/common/error.h"
#include "api/common/response.h"
#include "http/router.h"
#include "json/json.h"

namespace fettle::api {

// Runs on the pool, with the permission that the method implies (GET read, others write).
http::Route rest_route(std::string_view method, std::string_view path, http::Handler handler);

// `limit` and `page` of a list (docs/rest.md 1): `page` is the last id of the page before.
struct ListPage {
  int64_t limit = 100;
  std::string before;  // id; "" for the first page
};
ListPage read_list_page(const http::Request& request);

// {"items": […], "total": …, "next": …}: `next` is `last_id` when the page is full. `total` < 0: the number of items.
http::Response list_response(json::Array items, const ListPage& page, const std::string& last_id, int64_t total = -1);

// "" when absent.
std::string query_or_empty(const http::Request& request, std::string_view name);
// invalid_argument when it is there and no integer.
std::optional<int64_t> query_integer(const http::Request& request, std::string_view name);

// Who writes: the principal, else the body's `by`, else "api".
std::string author_of(const http::Request& request, json::Reader& body);

json::Value optional_json(const std::optional<int64_t>& value);
json::Value optional_json(const std::optional<int>& value);
json::Value optional_json(const std::optional<double>& value);
// null when empty.
json::Value text_or_null(const std::string& text);

}  // namespace fettle::api
