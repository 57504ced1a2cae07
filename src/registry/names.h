// Names of the registry (spec/mlflow.md 2.5, 2.8). Pure; texts are the reference server's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::registry {

inline constexpr size_t kModelNameLimit = 256;
inline constexpr size_t kTagKeyLimit = 250;
inline constexpr size_t kTagValueLimit = 100'000;
inline constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";

// Each throws invalid_argument.
void check_model_name(std::string_view name);
void check_alias(std::string_view alias);
void check_tag(std::string_view key, std::string_view value);
// `Parameter 'version' must be an integer, got 'abc'.`
int64_t parse_version(std::string_view text);
// Any case in, canonical out.
std::string canonical_stage(std::string_view stage);

}  // namespace fettle::registry
