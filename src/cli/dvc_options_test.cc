#include "cli/dvc_options.h"

#include <gtest/gtest.h>

namespace fettle::cli {
namespace {

const std::vector<DvcOption> kOptions = {
    {"recursive", 'R'}, {"remote", 'r', true}, {"jobs", 'j', true}, {"force", 'f'}};

DvcOptions parse(std::vector<std::string> arguments, OptionOrder order = OptionOrder::mixed) {
  return parse_dvc_options(arguments, kOptions, order);
}

std::string problem(std::vector<std::string> arguments) {
  try {
    parse(std::move(arguments));
  } catch (const DvcUsageError& error) {
    return error.what();
  }
  return "none";
}

TEST(DvcOptionParser, ReadsWhatArgparseReads) {
  DvcOptions options = parse({"a", "-fRj4", "--remo=x", "b", "--", "-z"});
  EXPECT_TRUE(options.has("force") && options.has("recursive"));
  EXPECT_EQ(options.get_or("jobs", ""), "4");
  EXPECT_EQ(options.get_or("remote", ""), "x");
  EXPECT_EQ(options.positional, (std::vector<std::string>{"a", "b", "-z"}));
}

TEST(DvcOptionParser, ACommandKeepsItsOwnOptions) {
  DvcOptions options = parse({"-f", "python", "x.py", "-j", "--remote"}, OptionOrder::verbatim);
  EXPECT_EQ(options.positional, (std::vector<std::string>{"python", "x.py", "-j", "--remote"}));
}

TEST(DvcOptionParser, SpeaksAsArgparseDoes) {
  EXPECT_EQ(problem({"--zz", "-y"}), "unrecognized arguments: --zz -y");
  EXPECT_EQ(problem({"--re"}), "ambiguous option: --re could match --recursive, --remote");
  EXPECT_EQ(problem({"-j"}), "argument -j/--jobs: expected one argument");
  EXPECT_EQ(problem({"--force=1"}), "argument --force: ignored explicit argument '1'");
}

}  // namespace
}  // namespace fettle::cli
