// Bytes on their way to the client, and the head of a response.
#pragma once

#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace fettle::http {

// A queue of bytes that keeps small ones together and large ones unmoved. Not thread-safe.
class OutBuffer {
 public:
  // A string to append small pieces to.
  std::string& tail();
  void append(std::string_view bytes);
  void append(std::string&& bytes);
  size_t size() const;
  bool empty() const { return size() == 0; }
  // The first bytes for a gathering write; how many of `vectors` are filled.
  size_t fill(std::span<iovec> vectors);
  void consume(size_t bytes);
  void clear();

 private:
  std::vector<std::string> chunks_;
  size_t first_ = 0;   // chunk
  size_t offset_ = 0;  // into it
};

enum class BodyKind { none, length, chunked, until_close };

struct HeadFacts {
  BodyKind body = BodyKind::length;
  uint64_t length = 0;
  bool close = false;
  bool http_1_0 = false;
  std::string_view date;  // "Sun, 06 Nov 1994 08:49:37 GMT"
  std::string_view request_id;
};

// Status line and headers with the empty line. The server's own framing headers replace the handler's; line breaks in
// values become spaces.
void append_head(std::string& out, const Response& response, const HeadFacts& facts);
// "1a2b\r\n" … "\r\n"; an empty piece would end the body and is skipped.
void append_chunk(OutBuffer& out, std::string&& piece);
// IMF-fixdate (RFC 9110 5.6.7).
std::string http_date(int64_t now_ms);

}  // namespace fettle::http
