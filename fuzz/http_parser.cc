#include "http/parser.h"

#include "target.h"

namespace fettle::fuzz {
namespace {

using http::HeadResult;

constexpr http::HeadLimits kLimits{.bytes = 4096, .fields = 50};

void check_head(const http::Request& request, const http::Framing& framing, const HeadResult& result, size_t size) {
  FETTLE_CHECK(result.consumed > 0 && result.consumed <= size, "consumed more than there is");
  FETTLE_CHECK(!request.method.empty() && !request.target.empty(), "a request without method or target");
  FETTLE_CHECK(request.path.find_first_of("? #") == std::string::npos, "a path that holds more than a path");
  FETTLE_CHECK(!(framing.chunked && framing.content_length), "two lengths for one body");
  for (const auto& [name, value] : request.headers.fields()) {
    FETTLE_CHECK(!name.empty() && name.find_first_of(std::string_view("\r\n\0 :", 5)) == std::string::npos,
                 "a header's name with separators");
    FETTLE_CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
                 "a header's value with a line end");
  }
}

// The body must not depend on the pieces in which it comes.
void check_body(const http::Framing& framing, std::string_view bytes) {
  http::BodyDecoder whole(framing, 200), pieces(framing, 200);
  std::string from_whole, from_pieces;
  size_t consumed = whole.feed(bytes, from_whole);
  FETTLE_CHECK(consumed <= bytes.size(), "the body took more than there is");
  size_t at = 0;
  for (; at < bytes.size() && !pieces.done() && !pieces.error();) {
    size_t took = pieces.feed(bytes.substr(at, 1), from_pieces);
    at += took;
    if (took == 0) break;
  }
  FETTLE_CHECK(whole.done() == pieces.done(), "the end of the body depends on the pieces");
  FETTLE_CHECK(whole.error().has_value() == pieces.error().has_value(), "an error depends on the pieces");
  if (whole.done()) FETTLE_CHECK(from_whole == from_pieces && consumed == at, "the body depends on the pieces");
}

}  // namespace

void http_parser(std::string_view bytes) {
  if (bytes.size() > 8192) return;
  http::Request request;
  http::Framing framing;
  size_t scanned = 0;
  HeadResult result = http::parse_head(bytes, kLimits, scanned, request, framing);

  http::Request grown;
  http::Framing grown_framing;
  size_t grown_scanned = 0;
  HeadResult last;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    last = http::parse_head(bytes.substr(0, size), kLimits, grown_scanned, grown, grown_framing);
    if (last.state != HeadResult::State::incomplete) break;
  }
  FETTLE_CHECK(last.state == result.state, "the verdict depends on the pieces");
  if (result.state == HeadResult::State::bad)
    FETTLE_CHECK(result.error.status >= 400 && !result.error.message.empty(), "an error that says nothing");
  if (result.state != HeadResult::State::complete) return;
  FETTLE_CHECK(last.consumed == result.consumed && grown.target == request.target, "the head depends on the pieces");
  check_head(request, framing, result, bytes.size());
  check_body(framing, bytes.substr(result.consumed));
}

}  // namespace fettle::fuzz
