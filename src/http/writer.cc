#include "http/writer.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/text.h"
#include "http/status.h"

namespace fettle::http {
namespace {

constexpr size_t kChunkBytes = 32 << 10;  // small pieces are gathered up to this

bool is_framing(std::string_view name) {
  for (std::string_view own :
       {"content-length", "transfer-encoding", "connection", "keep-alive", "date", "x-request-id"}) {
    if (iequals(name, own)) return true;
  }
  return false;
}

void append_clean(std::string& out, std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) {
    out += text;
    return;
  }
  for (char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_clean(out, name);
  out += ": ";
  append_clean(out, value);
  out += "\r\n";
}

}  // namespace

std::string& OutBuffer::tail() {
  if (chunks_.empty() || chunks_.back().size() >= kChunkBytes) chunks_.emplace_back();
  return chunks_.back();
}

void OutBuffer::append(std::string_view bytes) { tail() += bytes; }

void OutBuffer::append(std::string&& bytes) {
  if (bytes.size() <= kChunkBytes / 4) {
    tail() += bytes;
  } else {
    chunks_.push_back(std::move(bytes));
  }
}

size_t OutBuffer::size() const {
  size_t total = 0;
  for (size_t i = first_; i < chunks_.size(); ++i) total += chunks_[i].size();
  return total - offset_;
}

size_t OutBuffer::fill(std::span<iovec> vectors) {
  size_t count = 0;
  for (size_t i = first_; i < chunks_.size() && count < vectors.size(); ++i) {
    size_t skip = i == first_ ? offset_ : 0;
    if (chunks_[i].size() > skip) vectors[count++] = {chunks_[i].data() + skip, chunks_[i].size() - skip};
  }
  return count;
}

void OutBuffer::consume(size_t bytes) {
  offset_ += bytes;
  while (first_ < chunks_.size() && offset_ >= chunks_[first_].size()) offset_ -= chunks_[first_++].size();
  if (first_ < chunks_.size()) {
    if (first_ > 16) {
      chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return;
  }
  clear();
}

// One chunk's memory is kept for the next answer.
void OutBuffer::clear() {
  if (!chunks_.empty()) {
    chunks_.resize(1);
    chunks_[0].clear();
    if (chunks_[0].capacity() > 2 * kChunkBytes) chunks_.clear();
  }
  first_ = offset_ = 0;
}

void append_head(std::string& out, const Response& response, const HeadFacts& facts) {
  out += "HTTP/1.1 ";
  out += fmt::format_int(response.status).c_str();
  out += ' ';
  out += reason_of(response.status);
  out += "\r\n";
  append_field(out, "date", facts.date);
  append_field(out, "x-request-id", facts.request_id);
  for (const auto& [name, value] : response.headers.fields()) {
    if (!is_framing(name)) append_field(out, name, value);
  }
  if (facts.body == BodyKind::length) append_field(out, "content-length", fmt::format_int(facts.length).c_str());
  if (facts.body == BodyKind::chunked) append_field(out, "transfer-encoding", "chunked");
  if (facts.close) {
    append_field(out, "connection", "close");
  } else if (facts.http_1_0) {
    append_field(out, "connection", "keep-alive");
  }
  out += "\r\n";
}

void append_chunk(OutBuffer& out, std::string&& piece) {
  if (piece.empty()) return;
  fmt::format_to(std::back_inserter(out.tail()), "{:x}\r\n", piece.size());
  out.append(std::move(piece));
  out.append(std::string_view("\r\n"));
}

std::string http_date(int64_t now_ms) {
  std::time_t seconds = now_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace fettle::http
