// Segment bytes: "FPL1" + a zstd frame of varints, length-prefixed text and little-endian floats. Columns follow each
// other whole, so that equal neighbours compress.
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/error.h"
#include "monitoring/log_block.h"

namespace fettle::monitoring {
namespace {

constexpr std::string_view kMagic = "FPL1";
constexpr int kLevel = 1;
constexpr size_t kMaxContent = size_t{1} << 31;
constexpr size_t kFirstPiece = size_t{1} << 18;

class Writer {
 public:
  void number(uint64_t v) { append_varint(out_, v); }
  void signed_number(int64_t v) { append_varint(out_, zigzag(v)); }
  void text(std::string_view v) {
    number(v.size());
    out_ += v;
  }
  template <class T>
  void array(const std::vector<T>& values) {
    number(values.size());
    out_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  void texts(const std::vector<std::string>& values) {
    number(values.size());
    for (const auto& v : values) text(v);
  }
  // Neighbours differ little: deltas.
  void times(const std::vector<int64_t>& values) {
    number(values.size());
    int64_t previous = 0;
    for (int64_t v : values) {
      signed_number(v - previous);
      previous = v;
    }
  }
  void categories(const CategoryColumn& column) {
    texts(column.dictionary);
    number(column.codes.size());
    for (uint32_t code : column.codes) number(code);
  }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

[[noreturn]] void damaged(const char* what) {
  fail(Code::data_loss, "a segment of the prediction log is damaged: {}", what);
}

class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  uint64_t number() {
    auto v = read_varint(in_);
    if (!v) damaged("it ends early");
    return *v;
  }
  int64_t signed_number() { return unzigzag(number()); }
  std::string text() { return std::string(take(number())); }
  // A count of elements that take at least `size` bytes each.
  size_t count(size_t size) {
    uint64_t n = number();
    if (n > in_.size() / size) damaged("a length is beyond its end");
    return static_cast<size_t>(n);
  }
  template <class T>
  std::vector<T> array() {
    std::vector<T> values(count(sizeof(T)));
    std::string_view bytes = take(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> values(count(1));
    for (auto& v : values) v = text();
    return values;
  }
  std::vector<int64_t> times() {
    std::vector<int64_t> values(count(1));
    uint64_t previous = 0;  // unsigned: damaged deltas wrap instead of overflowing
    for (auto& v : values) {
      previous += static_cast<uint64_t>(signed_number());
      v = static_cast<int64_t>(previous);
    }
    return values;
  }
  CategoryColumn categories() {
    CategoryColumn column{.dictionary = texts(), .codes = std::vector<uint32_t>(count(1))};
    for (auto& code : column.codes) {
      uint64_t v = number();
      if (v > column.dictionary.size()) damaged("a category is not in its dictionary");
      code = static_cast<uint32_t>(v);
    }
    return column;
  }
  void expect_end() const {
    if (!in_.empty()) damaged("bytes follow its end");
  }

 private:
  std::string_view take(uint64_t n) {
    if (n > in_.size()) damaged("a length is beyond its end");
    std::string_view part = in_.substr(0, n);
    in_.remove_prefix(n);
    return part;
  }
  std::string_view in_;
};

std::string compress(const std::string& content) {
  struct Context {
    ZSTD_CCtx* raw = ZSTD_createCCtx();
    ~Context() { ZSTD_freeCCtx(raw); }
  } context;
  ZSTD_CCtx_setParameter(context.raw, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.raw, ZSTD_c_checksumFlag, 1);
  std::string out(kMagic.size() + ZSTD_compressBound(content.size()), '\0');
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  size_t size = ZSTD_compress2(context.raw, out.data() + kMagic.size(), out.size() - kMagic.size(), content.data(),
                               content.size());
  FETTLE_CHECK(!ZSTD_isError(size), "compressing into a buffer of the promised bound");
  out.resize(kMagic.size() + size);
  return out;
}

std::string decompress(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) damaged("it does not start with its mark");
  bytes.remove_prefix(kMagic.size());
  unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxContent)
    damaged("its frame header");
  // The buffer follows what really comes out, so that a damaged header cannot claim memory.
  struct Stream {
    ZSTD_DStream* raw = ZSTD_createDStream();
    ~Stream() { ZSTD_freeDStream(raw); }
  } stream;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  size_t done = 0;
  for (size_t left = 1; left != 0;) {
    out.resize(std::min<size_t>(size, done * 2 + kFirstPiece));
    size_t read_before = in.pos;
    ZSTD_outBuffer piece{out.data(), out.size(), done};
    left = ZSTD_decompressStream(stream.raw, &piece, &in);
    if (ZSTD_isError(left)) damaged("its checksum does not fit");
    if (left != 0 && piece.pos == done && in.pos == read_before) damaged("it ends early or is longer than it says");
    done = piece.pos;
  }
  if (done != size || in.pos != in.size) damaged("its length does not fit");
  return out;
}

void write_head(Writer& out, const LogBlock& b) {
  for (const auto* text : {&b.endpoint, &b.revision_id, &b.rollout_id, &b.arm, &b.model, &b.version}) out.text(*text);
  out.number(b.revision);
  out.number(b.requests.size());
  for (const auto& r : b.requests) {
    out.text(r.id);
    out.text(r.request_id);
    out.number(r.rows);
    out.signed_number(r.received_ms);
    out.signed_number(r.latency_ns);
    out.signed_number(r.model_ns);
    out.text(r.fallback);
    out.text(r.warnings);
  }
  out.times(b.event_ms);
  out.texts(b.keys);
}

LogBlock read_head(Reader& in) {
  LogBlock b;
  for (auto* text : {&b.endpoint, &b.revision_id, &b.rollout_id, &b.arm, &b.model, &b.version}) *text = in.text();
  b.revision = static_cast<uint32_t>(in.number());
  b.requests.resize(in.count(8));
  uint64_t rows = 0;
  for (auto& r : b.requests) {
    r.id = in.text();
    r.request_id = in.text();
    r.first_row = static_cast<uint32_t>(rows);
    r.rows = static_cast<uint32_t>(in.number());
    rows += r.rows;
    r.received_ms = in.signed_number();
    r.latency_ns = in.signed_number();
    r.model_ns = in.signed_number();
    r.fallback = in.text();
    r.warnings = in.text();
  }
  b.event_ms = in.times();
  b.keys = in.texts();
  if (b.rows() != rows || (!b.keys.empty() && b.keys.size() != rows)) damaged("its columns differ in length");
  return b;
}

void write_body(Writer& out, const LogBlock& b) {
  out.number(b.features_logged);
  out.texts(b.names.numeric);
  out.texts(b.names.categorical);
  for (const auto& column : b.numbers) out.array(column);
  for (const auto& column : b.categories) out.categories(column);
  out.array(b.scores);
  out.categories(b.labels);
  out.number(b.probabilities.size());
  for (const auto& column : b.probabilities) out.array(column);
  out.array(b.confidence);
  out.array(b.ood);
  out.array(b.verdicts);
}

void check_columns(const LogBlock& b) {
  auto whole = [&](size_t size) {
    if (size != b.rows()) damaged("its columns differ in length");
  };
  auto optional = [&](size_t size) {
    if (size != 0) whole(size);
  };
  for (const auto& column : b.numbers) whole(column.size());
  for (const auto& column : b.categories) whole(column.codes.size());
  for (const auto& column : b.probabilities) whole(column.size());
  for (size_t size : {b.scores.size(), b.labels.codes.size(), b.confidence.size(), b.ood.size(), b.verdicts.size()})
    optional(size);
}

void read_body(Reader& in, LogBlock& b) {
  b.features_logged = in.number() != 0;
  b.names.numeric = in.texts();
  b.names.categorical = in.texts();
  for (size_t i = 0; i < b.names.numeric.size(); ++i) b.numbers.push_back(in.array<double>());
  for (size_t i = 0; i < b.names.categorical.size(); ++i) b.categories.push_back(in.categories());
  b.scores = in.array<double>();
  b.labels = in.categories();
  size_t classes = in.count(1);
  for (size_t i = 0; i < classes; ++i) b.probabilities.push_back(in.array<float>());
  b.confidence = in.array<float>();
  b.ood = in.array<float>();
  b.verdicts = in.array<uint8_t>();
  check_columns(b);
}

}  // namespace

EncodedSegment encode_segment(std::span<const LogBlock> blocks) {
  Writer head;
  Writer body;
  head.number(blocks.size());
  body.number(blocks.size());
  for (const auto& block : blocks) {
    write_head(head, block);
    write_body(body, block);
  }
  return {compress(head.bytes()), compress(body.bytes())};
}

std::vector<LogBlock> decode_head(std::string_view head) {
  std::string content = decompress(head);
  Reader in(content);
  std::vector<LogBlock> blocks;
  for (size_t left = in.count(1); left > 0; --left) blocks.push_back(read_head(in));
  in.expect_end();
  return blocks;
}

void decode_body(std::string_view body, std::vector<LogBlock>& blocks) {
  std::string content = decompress(body);
  Reader in(content);
  if (in.number() != blocks.size()) damaged("head and body differ");
  for (auto& block : blocks) read_body(in, block);
  in.expect_end();
}

}  // namespace fettle::monitoring
