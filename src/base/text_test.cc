#include "base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fettle {
namespace {

TEST(Trim, TakesWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,b,,c", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(split(",", ','), (std::vector<std::string_view>{"", ""}));
}

TEST(Join, IsTheInverseOfSplit) {
  std::vector<std::string> parts = {"a", "", "c"};
  EXPECT_EQ(join(parts, ","), "a,,c");
  EXPECT_EQ(join({}, ","), "");
}

TEST(Case, IsAsciiOnly) {
  EXPECT_EQ(to_lower("ABC\xC3\x84z"), "abc\xC3\x84z");
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{")) << "32 apart, and no letters";
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(parse_int("007"), 7);
  for (std::string_view text : {"", " 1", "1 ", "1.0", "9223372036854775808", "0x10", "--1", "+1", "1e3"})
    EXPECT_FALSE(parse_int(text)) << text;
}

TEST(ParseDouble, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_double("+1.5e3"), 1500.0);
  EXPECT_EQ(parse_double("-.5"), -0.5);
  EXPECT_TRUE(std::isnan(*parse_double("nan")));
  EXPECT_TRUE(std::isinf(*parse_double("-inf")));
  for (std::string_view text : {"", "+", "+-1", "1,5", "1.5x", " 1", "0x1p3", "e5"})
    EXPECT_FALSE(parse_double(text)) << text;
}

TEST(FormatDouble, IsTheShortestThatReadsBack) {
  EXPECT_EQ(format_double(0.1), "0.1");
  EXPECT_EQ(format_double(3), "3.0");
  EXPECT_EQ(format_double(-0.0), "-0.0");
  EXPECT_EQ(format_double(1e300), "1e+300");
  EXPECT_EQ(format_double(std::nan("")), "NaN");
  EXPECT_EQ(format_double(-INFINITY), "-Infinity");
  for (double value : {1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789.123456789})
    EXPECT_EQ(parse_double(format_double(value)), value);
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndCutSequences) {
  for (std::string_view text : {"", "a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  for (std::string_view text : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Nearest, SuggestsASmallSlipAndNothingElse) {
  std::vector<std::string> names = {"server.http", "server.grpc", "log.level"};
  EXPECT_EQ(nearest("server.htp", names), "server.http");
  EXPECT_EQ(nearest("LOG.LEVEL", names), "log.level");
  EXPECT_FALSE(nearest("banana", names));
  EXPECT_FALSE(nearest("x", {}));
}

TEST(Glob, MatchesTheWholeText) {
  EXPECT_TRUE(glob_match("fn*ma[tc]h?", "fn/x/mathy"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("[!a-c]x", "dx"));
  EXPECT_TRUE(glob_match("[]]", "]"));
  EXPECT_TRUE(glob_match("[", "[")) << "an open bracket without its end is itself";
  EXPECT_FALSE(glob_match("[!a-c]x", "bx"));
  EXPECT_FALSE(glob_match("a?", "a"));
  EXPECT_FALSE(glob_match("", "a"));
}

TEST(Glob, IsNotFooledIntoExponentialTime) {
  std::string pattern, text(2000, 'a');
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", text));
}

}  // namespace
}  // namespace fettle
