#include "registry/detail_file.h"
#include "json/json.h"

namespace fettle::registry {

std::string alias_detail(std::optional<int64_t> from, int64_t to, std::string_view reason) {
  json::Object detail;
  detail["from"] = from ? json::Value(*from) : json::Value(nullptr);
  detail["to"] = to;
  if (!reason.empty()) detail["reason"] = reason;
  return json::format(detail);
}

std::string stage_detail(std::string_view stage) { return json::format(json::Object{{"stage", stage}}); }

std::string rename_detail(std::string_view from) { return json::format(json::Object{{"from", from}}); }

}  // namespace fettle::registry
