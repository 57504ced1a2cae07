#include "json/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fettle::json {
namespace {

Error error_of(std::string_view text, ParseLimits limits = {}) {
  auto outcome = outcome_of([&] { return parse(text, limits); });
  EXPECT_FALSE(outcome) << "accepted: " << text.substr(0, 80);
  return outcome ? Error{} : outcome.error();
}

TEST(Parse, TellsTheThreeKindsOfNumbersApart) {
  EXPECT_TRUE(parse("-9223372036854775808").is_int64());
  EXPECT_TRUE(parse("18446744073709551615").is_uint64());
  EXPECT_TRUE(parse("1.0").is_double());
  EXPECT_EQ(parse("0.1").get_double(), 0.1);
}

TEST(Parse, KeepsTheOrderOfKeys) { EXPECT_EQ(format(parse(R"({"b":1,"a":[],"c":{}})")), R"({"b":1,"a":[],"c":{}})"); }

TEST(Parse, RefusesWhatIsNotExactlyOneValueAndSaysWhere) {
  for (std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1,}", "1 2", "{}x", "'a'", "nul", "01", "+1", ".5", "1.",
                                "\"\x01\"", "\"\\q\"", "\"\xff\"", "// c\n1", "\xef\xbb\xbf{}"}) {
    Error error = error_of(text);
    EXPECT_EQ(error.code, Code::invalid_argument);
    EXPECT_TRUE(error.message.starts_with("not valid JSON at byte ")) << error.message;
  }
  EXPECT_TRUE(error_of(R"({"a": tru})").message.starts_with("not valid JSON at byte "))
      << error_of(R"({"a": tru})").message;
  error_of(std::string_view("{}\0", 3));
  EXPECT_TRUE(parse(" {} \r\n").is_object());
}

TEST(Parse, StopsAtItsDepth) {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(64)).is_array());
  error_of(nested(65));
  error_of(nested(200'000));
  EXPECT_TRUE(parse(nested(3), {.max_depth = 3}).is_array());
  error_of(nested(4), {.max_depth = 3});
}

TEST(Parse, TakesPythonsNonFiniteWordsOnlyWhenAsked) {
  error_of("NaN");
  error_of("[1, -Infinity]");
  Value value =
      parse(R"({"a": NaN, "b": [-Infinity, Infinity], "c": "NaN, \"Infinity", "d-": -1})", {.allow_nan = true});
  EXPECT_EQ(value.at("a").get_string(), "NaN");
  EXPECT_EQ(value.at("b").at(0).get_string(), "-Infinity");
  EXPECT_EQ(value.at("b").at(1).get_string(), "Infinity");
  EXPECT_EQ(value.at("c").get_string(), "NaN, \"Infinity") << "words within strings stay";
  EXPECT_EQ(value.at("d-").get_int64(), -1);
  error_of("{NaN: 1, }", {.allow_nan = true});
  error_of("[NaN", {.allow_nan = true});
}

TEST(Format, WritesDoublesThatReadBackEqual) {
  for (double number : {0.1, 1.0 / 3, 1e22, -0.0, 5e-324}) EXPECT_EQ(parse(format(number)).get_double(), number);
  EXPECT_EQ(format(1.0), "1.0") << "a double stays a double";
}

TEST(Format, WritesNonFiniteNumbersAsAsked) {
  Value value = Array{std::nan(""), INFINITY, -INFINITY};
  EXPECT_EQ(format(value), R"(["NaN","Infinity","-Infinity"])");
  EXPECT_EQ(format(value, {.non_finite = NonFinite::bare}), "[NaN,Infinity,-Infinity]");
  EXPECT_EQ(format(value, {.non_finite = NonFinite::null}), "[null,null,null]");
}

TEST(Format, EscapesOnlyWhatMustBe) {
  EXPECT_EQ(format(Value(std::string("\"\\/\n\r\t\x01\x1f\x7f ä"))), "\"\\\"\\\\/\\n\\r\\t\\u0001\\u001f\x7f ä\"");
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  EXPECT_EQ(parse(format(Value(every))).get_string(), every);
}

TEST(Format, IndentsAndSpacesAsPythonDoes) {
  Value value = parse(R"({"a":[1,{}],"b":[]})");
  EXPECT_EQ(format(value, {.indent = 2}), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
  EXPECT_EQ(format(value, {.spaced = true}), R"({"a": [1, {}], "b": []})");
}

TEST(Preview, CutsWithoutBreakingACharacter) {
  EXPECT_EQ(preview(parse("[1,2]")), "[1,2]");
  std::string euros;
  for (int i = 0; i < 40; ++i) euros += "€";
  std::string shown = preview(Value(euros));
  EXPECT_LE(shown.size(), 60u);
  EXPECT_TRUE(shown.ends_with("€...")) << shown;
}

TEST(Writer, PutsCommasWhereTheyBelong) {
  std::string out;
  Writer writer(out);
  writer.begin_object().key("a").begin_array().integer(-1).number(0.5).string("x\"").boolean(true).null().end_array();
  writer.key("b")
      .begin_object()
      .end_object()
      .key("c")
      .begin_array()
      .begin_array()
      .end_array()
      .begin_array()
      .end_array()
      .end_array();
  writer.key("d").raw("[1]").key("e").value(parse(R"({"f":[]})")).end_object();
  EXPECT_EQ(out, R"({"a":[-1,0.5,"x\"",true,null],"b":{},"c":[[],[]],"d":[1],"e":{"f":[]}})");
}

TEST(Writer, WritesExtremesAndNonFiniteNumbers) {
  std::string out;
  Writer(out)
      .begin_array()
      .integer(std::numeric_limits<int64_t>::min())
      .number(NAN)
      .number(INFINITY, NonFinite::null)
      .number(-INFINITY, NonFinite::bare)
      .end_array();
  EXPECT_EQ(out, R"([-9223372036854775808,"NaN",null,-Infinity])");
}

}  // namespace
}  // namespace fettle::json
