// Limits and forms of names and values (spec/mlflow.md 2.5). Pure; texts are the reference server's where clients match
// on them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::tracking {

inline constexpr size_t kKeyLimit = 250;           // characters of a metric, param or tag key
inline constexpr size_t kParamValueLimit = 6000;   // longer ones are cut
inline constexpr size_t kRunTagValueLimit = 8000;  // longer ones are cut
inline constexpr size_t kExperimentNameLimit = 500;
inline constexpr size_t kExperimentTagValueLimit = 20'000;
inline constexpr size_t kBatchMetricLimit = 1000;
inline constexpr size_t kBatchParamLimit = 100;
inline constexpr size_t kBatchTagLimit = 100;
inline constexpr size_t kBatchTotalLimit = 1000;

// Throws invalid_argument unless `key` may name a metric, param or tag. `kind` is "Param key" and so on; `path` where
// it stood in the request ("name", "metrics[3].name").
void check_key(std::string_view key, std::string_view kind, std::string_view path = "name");

// Characters (not bytes) of UTF-8.
size_t utf8_length(std::string_view text);
// Cut at a character boundary.
std::string truncate_utf8(std::string_view text, size_t characters);

// "silent-otter-412": at most 20 characters.
std::string random_run_name();

// 400 `Invalid experiment name: …` and the length limit.
void check_experiment_name(std::string_view name);
// The form of an artifact root that a client may ask for (spec/mlflow.md 2.5, 4.4).
void check_artifact_location(std::string_view location);
// A logged model's name: not empty, none of / : . % " '.
void check_logged_model_name(std::string_view name);

// Removes "." and doubled slashes from an artifact path. Throws invalid_argument `Invalid path` for anything that may
// leave the root, however often it is percent-encoded, and for NUL and backslash (spec/mlflow.md 4.2). "" stays "".
std::string normal_artifact_path(std::string_view path);

}  // namespace fettle::tracking
