// Pages of listings: `limit` and an opaque `page_token` (docs/rest.md 1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace fettle::api {

struct PageLimits {
  int64_t fallback = 100;
  int64_t max = 1000;
};

struct Page {
  int64_t limit = 0;
  std::string after;  // what the last page ended with; "" for the first one
};

// From the query's `limit` and `page_token`. `scope` names the listing with its filters and ordering: a token of
// another one is refused, since its position would mean nothing here. Throws invalid_argument.
Page read_page(const http::Request& request, std::string_view scope, PageLimits limits = {});

// The token of the page after `after`: URL-safe text.
std::string make_page_token(std::string_view scope, std::string_view after);
// The position in a token of this scope; nothing if it is not one.
std::optional<std::string> read_page_token(std::string_view scope, std::string_view token);

}  // namespace fettle::api
