// Which arm answers a request: a sticky hash into 1/10,000 (spec gateway.md 2.1). Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace fettle::gateway {

inline constexpr int32_t kWeightTotal = 10'000;

// XXH3_64(salt ‖ 0x1F ‖ experiment ‖ 0x1F ‖ key) mod 10,000. A published hash with seed 0: the same on every server and
// after every restart.
int32_t bucket_of(std::string_view salt, std::string_view experiment, std::string_view key);

// The candidate owns [0, weight): raising the weight only adds keys to it.
inline bool goes_to_candidate(int32_t bucket, int32_t candidate_weight) { return bucket < candidate_weight; }

}  // namespace fettle::gateway
