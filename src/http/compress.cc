#include "http/compress.h"

#include <zlib.h>

#include <array>

#include "base/text.h"
#include "http/status.h"

namespace fettle::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 16 asks for gzip's header
constexpr int kRawWindow = -15;

class Deflater {
 public:
  Deflater() {
    FETTLE_CHECK(deflateInit2(&stream_, 1, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                 "zlib has no memory");
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string run(std::string_view bytes, int flush) {
    std::string out;
    // zlib's type has no const; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      size_t at = out.size();
      size_t room = std::max<size_t>(bytes.size() / 4 + 128, 4096);
      out.resize(at + room);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + at);
      stream_.avail_out = static_cast<uInt>(room);
      deflate(&stream_, flush);
      out.resize(at + room - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return out;
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::optional<Coding> parse_coding(std::string_view content_encoding) {
  content_encoding = trim(content_encoding);
  if (content_encoding.empty() || iequals(content_encoding, "identity")) return Coding::identity;
  if (iequals(content_encoding, "gzip") || iequals(content_encoding, "x-gzip")) return Coding::gzip;
  if (iequals(content_encoding, "deflate")) return Coding::deflate;
  return std::nullopt;
}

bool accepts_gzip(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return false;
  for (std::string_view part : split(accept_encoding, ',')) {
    part = trim(part);
    std::string_view coding = trim(part.substr(0, part.find(';')));
    if (!iequals(coding, "gzip") && coding != "*") continue;
    size_t q = part.find("q=");
    return q == std::string_view::npos || parse_double(trim(part.substr(q + 2))).value_or(0) > 0;
  }
  return false;
}

bool is_compressible(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  if (content_type == "text/event-stream") return false;
  for (std::string_view kind : {"json", "javascript", "xml", "yaml", "wasm", "openmetrics-text"}) {
    if (content_type.find(kind) != std::string_view::npos) return true;
  }
  return content_type.starts_with("text/");
}

std::string gzip(std::string_view bytes) { return Deflater().run(bytes, Z_FINISH); }

BodySource gzip_source(BodySource source) {
  struct State {
    BodySource source;
    Deflater deflater;
    bool finished = false;
  };
  auto state = std::make_shared<State>();
  state->source = std::move(source);
  return [state]() -> std::string {
    if (state->finished) return {};
    std::string piece = state->source();
    state->finished = piece.empty();
    return state->deflater.run(piece, state->finished ? Z_FINISH : Z_SYNC_FLUSH);
  };
}

struct Inflater::State {
  z_stream stream{};
  Coding coding = Coding::gzip;
  size_t limit = 0;
  size_t left = 0;
  bool ended = false;
  bool started = false;
};

Inflater::Inflater(Coding coding, size_t limit_bytes) : state_(std::make_unique<State>()) {
  state_->coding = coding;
  state_->limit = state_->left = limit_bytes;
  int window = coding == Coding::gzip ? kGzipWindow : 15;
  FETTLE_CHECK(inflateInit2(&state_->stream, window) == Z_OK, "zlib has no memory");
}

Inflater::~Inflater() { inflateEnd(&state_->stream); }

void Inflater::feed(std::string_view bytes, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  // A zlib header's first byte has 8 in its low half and its two bytes are a multiple of 31; anything else is a bare
  // deflate stream.
  if (!state_->started && state_->coding == Coding::deflate && !bytes.empty()) {
    if ((bytes[0] & 0x0f) != 8) inflateReset2(&stream, kRawWindow);
  }
  state_->started = state_->started || !bytes.empty();
  std::array<char, 1 << 16> buffer;
  bool full = false;
  while (stream.avail_in > 0 || full) {
    if (state_->ended) {
      // gzip files may be concatenated.
      if (state_->coding != Coding::gzip || inflateReset(&stream) != Z_OK)
        fail(Code::invalid_argument, "there are bytes after the end of the compressed body");
      state_->ended = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    int result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail(Code::invalid_argument, "the compressed body is damaged: {}",
           stream.msg == nullptr ? "unexpected data" : stream.msg);
    }
    size_t made = buffer.size() - stream.avail_out;
    if (made > state_->left) throw BodyTooLarge(state_->limit);
    state_->left -= made;
    out.append(buffer.data(), made);
    state_->ended = result == Z_STREAM_END;
    full = stream.avail_out == 0 && !state_->ended;
    if (result == Z_BUF_ERROR && made == 0) break;
  }
}

void Inflater::finish() {
  if (!state_->ended) fail(Code::invalid_argument, "the compressed body ends early");
}

}  // namespace fettle::http
