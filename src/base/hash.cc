#include "base/hash.h"

#define XXH_INLINE_ALL
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/error.h"

namespace fettle {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashKind kind) : state_(std::make_unique<State>()) {
  const EVP_MD* md = kind == HashKind::md5 ? EVP_md5() : EVP_sha256();
  FETTLE_CHECK(EVP_DigestInit_ex(state_->context, md, nullptr) == 1, "OpenSSL has no such digest");
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string Hasher::finish() {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return digest;
}

std::string Hasher::finish_hex() { return to_hex(finish()); }

std::string md5_hex(std::string_view bytes) {
  Hasher hasher(HashKind::md5);
  hasher.update(bytes);
  return hasher.finish_hex();
}

std::string sha256_hex(std::string_view bytes) {
  Hasher hasher(HashKind::sha256);
  hasher.update(bytes);
  return hasher.finish_hex();
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string mac(32, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), reinterpret_cast<unsigned char*>(mac.data()), &size);
  return mac;
}

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace fettle
