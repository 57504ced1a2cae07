#include <gtest/gtest.h>

#include <cmath>

#include "json/json.h"

namespace fettle::json {
namespace {

// What check() throws after `body` has read `text`; an empty message when there was no problem.
template <class Body>
Error read(std::string_view text, Body body) {
  Value document = parse(text);
  Problems problems;
  Reader in(document, problems);
  body(in);
  auto outcome = outcome_of([&] { problems.check(); });
  return outcome ? Error{Code::invalid_argument, ""} : outcome.error();
}

TEST(Reader, ReadsEachKindOfField) {
  Error error = read(R"({"s":"x","i":7,"d":0.5,"b":true,"l":["a","b"],"o":{"k":1}})", [](Reader& in) {
    EXPECT_EQ(in.string("s"), "x");
    EXPECT_EQ(in.integer("i"), 7);
    EXPECT_EQ(in.number("d"), 0.5);
    EXPECT_EQ(in.number("i"), 7.0);
    EXPECT_TRUE(in.boolean_or("b", false));
    EXPECT_EQ(in.strings_or("l", {}), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(in.object("o").integer("k"), 1);
    in.refuse_unknown();
  });
  EXPECT_EQ(error.message, "");
}

TEST(Reader, AbsentAndNullFieldsTakeTheFallback) {
  Error error = read(R"({"s":null,"l":null})", [](Reader& in) {
    EXPECT_EQ(in.string_or("s", "d"), "d");
    EXPECT_EQ(in.integer_or("i", 3), 3);
    EXPECT_EQ(in.number_or("n", 0.25), 0.25);
    EXPECT_EQ(in.strings_or("l", {"z"}), std::vector<std::string>{"z"});
    EXPECT_FALSE(in.find_string("s"));
    EXPECT_FALSE(in.has("s"));
    EXPECT_EQ(in.find("s"), nullptr);
    EXPECT_FALSE(in.object("o").has("k"));
  });
  EXPECT_EQ(error.message, "");
}

TEST(Reader, CollectsEveryProblemWithItsPath) {
  Error error =
      read(R"({"name":7,"metrics":[{"value":1},{"value":"abc"},"x"],"o":[],"b":1,"l":["a",2]})", [](Reader& in) {
        in.string("name");
        in.string("missing");
        in.each("metrics", [](Reader& metric) { metric.number("value"); });
        in.object("o").has("x");
        in.object("required", true);
        in.boolean_or("b", false);
        in.strings_or("l", {});
      });
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message, "name: expected a string, got 7 (and 7 more)");
  ASSERT_EQ(error.details.size(), 8u);
  EXPECT_EQ(error.details[1].path, "missing");
  EXPECT_EQ(error.details[1].message, "is required");
  EXPECT_EQ(error.details[2].path, "metrics[1].value");
  EXPECT_EQ(error.details[2].message, "expected a number, got \"abc\"");
  EXPECT_EQ(error.details[3].path, "metrics[2]");
  EXPECT_EQ(error.details[4].path, "o");
  EXPECT_EQ(error.details[5].path, "required");
  EXPECT_EQ(error.details[7].path, "l[1]");
}

TEST(Reader, TakesIntegersThatAreWholeAndFitOnly) {
  EXPECT_EQ(read(R"({"v":3.0})", [](Reader& in) { EXPECT_EQ(in.integer("v"), 3); }).message, "");
  for (std::string_view text :
       {R"({"v":3.5})", R"({"v":"3"})", R"({"v":1e300})", R"({"v":18446744073709551615})", R"({"v":true})"}) {
    EXPECT_NE(read(text, [](Reader& in) { in.integer("v"); }).message, "") << text;
  }
}

TEST(Reader, TakesNonFiniteNumbersByTheirNamesOnly) {
  Error error = read(R"({"a":"NaN","b":"-Infinity"})", [](Reader& in) {
    EXPECT_TRUE(std::isnan(in.number("a")));
    EXPECT_EQ(in.number("b"), -INFINITY);
  });
  EXPECT_EQ(error.message, "");
  for (std::string_view text : {R"({"a":"nan"})", R"({"a":"inf"})", R"({"a":"1.5"})"}) {
    EXPECT_NE(read(text, [](Reader& in) { in.number("a"); }).message, "") << text;
  }
}

TEST(Reader, ANumberTooLargeForADoubleIsNotInfinity) {
  EXPECT_NE(read(R"({"a":1e999})", [](Reader& in) { in.number("a"); }).message, "");
  EXPECT_NE(read(R"({"a":-1e999})", [](Reader& in) { in.number_or("a", 0); }).message, "");
}

TEST(Reader, RefusesFieldsThatNobodyAskedFor) {
  Error error = read(R"({"limit":1,"lmit":2,"zzz":3})", [](Reader& in) {
    in.integer_or("limit", 0);
    in.refuse_unknown();
  });
  ASSERT_EQ(error.details.size(), 2u);
  EXPECT_EQ(error.details[0].path, "lmit");
  EXPECT_EQ(error.details[0].message, "unknown field, did you mean 'limit'?");
  EXPECT_EQ(error.details[1].message, "unknown field");
}

TEST(Reader, NeedsAnObject) {
  EXPECT_EQ(read("[1]", [](Reader& in) { in.string_or("a", ""); }).message, "expected an object, got [1]");
}

}  // namespace
}  // namespace fettle::json
