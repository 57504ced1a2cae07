// Percent-encoding and the parts of a URI (RFC 3986). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle {

// Nothing on a malformed escape. `plus_is_space` as in query strings.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Keeps RFC 3986 unreserved characters and those in `also_keep`.
std::string percent_encode(std::string_view text, std::string_view also_keep = "");

// "a=1&b=2&a=3" in order, decoded. Malformed escapes are kept as they stand.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

struct Uri {
  std::string scheme;  // lower case
  std::string user;    // decoded; also the password below
  std::string password;
  std::string host;   // without [] of IPv6
  int port = 0;       // 0: not given
  std::string path;   // as written, with leading '/'
  std::string query;  // as written, without '?'
};
// Nothing unless it has a scheme followed by "://".
std::optional<Uri> parse_uri(std::string_view text);

// A relative path that stays below its root: not empty, no NUL or backslash, no absolute form, no `.` or `..` part,
// decoded once only (a remaining `%2e`, `%2f` or `%5c` is refused too).
bool is_safe_relative_path(std::string_view path);

}  // namespace fettle
