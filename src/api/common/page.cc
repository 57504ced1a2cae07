#include "api/common/page.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"

namespace fettle::api {
namespace {

// RFC 4648 section 5, so that a token needs no escapes in a URL.
void to_url_alphabet(std::string& text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  while (text.ends_with('=')) text.pop_back();
}

std::string from_url_alphabet(std::string_view token) {
  std::string text(token);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string scope_mark(std::string_view scope) {
  std::string mark;
  append_le(mark, static_cast<uint32_t>(hash64(scope)));
  return mark;
}

}  // namespace

std::string make_page_token(std::string_view scope, std::string_view after) {
  std::string token = to_base64(scope_mark(scope) + std::string(after));
  to_url_alphabet(token);
  return token;
}

std::optional<std::string> read_page_token(std::string_view scope, std::string_view token) {
  auto bytes = from_base64(from_url_alphabet(token));
  std::string mark = scope_mark(scope);
  if (!bytes || !bytes->starts_with(mark)) return std::nullopt;
  return bytes->substr(mark.size());
}

Page read_page(const http::Request& request, std::string_view scope, PageLimits limits) {
  Page page{limits.fallback, {}};
  if (auto text = request.find_query("limit")) {
    auto limit = parse_int(*text);
    if (!limit || *limit < 1 || *limit > limits.max) {
      fail(Code::invalid_argument, "limit '{}' is not a number from 1 to {}", *text, limits.max);
    }
    page.limit = *limit;
  }
  auto token = request.find_query("page_token");
  if (!token || token->empty()) return page;
  auto after = read_page_token(scope, *token);
  if (!after)
    fail(Error{Code::invalid_argument,
               "page_token '" + *token + "' is not of this listing",
               {},
               "pass next_page_token as it was given, with the same filters and order"});
  page.after = std::move(*after);
  return page;
}

}  // namespace fettle::api
