#include "base/uri.h"

#include <gtest/gtest.h>

namespace fettle {
namespace {

TEST(PercentDecode, DecodesOnceAndRefusesBadEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(percent_decode("%2541"), "%41");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (std::string_view text : {"%", "%4", "a%", "%zz", "%4g"}) EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(PercentEncode, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/ä"), "a%20b%2F%C3%A4");
  EXPECT_EQ(percent_encode("a/b", "/"), "a/b");
}

TEST(Query, KeepsOrderRepetitionAndWhatIsMalformed) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query("a=1&b=x+y&a=%32"), (Pairs{{"a", "1"}, {"b", "x y"}, {"a", "2"}}));
  EXPECT_EQ(parse_query("flag&&k==v&bad=%zz"), (Pairs{{"flag", ""}, {"k", "=v"}, {"bad", "%zz"}}));
  EXPECT_TRUE(parse_query("").empty());
}

TEST(Uri, TakesAUriApart) {
  auto uri = parse_uri("HTTPS://me:p%40ss@example.org:8443/a/b?x=1");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "https");
  EXPECT_EQ(uri->user, "me");
  EXPECT_EQ(uri->password, "p@ss");
  EXPECT_EQ(uri->host, "example.org");
  EXPECT_EQ(uri->port, 8443);
  EXPECT_EQ(uri->path, "/a/b");
  EXPECT_EQ(uri->query, "x=1");
}

TEST(Uri, ReadsIpv6HostsAndEmptyAuthorities) {
  auto uri = parse_uri("http://[::1]:80/x");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->host, "::1");
  EXPECT_EQ(uri->port, 80);
  uri = parse_uri("sqlite:///tmp/a.db");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->host, "");
  EXPECT_EQ(uri->path, "/tmp/a.db");
}

TEST(Uri, RefusesWhatItCannotMean) {
  for (std::string_view text : {"", "://x", "example.org/a", "http:/x", "http://[::1", "http://[::1]x:80/",
                                "http://h:x/", "http://h:65536/", "http://h:-1/"}) {
    EXPECT_FALSE(parse_uri(text)) << text;
  }
}

TEST(SafePath, StaysBelowItsRoot) {
  for (std::string_view path : {"a", "a/b.txt", "a b/ä", "..a/b..", "a...b"})
    EXPECT_TRUE(is_safe_relative_path(path)) << path;
  for (std::string_view path : {"", "/a", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "..\\a", "a%2e%2e/b",
                                "a%2Fb", "a%5cb", "a%00"}) {
    EXPECT_FALSE(is_safe_relative_path(path)) << path;
  }
  EXPECT_FALSE(is_safe_relative_path(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace fettle
