#include "http/parser.h"

#include <gtest/gtest.h>

#include <random>

namespace fettle::http {
namespace {

struct Parsed {
  HeadResult result;
  Request request;
  Framing framing;
};

Parsed parse(std::string_view bytes, HeadLimits limits = {}) {
  Parsed parsed;
  size_t scanned = 0;
  parsed.result = parse_head(bytes, limits, scanned, parsed.request, parsed.framing);
  return parsed;
}

TEST(ParseHead, ReadsRequestLineAndHeaders) {
  auto p = parse("POST /a%20b?x=1&y=%20+ HTTP/1.1\r\nHost: h:1\r\nX-A:  spaced \t\r\nContent-Length: 12\r\n\r\nrest");
  ASSERT_EQ(p.result.state, HeadResult::State::complete);
  EXPECT_EQ(p.request.method, "POST");
  EXPECT_EQ(p.request.target, "/a%20b?x=1&y=%20+");
  EXPECT_EQ(p.request.path, "/a%20b");
  EXPECT_EQ(p.request.find_query("y"), "  ");
  EXPECT_EQ(p.request.headers.get("x-a"), "spaced");
  EXPECT_EQ(p.framing.content_length, 12u);
  EXPECT_TRUE(p.framing.keep_alive);
}

TEST(ParseHead, WaitsAtEveryByteUntilTheEnd) {
  std::string_view whole = "\r\nGET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  size_t scanned = 0;
  Request request;
  Framing framing;
  for (size_t n = 0; n < whole.size(); ++n) {
    ASSERT_EQ(parse_head(whole.substr(0, n), {}, scanned, request, framing).state, HeadResult::State::incomplete) << n;
  }
  auto result = parse_head(whole, {}, scanned, request, framing);
  EXPECT_EQ(result.state, HeadResult::State::complete);
  EXPECT_EQ(result.consumed, whole.size());
}

TEST(ParseHead, AbsoluteFormLosesItsAuthority) {
  EXPECT_EQ(parse("GET http://h:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/a");
  EXPECT_EQ(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/");
  EXPECT_EQ(parse("GET HTTP://h?q=1 HTTP/1.1\r\nHost: h\r\n\r\n").request.find_query("q"), "1");
}

TEST(ParseHead, ConnectionDecidesWhatVersionLeavesOpen) {
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive, Close\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").framing.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").framing.keep_alive);
}

struct Bad {
  const char* head;
  int status;
};

class BadHead : public testing::TestWithParam<Bad> {};

TEST_P(BadHead, IsRefused) {
  auto p = parse(std::string(GetParam().head) + "\r\n\r\n");
  EXPECT_EQ(p.result.state, HeadResult::State::bad);
  EXPECT_EQ(p.result.error.status, GetParam().status) << p.result.error.message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadHead,
    testing::Values(
        // two readers could find different ends of the body (RFC 9112 6.3, 11.2)
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3 4", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked", 501},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked", 501},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0b"
            "chunked",
            400},
        Bad{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3", 400},
        Bad{"POST / HTTP/1.1\r\nHost: x\r\nX: y\r\n folded: 1", 400}, Bad{"POST / HTTP/1.1\r\n Host: x", 400},
        Bad{"GET / HTTP/1.1\nHost: x", 400}, Bad{"GET / HTTP/1.1\r\nHost: x\nTransfer-Encoding: chunked", 400},
        Bad{"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d", 400},
        // hosts
        Bad{"GET / HTTP/1.1", 400}, Bad{"GET / HTTP/1.1\r\nHost: x\r\nHost: y", 400},
        // request lines
        Bad{"GET /", 400}, Bad{"GET  HTTP/1.1\r\nHost: x", 400}, Bad{"GET / x HTTP/1.1\r\nHost: x", 400},
        Bad{"G@T / HTTP/1.1\r\nHost: x", 400}, Bad{"GET x HTTP/1.1\r\nHost: x", 400},
        Bad{"CONNECT h:443 HTTP/1.1\r\nHost: x", 400}, Bad{"GET ftp://h/ HTTP/1.1\r\nHost: x", 400},
        Bad{"GET /\x01 HTTP/1.1\r\nHost: x", 400}, Bad{"GET / HTTP/2.0\r\nHost: x", 505},
        Bad{"GET / HTTP/1.2\r\nHost: x", 505}, Bad{"GET / http/1.1\r\nHost: x", 400},
        Bad{"GET / HTTP/1.1 \r\nHost: x", 400}, Bad{"PRI * HTTP/2.0", 505},
        // headers
        Bad{"GET / HTTP/1.1\r\nHost: x\r\nnocolon", 400}, Bad{"GET / HTTP/1.1\r\nHost: x\r\n: v", 400},
        Bad{"GET / HTTP/1.1\r\nHost: x\r\nA\x7f: v", 400}, Bad{"GET / HTTP/1.1\r\nHost: x\r\nA: \x02", 400},
        Bad{"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles", 417}));

TEST(ParseHead, RefusesAtTheFirstByteWhatIsNotHttp) {
  EXPECT_EQ(parse("\x16\x03\x01").result.state, HeadResult::State::bad);
  EXPECT_EQ(parse(std::string_view("\0", 1)).result.state, HeadResult::State::bad);
  EXPECT_EQ(parse("GET / HTTP/1.1\nHost: x\n\n").result.state, HeadResult::State::bad);
}

TEST(ParseHead, NulInAValueIsRefused) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: b";
  head += '\0';
  EXPECT_EQ(parse(head + "c\r\n\r\n").result.error.status, 400);
}

