#include "http/parser.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "base/uri.h"

namespace fettle::http {
namespace {

// RFC 9110 5.6.2
constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return kTokenChars[static_cast<unsigned char>(c)]; });
}

// Visible ASCII, bytes above it, space and tab (RFC 9110 5.5).
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

HeadResult bad(int status, std::string message) { return {HeadResult::State::bad, 0, {status, std::move(message)}}; }

std::string show(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, 40)) out += static_cast<unsigned char>(c) >= 0x20 && c != 0x7f ? c : '?';
  return out + "'";
}

// Space and tab only: other "white space" is refused with the value.
std::string_view trim_ows(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Origin form, absolute form (its authority is dropped) or `*`.
std::optional<ProtocolError> read_target(std::string_view target, Request& request) {
  bool visible = std::all_of(target.begin(), target.end(),
                             [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
  if (target.empty() || !visible)
    return ProtocolError{400, "the request target is empty or holds a space or control character"};
  if (target.front() != '/' && target != "*") {
    size_t authority = target.find("://");
    bool web = authority != std::string_view::npos &&
               (iequals(target.substr(0, authority), "http") || iequals(target.substr(0, authority), "https"));
    if (!web) return ProtocolError{400, "request target " + show(target) + " is neither a path nor an http URL"};
    size_t path = target.find_first_of("/?", authority + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  request.target.assign(target);
  if (request.target.front() == '?') request.target.insert(0, 1, '/');
  std::string_view whole = request.target;
  whole = whole.substr(0, whole.find('#'));
  size_t question = whole.find('?');
  request.path.assign(whole.substr(0, question));
  if (question != std::string_view::npos) request.query = parse_query(whole.substr(question + 1));
  return std::nullopt;
}

std::optional<ProtocolError> read_request_line(std::string_view line, Request& request, Framing& framing) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return ProtocolError{400, "the request line " + show(line) + " is not 'METHOD TARGET HTTP/1.1'"};
  }
  std::string_view method = line.substr(0, first);
  std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return ProtocolError{400, "method " + show(method) + " is not a token"};
  if (version == "HTTP/1.0") {
    framing.http_1_0 = true;
    framing.keep_alive = false;
  } else if (version != "HTTP/1.1") {
    bool other = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
    return ProtocolError{other ? 505 : 400, "version " + show(version) + " is not HTTP/1.1 or HTTP/1.0"};
  }
  request.method.assign(method);
  return read_target(line.substr(first + 1, last - first - 1), request);
}

std::optional<ProtocolError> read_field(std::string_view line, Request& request) {
  if (line.front() == ' ' || line.front() == '\t')
    return ProtocolError{400, "a header is folded over two lines; send it on one"};
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return ProtocolError{400, "header line " + show(line) + " has no colon"};
  std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return ProtocolError{400, "header name " + show(name) + " is not a token"};
  std::string_view value = trim_ows(line.substr(colon + 1));
  if (!is_field_value(value)) return ProtocolError{400, "header " + show(name) + " holds a control character"};
  request.headers.add(name, value);
  return std::nullopt;
}

std::optional<ProtocolError> read_content_length(std::string_view value, Framing& framing) {
  // Two different lengths, or a list of them, is how one request is smuggled within another (RFC 9112 11.2).
  if (framing.content_length) return ProtocolError{400, "there is more than one Content-Length"};
  bool digits = !value.empty() && value.size() <= 18 &&
                std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return ProtocolError{400, "Content-Length " + show(value) + " is not a decimal number"};
  framing.content_length = static_cast<uint64_t>(*parse_int(value));
  return std::nullopt;
}

void read_connection(std::string_view value, Framing& framing) {
  for (std::string_view option : split(value, ',')) {
    option = trim(option);
    if (iequals(option, "close")) framing.keep_alive = false;
    if (iequals(option, "keep-alive") && framing.http_1_0) framing.keep_alive = true;
  }
}

std::optional<ProtocolError> read_framing(const Request& request, Framing& framing) {
  size_t hosts = 0;
  size_t encodings = 0;
  for (const auto& [name, value] : request.headers.fields()) {
    if (iequals(name, "host")) {
      ++hosts;
    } else if (iequals(name, "content-length")) {
      if (auto error = read_content_length(value, framing)) return error;
    } else if (iequals(name, "transfer-encoding")) {
      ++encodings;
      framing.chunked = iequals(value, "chunked");
      if (!framing.chunked)
        return ProtocolError{501, "Transfer-Encoding " + show(value) + " is not supported; use chunked"};
    } else if (iequals(name, "connection")) {
      read_connection(value, framing);
    } else if (iequals(name, "expect")) {
      if (!iequals(value, "100-continue")) return ProtocolError{417, "Expect " + show(value) + " is not 100-continue"};
      framing.expect_continue = !framing.http_1_0;
    }
  }
  if (encodings > 1) return ProtocolError{400, "there is more than one Transfer-Encoding"};
  if (framing.chunked && framing.content_length)
    return ProtocolError{400, "there is a Transfer-Encoding and a Content-Length; send one"};
  if (framing.chunked && framing.http_1_0) return ProtocolError{400, "HTTP/1.0 has no Transfer-Encoding"};
  if (hosts > 1 || (hosts == 0 && !framing.http_1_0))
    return ProtocolError{400, "there must be exactly one Host header"};
  return std::nullopt;
}

std::optional<ProtocolError> read_lines(std::string_view head, const HeadLimits& limits, Request& request,
                                        Framing& framing) {
  size_t end = head.find("\r\n");
  if (head.substr(0, end).find_first_of("\r\n") != std::string_view::npos) {
    return ProtocolError{400, "lines must end with CR LF"};
  }
  if (auto error = read_request_line(head.substr(0, end), request, framing)) return error;
  for (size_t at = end + 2, count = 0; at < head.size(); at = end + 2) {
    end = head.find("\r\n", at);
    if (++count > limits.fields)
      return ProtocolError{431, "there are more than " + std::to_string(limits.fields) + " headers"};
    if (auto error = read_field(head.substr(at, end - at), request)) return error;
  }
  return read_framing(request, framing);
}

}  // namespace

HeadResult parse_head(std::string_view bytes, const HeadLimits& limits, size_t& scanned, Request& request,
                      Framing& framing) {
  // Empty lines before a request are forgiven (RFC 9112 2.2), a few of them.
  size_t start = 0;
  while (start < 8 && bytes.substr(start).starts_with("\r\n")) start += 2;
  std::string_view rest = bytes.substr(start);
  if (rest.empty() || rest == "\r") return {};
  if (!kTokenChars[static_cast<unsigned char>(rest.front())]) {
    return bad(400, "this is not an HTTP request: it starts with byte " +
                        std::to_string(static_cast<unsigned char>(rest.front())));
  }
  size_t from = scanned > 3 + start ? scanned - 3 - start : 0;
  const void* found = from < rest.size() ? memmem(rest.data() + from, rest.size() - from, "\r\n\r\n", 4) : nullptr;
  size_t length =
      found == nullptr ? rest.size() : static_cast<size_t>(static_cast<const char*>(found) - rest.data()) + 4;
  if (length > limits.bytes) {
    return bad(431, "the request line and headers are larger than " + std::to_string(limits.bytes) + " bytes");
  }
  if (found == nullptr) {
    if (rest.find("\n\n", from) != std::string_view::npos) return bad(400, "lines must end with CR LF");
    scanned = bytes.size();
    return {};
  }
  // Each line with its CR LF, without the empty one.
  if (auto error = read_lines(rest.substr(0, length - 2), limits, request, framing)) {
    return {HeadResult::State::bad, 0, std::move(*error)};
  }
  return {HeadResult::State::complete, start + length, {}};
}

BodyDecoder::BodyDecoder(const Framing& framing, size_t line_limit_bytes) : line_limit_(line_limit_bytes) {
  if (framing.chunked) {
    state_ = State::chunk_size;
  } else if (framing.content_length.value_or(0) > 0) {
    state_ = State::length;
    left_ = *framing.content_length;
  }
}

void BodyDecoder::bad(std::string message) {
  error_ = ProtocolError{400, std::move(message)};
  state_ = State::done;
}

// Collects a line in line_, without its CR LF; bytes consumed.
size_t BodyDecoder::feed_line(std::string_view bytes) {
  size_t newline = bytes.find('\n');
  size_t take = newline == std::string_view::npos ? bytes.size() : newline + 1;
  line_.append(bytes.substr(0, take));
  if (line_.size() > line_limit_) bad("a chunk's size line or trailer is too long");
  return take;
}

void BodyDecoder::on_chunk_size() {
  std::string_view digits = line_;
  digits = digits.substr(0, digits.find(';'));
  while (!digits.empty() && (digits.back() == ' ' || digits.back() == '\t')) digits.remove_suffix(1);
  uint64_t size = 0;
  bool valid = !digits.empty() && digits.size() <= 15;
  for (char c : digits) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    valid = valid && digit >= 0;
    size = size * 16 + static_cast<uint64_t>(std::max(digit, 0));
  }
  if (!valid || !is_field_value(line_)) return bad("chunk size " + show(line_) + " is not a hexadecimal number");
  line_.clear();
  left_ = size;
  state_ = size == 0 ? State::trailer : State::chunk_data;
}

size_t BodyDecoder::feed(std::string_view bytes, std::string& out) {
  size_t used = 0;
  while (used < bytes.size() && state_ != State::done) {
    std::string_view rest = bytes.substr(used);
    if (state_ == State::length || state_ == State::chunk_data) {
      size_t take = static_cast<size_t>(std::min<uint64_t>(left_, rest.size()));
      out.append(rest.substr(0, take));
      used += take;
      left_ -= take;
      if (left_ == 0) state_ = state_ == State::length ? State::done : State::chunk_end;
      continue;
    }
    used += feed_line(rest);
    if (state_ == State::done || line_.back() != '\n') continue;
    if (!line_.ends_with("\r\n")) {
      bad("a chunk's lines must end with CR LF");
      break;
    }
    line_.resize(line_.size() - 2);
    if (state_ == State::chunk_size) {
      on_chunk_size();
    } else if (state_ == State::chunk_end) {
      if (!line_.empty()) bad("a chunk is longer than its size says");
      if (!error_) state_ = State::chunk_size;
    } else {
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > line_limit_) bad("the trailers are too long");
      if (line_.empty()) state_ = State::done;
    }
    line_.clear();
  }
  return used;
}

}  // namespace fettle::http
