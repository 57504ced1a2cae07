// The JSON details of the registry's audit events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::registry {

std::string alias_detail(std::optional<int64_t> from, int64_t to, std::string_view reason);
std::string stage_detail(std::string_view stage);
std::string rename_detail(std::string_view from);

}  // namespace fettle::registry
