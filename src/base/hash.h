// Digests. Incremental hashers are not thread-safe; the one-shot functions are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fettle {

enum class HashKind { md5, sha256 };

class Hasher {
 public:
  explicit Hasher(HashKind kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::string_view bytes);
  // Raw digest (16 or 32 bytes). The hasher is used up.
  std::string finish();
  // finish() as lower-case hex.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string md5_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

// XXH3, 64 bits: for tables, sampling and sticky routing; not for identity.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

// Compares without telling by time where the difference is.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace fettle
