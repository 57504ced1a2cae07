// Reads HTTP/1.x requests from bytes (RFC 9112), strictly: what two readers could understand differently is refused.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace fettle::http {

struct HeadLimits {
  size_t bytes = 64 << 10;  // request line and headers
  size_t fields = 200;      // header lines
};

// A request that cannot be answered by its handler; the connection closes after it.
struct ProtocolError {
  int status = 400;
  std::string message;
};

// What the head says about the body and the connection.
struct Framing {
  bool chunked = false;
  std::optional<uint64_t> content_length;
  bool keep_alive = true;
  bool expect_continue = false;
  bool http_1_0 = false;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct HeadResult {
  enum class State { incomplete, complete, bad } state = State::incomplete;
  size_t consumed = 0;  // bytes of the head, when complete
  ProtocolError error = {};
};

// Fills method, target, path, query and headers of `request` when `bytes` start with a whole head. `scanned` remembers
// between calls how far the end was searched for; start with 0 for each request.
HeadResult parse_head(std::string_view bytes, const HeadLimits& limits, size_t& scanned, Request& request,
                      Framing& framing);

// Takes the body out of the bytes that follow a head. Trailer fields are dropped.
class BodyDecoder {
 public:
  BodyDecoder() = default;
  BodyDecoder(const Framing& framing, size_t line_limit_bytes);

  // Consumes a prefix of `bytes` and appends body bytes to `out`; returns how much was consumed. Consumes nothing after
  // the end.
  size_t feed(std::string_view bytes, std::string& out);
  bool done() const { return state_ == State::done; }
  const std::optional<ProtocolError>& error() const { return error_; }

 private:
  enum class State { length, chunk_size, chunk_data, chunk_end, trailer, done };
  size_t feed_line(std::string_view bytes);
  void on_chunk_size();
  void bad(std::string message);

  State state_ = State::done;
  uint64_t left_ = 0;
  size_t line_limit_ = 0;
  size_t trailer_bytes_ = 0;
  std::string line_;
  std::optional<ProtocolError> error_;
};

}  // namespace fettle::http