TEST(ParseHead, BoundsBytesAndFields) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(200, 'a');
  EXPECT_EQ(parse(head, {100, 10}).result.error.status, 431);
  EXPECT_EQ(parse(head + "\r\n\r\n", {100, 10}).result.error.status, 431);
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 10; ++i) many += "A: b\r\n";
  EXPECT_EQ(parse(many + "\r\n", {1000, 10}).result.error.status, 431);
  EXPECT_EQ(parse(many + "\r\n", {1000, 11}).result.state, HeadResult::State::complete);
}

// The body in pieces of `step` bytes; what is left undecoded is appended after '|'.
std::string decode(std::string_view bytes, size_t step, size_t line_limit = 1000) {
  BodyDecoder decoder(Framing{.chunked = true}, line_limit);
  std::string body;
  size_t used = 0;
  while (used < bytes.size() && !decoder.done()) {
    std::string_view piece = bytes.substr(used, step);
    used += decoder.feed(piece, body);
  }
  if (decoder.error()) return "error";
  return body + (decoder.done() ? "|" : "...") + std::string(bytes.substr(used));
}

TEST(BodyDecoder, ReadsChunksHoweverTheyArrive) {
  for (size_t step : {1u, 2u, 3u, 7u, 1000u}) {
    EXPECT_EQ(decode("3\r\nabc\r\nA;ext=\"x\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET", step), "abc0123456789|GET")
        << step;
    EXPECT_EQ(decode("003 \r\nabc\r\n0\r\n\r\n", step), "abc|") << step;
    EXPECT_EQ(decode("3\r\nab", step), "ab...") << step;
  }
}

TEST(BodyDecoder, RefusesWhatIsNotChunks) {
  for (std::string_view bytes : {"x\r\n", "-1\r\n", "\r\n", "3\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n",
                                 "0x3\r\nabc\r\n", "ffffffffffffffff\r\n", "3 3\r\nabc\r\n", "3;a\x01\r\nabc\r\n"}) {
    EXPECT_EQ(decode(bytes, 1000), "error") << bytes;
    EXPECT_EQ(decode(bytes, 1), "error") << bytes;
  }
  EXPECT_EQ(decode("1;" + std::string(2000, 'x'), 100), "error");
  EXPECT_EQ(decode("0\r\n" + std::string(2000, 'x'), 100), "error");
}

TEST(BodyDecoder, TakesTheLengthAndNotMore) {
  BodyDecoder decoder(Framing{.content_length = 5}, 100);
  std::string body;
  EXPECT_EQ(decoder.feed("ab", body), 2u);
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.feed("cdeGET /", body), 3u);
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(body, "abcde");
}

// What a request means must not depend on how its bytes arrive, whatever they are.
TEST(ParseHead, MeansTheSameHoweverMutatedBytesArrive) {
  const std::string seeds[] = {
      "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nConnection: close\r\n\r\nhello world!",
      "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  std::mt19937 random(20130101);
  auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  constexpr std::string_view kBytes(
      "\r\n :,;\0\t\x7f\xff"
      "0aA/%",
      15);
  size_t complete = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[pick(2)];
    for (size_t edits = pick(4); edits > 0; --edits) {
      size_t at = pick(bytes.size());
      char c = kBytes[pick(kBytes.size())];
      if (pick(3) == 0) {
        bytes.erase(at, 1 + pick(3));
      } else if (pick(2) == 0) {
        bytes.insert(at, 1, c);
      } else {
        bytes[at] = c;
      }
    }
    auto whole = parse(bytes);
    size_t scanned = 0;
    Request request;
    Framing framing;
    HeadResult result;
    for (size_t n = 1 + pick(40); result.state == HeadResult::State::incomplete;
         n = std::min(bytes.size(), n + 1 + pick(40))) {
      result = parse_head(std::string_view(bytes).substr(0, n), {}, scanned, request, framing);
      if (n >= bytes.size()) break;
    }
    ASSERT_EQ(whole.result.state, result.state) << bytes;
    if (result.state != HeadResult::State::complete) continue;
    ++complete;
    ASSERT_EQ(whole.result.consumed, result.consumed) << bytes;
    ASSERT_EQ(whole.framing.content_length, framing.content_length) << bytes;
    ASSERT_FALSE(framing.chunked && framing.content_length) << bytes;
    std::string at_once;
    std::string in_pieces;
    BodyDecoder first(framing, 1000);
    BodyDecoder second(framing, 1000);
    std::string_view body = std::string_view(bytes).substr(result.consumed);
    first.feed(body, at_once);
    for (char c : body) second.feed(std::string_view(&c, 1), in_pieces);
    ASSERT_EQ(at_once, in_pieces) << bytes;
    ASSERT_EQ(first.done(), second.done()) << bytes;
    ASSERT_EQ(first.error().has_value(), second.error().has_value()) << bytes;
  }
  EXPECT_GT(complete, 1000u);
}

}  // namespace
}  // namespace fettle::http
