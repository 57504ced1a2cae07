#include "http/message.h"

#include <array>

#include "base/text.h"

namespace fettle::http {

void Headers::set(std::string_view name, std::string_view value) {
  std::erase_if(fields_, [&](const auto& field) { return iequals(field.first, name); });
  add(name, value);
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key.size() == name.size() && iequals(key, name)) return &value;
  }
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view{} : std::string_view(*value);
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string> Request::find_query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Response Response::text(int status, std::string body, std::string_view content_type) {
  Response response;
  response.status = status;
  response.headers.add("content-type", content_type);
  response.body = std::move(body);
  return response;
}

Response Response::json(std::string body, int status) { return text(status, std::move(body), "application/json"); }

int status_of(Code code) {
  // In the order of Code.
  static constexpr std::array<int, kCodeCount> kStatus = {400, 404, 409, 412, 409, 403, 401,
                                                          429, 503, 504, 501, 500, 500};
  return kStatus[static_cast<size_t>(code)];
}

}  // namespace fettle::http
