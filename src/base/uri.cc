#include "base/uri.h"

#include "base/bytes.h"
#include "base/text.h"

namespace fettle {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      auto byte = from_hex(text.substr(i + 1, 2));
      if (!byte) return std::nullopt;
      out += *byte;
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view also_keep) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == '~' || also_keep.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (query.empty()) return pairs;
  for (std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    size_t equals = part.find('=');
    std::string_view key = part.substr(0, equals);
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    pairs.emplace_back(percent_decode(key, true).value_or(std::string(key)),
                       percent_decode(value, true).value_or(std::string(value)));
  }
  return pairs;
}

std::optional<Uri> parse_uri(std::string_view text) {
  size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Uri uri;
  uri.scheme = to_lower(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 3);
  size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    uri.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos) uri.path = rest.substr(slash);
  std::string_view authority = rest.substr(0, slash);
  if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view user = authority.substr(0, at);
    authority = authority.substr(at + 1);
    size_t separator = user.find(':');
    uri.user = percent_decode(user.substr(0, separator)).value_or("");
    if (separator != std::string_view::npos) uri.password = percent_decode(user.substr(separator + 1)).value_or("");
  }
  bool bracketed = authority.starts_with('[');
  size_t host_end = bracketed ? authority.find(']') : authority.rfind(':');
  if (bracketed) {
    if (host_end == std::string_view::npos) return std::nullopt;
    uri.host = authority.substr(1, host_end - 1);
    authority = authority.substr(host_end + 1);
    if (!authority.empty() && authority.front() != ':') return std::nullopt;
    host_end = authority.find(':');
  } else {
    uri.host = authority.substr(0, host_end);
  }
  if (host_end != std::string_view::npos) {
    auto port = parse_int(authority.substr(host_end + 1));
    if (!port || *port < 0 || *port > 65535) return std::nullopt;
    uri.port = static_cast<int>(*port);
  }
  return uri;
}

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
  if (path.find('\\') != std::string_view::npos) return false;
  std::string lowered = to_lower(path);
  for (std::string_view escape : {"%2e", "%2f", "%5c", "%00"}) {
    if (lowered.find(escape) != std::string::npos) return false;
  }
  for (std::string_view part : split(path, '/')) {
    if (part == "." || part == ".." || part.empty()) return false;
  }
  return true;
}

}  // namespace fettle
