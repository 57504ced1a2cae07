#include "gateway/routing.h"

#include <string>

#include "base/hash.h"

namespace fettle::gateway {

int32_t bucket_of(std::string_view salt, std::string_view experiment, std::string_view key) {
  constexpr char kSeparator = '\x1F';
  constexpr size_t kOnStack = 512;
  size_t size = salt.size() + experiment.size() + key.size() + 2;
  char buffer[kOnStack];
  std::string large;
  char* to = buffer;
  if (size > kOnStack) {
    large.resize(size);
    to = large.data();
  }
  char* at = to;
  at += salt.copy(at, salt.size());
  *at++ = kSeparator;
  at += experiment.copy(at, experiment.size());
  *at++ = kSeparator;
  key.copy(at, key.size());
  return static_cast<int32_t>(hash64({to, size}) % static_cast<uint64_t>(kWeightTotal));
}

}  // namespace fettle::gateway
