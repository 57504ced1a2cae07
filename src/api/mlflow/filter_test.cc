#include "api/mlflow/filter.h"

#include <gtest/gtest.h>

#include <random>

#include "api/mlflow/searches.h"
#include "base/error.h"

namespace fettle::api::mlflow {
namespace {

std::string shown(std::string_view filter) {
  std::string out;
  try {
    for (const auto& c : parse_filter(filter)) {
      out += c.entity + "|" + c.key + "|" + c.symbol + "|" + c.literal.text;
      for (const auto& item : c.literal.items) out += "," + item;
      out += ";";
    }
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    return failure.error().message;
  }
  return out;
}

TEST(Filter, Reads) {
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown("metrics.a>0.5"), "metrics|a|>|0.5;");
  EXPECT_EQ(shown("METRICS.`a b.c` <= -1e3 and tags.\"x.y\"='q'"), "metrics|a b.c|<=|-1e3;tags|x.y|=|q;");
  EXPECT_EQ(shown("tags.mlflow.runName ILIKE \"it's\""), "tags|mlflow.runName|ILIKE|it's;");
  EXPECT_EQ(shown("run_id not in ('a', \"b\")"), "|run_id|NOT IN|,a,b;");
  EXPECT_EQ(shown("params.p is not null AND params.q IS NULL"), "params|p|IS NOT NULL|;params|q|IS NULL|;");
  EXPECT_EQ(shown("`Run name` = ''"), "|Run name|=|;");
}

TEST(Filter, RefusesWithTheReason) {
  EXPECT_EQ(shown("a = 1 OR b = 2"), "Invalid clause(s) in filter string: 'OR'");
  EXPECT_EQ(shown("a == 1").substr(0, 35), "Invalid comparator '==' not one of ");
  EXPECT_EQ(shown(" "), "Invalid filter ' '. Could not be parsed.");
  for (auto bad :
       {"a", "a =", "= 1", "a = 1 and", "a = 1 and and", "a = 'x", "a in ()", "a in ('x'", "a in ('x' 'y')", "a in (1)",
        "(a = 1)", "a <> 1", "a between 1 and 2", "not a = 1", "a is 1", "`a = 1", ".", "a.", "a = 'it''s'"}) {
    EXPECT_THROW(parse_filter(bad), Failure) << bad << " gave " << shown(bad);
  }
}

TEST(Filter, AnyBytesAreAnAnswerOrARefusal) {
  std::mt19937 random(11);
  const std::string alphabet = "ab.=!<>'\"`() ,;1-eANDandlikeinISNULL\n\xc3\xa9";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t n = random() % 24; n > 0; --n) text += alphabet[random() % alphabet.size()];
    shown(text);
    try {
      run_conditions(text);
      run_order({text});
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), Code::invalid_argument);
    }
  }
}

TEST(Filter, ABareWordIsNoValue) {
  for (auto bad :
       {"metrics.a = 1;", "metrics.a = NaN", "metrics.a = +1", "params.p = x", "start_time > 1.5", "tags.t = 3"}) {
    EXPECT_THROW(run_conditions(bad), Failure) << bad;
  }
}

TEST(Filter, Orders) {
  auto term = parse_order("metrics.`a b` desc");
  EXPECT_EQ(term.entity, "metrics");
  EXPECT_EQ(term.key, "a b");
  EXPECT_TRUE(term.descending);
  EXPECT_FALSE(parse_order("start_time ASC").descending);
  EXPECT_THROW(parse_order("start_time FOO"), Failure);
  EXPECT_THROW(parse_order(""), Failure);
}

TEST(Filter, PromptClausesChooseTheNamespace) {
  registry::ModelQuery query;
  set_model_conditions(query, "name = 'a' AND tags.`mlflow.prompt.is_prompt` = 'true'");
  EXPECT_TRUE(query.prompts);
  EXPECT_EQ(query.conditions.size(), 1U);
  registry::ModelQuery other;
  set_model_conditions(other, "tag.`mlflow.prompt.is_prompt` != 'true'");
  EXPECT_FALSE(other.prompts);
  EXPECT_TRUE(other.conditions.empty());
}

}  // namespace
}  // namespace fettle::api::mlflow
