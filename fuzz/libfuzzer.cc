// libFuzzer's entry, for the target named when it is built.
#include <cstddef>
#include <cstdint>

#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fettle::fuzz::FETTLE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
