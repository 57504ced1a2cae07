// gzip and deflate of bodies, with a bound on what comes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace fettle::http {

enum class Coding { identity, gzip, deflate };

// Of a Content-Encoding; nothing when it is another one (br, zstd, two of them): 415.
std::optional<Coding> parse_coding(std::string_view content_encoding);

// True when an Accept-Encoding takes gzip with a non-zero weight.
bool accepts_gzip(std::string_view accept_encoding);
// Text, JSON, XML, JavaScript, SVG, WebAssembly: worth compressing.
bool is_compressible(std::string_view content_type);

// gzip at level 1: for answers made on the fly, where the network is seldom slower.
std::string gzip(std::string_view bytes);

// Decompresses piece by piece. Deflate is read with and without a zlib header, as clients disagree (RFC 9110 8.4.1.2).
class Inflater {
 public:
  Inflater(Coding coding, size_t limit_bytes);
  ~Inflater();
  // Appends what `bytes` yield to `out`. Throws invalid_argument for damaged data, BodyTooLarge when all of the output
  // exceeds the limit.
  void feed(std::string_view bytes, std::string& out);
  // Throws invalid_argument when the data ended early.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Compresses a body of unknown length; each piece can be read when it arrives.
BodySource gzip_source(BodySource source);

}  // namespace fettle::http
