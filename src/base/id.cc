#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

#include "base/bytes.h"
#include "base/error.h"

namespace fettle {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Bits128 {
  uint64_t high = 0;  // 48 bits of time, 16 bits
  uint64_t low = 0;   // 64 bits
};

std::string encode(Bits128 bits) {
  std::string text(26, '0');
  for (int i = 25; i >= 0; --i) {
    text[static_cast<size_t>(i)] = kAlphabet[bits.low & 31];
    bits.low = (bits.low >> 5) | (bits.high << 59);
    bits.high >>= 5;
  }
  return text;
}

int digit(char c) {
  auto at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::optional<Bits128> decode(std::string_view text) {
  if (text.size() != 26 || text[0] > '7') return std::nullopt;
  Bits128 bits;
  for (char c : text) {
    int d = digit(c);
    if (d < 0) return std::nullopt;
    bits.high = (bits.high << 5) | (bits.low >> 59);
    bits.low = (bits.low << 5) | static_cast<uint64_t>(d);
  }
  return bits;
}

}  // namespace

std::string random_bytes(size_t n) {
  std::string bytes(n, '\0');
  size_t done = 0;
  while (done < n) {
    ssize_t got = getrandom(bytes.data() + done, n - done, 0);
    FETTLE_CHECK(got > 0, "the kernel's random source does not answer");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

std::string new_run_id() { return to_hex(random_bytes(16)); }

std::string new_id(int64_t now_ms) {
  static std::mutex mutex;
  static Bits128 last;
  std::string random = random_bytes(10);
  Bits128 next;
  uint16_t top = 0;
  std::memcpy(&top, random.data(), 2);
  std::memcpy(&next.low, random.data() + 2, 8);
  next.high = (static_cast<uint64_t>(now_ms) << 16) | top;
  std::lock_guard lock(mutex);
  bool increasing = next.high > last.high || (next.high == last.high && next.low > last.low);
  if (!increasing) {
    next = last;
    if (++next.low == 0) ++next.high;
  }
  last = next;
  return encode(next);
}

std::string format_prediction_id(const PredictionIdParts& parts) {
  Bits128 bits;
  uint64_t endpoint = parts.endpoint & 0xFFFFF;
  uint64_t revision = parts.revision & 0xFFFFF;
  bits.high = (static_cast<uint64_t>(parts.time_ms) << 16) | (endpoint >> 4);
  bits.low = (endpoint << 60) | (revision << 40) | (parts.sequence & 0xFF'FFFF'FFFF);
  return encode(bits);
}

std::optional<PredictionIdParts> parse_prediction_id(std::string_view id) {
  auto bits = decode(id);
  if (!bits) return std::nullopt;
  PredictionIdParts parts;
  parts.time_ms = static_cast<int64_t>(bits->high >> 16);
  parts.endpoint = static_cast<uint32_t>(((bits->high & 0xFFFF) << 4) | (bits->low >> 60));
  parts.revision = static_cast<uint32_t>((bits->low >> 40) & 0xFFFFF);
  parts.sequence = bits->low & 0xFF'FFFF'FFFF;
  return parts;
}

bool is_id(std::string_view text) { return decode(text).has_value(); }

int64_t id_time_ms(std::string_view id) {
  auto bits = decode(id);
  return bits ? static_cast<int64_t>(bits->high >> 16) : 0;
}

}  // namespace fettle
