// Identities (design.md 4). A run is 32 random hex digits; everything else is a 26-character, time-ordered id in
// Crockford's base 32 (48 bits of milliseconds, then 80 bits), so that text order is creation order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle {

// 32 lower-case hex digits from the kernel's random source. Thread-safe.
std::string new_run_id();

// `01J…`: 26 characters; ids made by one process are strictly increasing. Thread-safe.
std::string new_id(int64_t now_ms);

// What a prediction id carries in its 80 bits below the time, so that a label finds its endpoint, revision and time
// without a scan: 20 bits endpoint ordinal, 20 bits revision ordinal, 40 bits sequence (random start per process).
struct PredictionIdParts {
  int64_t time_ms = 0;
  uint32_t endpoint = 0;  // < 2^20
  uint32_t revision = 0;  // < 2^20
  uint64_t sequence = 0;  // < 2^40
};
std::string format_prediction_id(const PredictionIdParts& parts);

// The parts of a prediction id without its `/row` suffix; nothing if it is not 26 characters of the alphabet.
std::optional<PredictionIdParts> parse_prediction_id(std::string_view id);

// True for 26 characters of the alphabet whose time fits 48 bits.
bool is_id(std::string_view text);
// The creation time of an id made by new_id or format_prediction_id. Undefined for other text.
int64_t id_time_ms(std::string_view id);

// `n` bytes from the kernel's random source.
std::string random_bytes(size_t n);

}  // namespace fettle
