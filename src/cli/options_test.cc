#include "cli/options.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fettle::cli {
namespace {

const OptionSpec kOwn[] = {
    {"--window", "", true, "which"}, {"--follow", "-f", false, "on"}, {"--param", "-P", true, "repeat"}};

Parsed parse(std::vector<std::string> arguments) { return parse_options(arguments, kOwn); }

Error error_of(std::vector<std::string> arguments) {
  auto outcome = outcome_of([&] { return parse(arguments); });
  EXPECT_FALSE(outcome) << "expected a failure";
  return outcome ? Error{} : outcome.error();
}

TEST(Options, StandBeforeAndAfterNames) {
  Parsed parsed = parse({"--window", "2013-07", "flights", "--follow", "second", "--json"});
  EXPECT_EQ(parsed.names, (std::vector<std::string>{"flights", "second"}));
  EXPECT_EQ(parsed.get("--window"), "2013-07");
  EXPECT_TRUE(parsed.has("--follow"));
  EXPECT_TRUE(parsed.has("--json"));
  EXPECT_EQ(parsed.get("--output", "table"), "table");
}

TEST(Options, TakeAValueAfterAnEqualsSignEvenAnEmptyOne) {
  EXPECT_EQ(parse({"--window=a=b"}).get("--window"), "a=b");
  EXPECT_EQ(parse({"--window="}).get("--window", "fallback"), "");
  EXPECT_EQ(parse({"--window", "-1"}).get("--window"), "-1");
}

TEST(Options, ShortFormsAreKeptUnderTheirLongName) {
  Parsed parsed = parse({"-f", "-P", "a=1", "--param", "b=2", "-o", "json"});
  EXPECT_TRUE(parsed.has("--follow"));
  EXPECT_EQ(parsed.all("--param"), (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_EQ(parsed.get("--output"), "json");
}

TEST(Options, EndAtTwoDashesAndASingleDashIsAName) {
  Parsed parsed = parse({"run", "--", "--json", "-x"});
  EXPECT_EQ(parsed.names, (std::vector<std::string>{"run", "--json", "-x"}));
  EXPECT_FALSE(parsed.has("--json"));
  EXPECT_EQ(parse({"-"}).names, std::vector<std::string>{"-"});
}

TEST(Options, UnknownOnesNameTheNearest) {
  Error error = error_of({"--windw", "x"});
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message, "unknown option '--windw'");
  EXPECT_EQ(error.fix, "did you mean '--window'?");
  EXPECT_EQ(error_of({"--completely-different"}).fix, "see --help");
  EXPECT_EQ(error_of({"-z"}).code, Code::invalid_argument);
}

TEST(Options, AMissingValueIsSaid) { EXPECT_EQ(error_of({"--window"}).message, "option '--window' needs a value"); }

TEST(Options, IntegersAreChecked) {
  EXPECT_EQ(parse({"--window", "12"}).integer("--window"), 12);
  EXPECT_EQ(parse({}).integer("--window"), std::nullopt);
  EXPECT_THROW(parse({"--window", "12x"}).integer("--window"), Failure);
}

}  // namespace
}  // namespace fettle::cli
