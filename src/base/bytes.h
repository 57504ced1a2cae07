// Text forms of bytes, and little-endian access. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace fettle {

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);
// RFC 4648 section 4, with padding; decoding refuses anything else.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

template <class T>
  requires std::is_arithmetic_v<T>
T load_le(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
  requires std::is_arithmetic_v<T>
void append_le(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// LEB128, 7 bits a byte, and the zig-zag mapping of signed values onto it.
void append_varint(std::string& out, uint64_t value);
// Advances `in`; nothing if it ends early or is longer than 10 bytes.
std::optional<uint64_t> read_varint(std::string_view& in);
constexpr uint64_t zigzag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
constexpr int64_t unzigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

}  // namespace fettle
