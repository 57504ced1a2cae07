// Doubtful rows and failing models: what is refused, and which fallback answers.
#include <gtest/gtest.h>

#include "gateway/gateway.h"
#include "gateway/testing_endpoint.h"

namespace fettle::gateway {
namespace {

using namespace testing;
using GatewayFallbackTest = GatewayTest;

TEST_F(GatewayFallbackTest, RefusesDoubtfulRowsWhenToldTo) {
  spec_.ood_rate = 0.01;
  spec_.ood_action = Action::reject;
  serve();
  auto answer = ask(gateway_, "flights", request({5000}, {"XX"}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "1 of 1 rows are out of distribution");
  EXPECT_EQ(answer.error().details[0].path, "/rows/0");
}

TEST_F(GatewayFallbackTest, FallsBackForSomeRowsOnly) {
  spec_.confidence_threshold = 0.65;
  spec_.confidence_action = Action::fallback;
  ConstantAnswer constant = {{"label", {int64_t{0}}}, {"probabilities", {0.76, 0.24}}};
  spec_.fallback = {{.on = kLowConfidenceReason, .answer = constant}};
  serve();
  auto answer = ask(gateway_, "flights", request({30, 51}, {"UA", "UA"}));
  ASSERT_TRUE(answer);
  auto probabilities = float_values(answer->outputs[1]);
  EXPECT_NEAR(probabilities[1], 0.3F, 1e-6);
  EXPECT_NEAR(probabilities[3], 0.24F, 1e-6);
  EXPECT_EQ(parameter(*answer, "fallback"), "1:low_confidence");
  EXPECT_EQ(parameter(*answer, "verdicts"), "low_confidence=1,fallback=1");
  EXPECT_EQ(sink_.records[0].fallback, "1:low_confidence");
}

TEST_F(GatewayFallbackTest, ARowOutsideTheContractGetsTheConstant) {
  contract_.missing = Policy::reject;
  ConstantAnswer constant = {{"label", {int64_t{1}}}, {"probabilities", {0.0, 1.0}}};
  spec_.fallback = {{.on = kAnyReason, .answer = constant}};
  serve();
  auto answer = ask(gateway_, "flights", request({std::nanf(""), 30}, {"UA", "UA"}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(parameter(*answer, "fallback"), "1:contract");
  auto probabilities = float_values(answer->outputs[1]);
  EXPECT_EQ(probabilities[1], 1.0F);
  EXPECT_NEAR(probabilities[3], 0.3F, 1e-6);
}

TEST_F(GatewayFallbackTest, FailureGoesDownTheChain) {
  auto broken = flights_model("1");
  broken.function = [](serving::InferRequest, const serving::InferDone& done) {
    done(unexpected(Code::internal, "boom"));
  };
  auto nan = flights_model("2", [](float) { return std::nanf(""); });
  runtime_.add(broken);
  runtime_.add(nan);
  RuleAnswer rule{.feature = "temp",
                  .op = Compare::gt,
                  .value = 50.0,
                  .then = {{"label", {int64_t{1}}}},
                  .otherwise = {{"label", {int64_t{0}}}}};
  spec_.fallback = {{.on = kError, .answer = ModelRef{"flights-delay", "2", false}},
                    {.on = kAnyReason, .answer = rule}};
  serve();
  auto answer = ask(gateway_, "flights", request({30, 60}, {"UA", "UA"}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(parameter(*answer, "fallback"), "2:error");
  ASSERT_EQ(answer->outputs.size(), 1U);
  EXPECT_EQ(answer->outputs[0].name, "label");
  int64_t labels[2];
  std::memcpy(labels, answer->outputs[0].data.data(), sizeof labels);
  EXPECT_EQ(labels[0], 0);
  EXPECT_EQ(labels[1], 1);
  auto view = gateway_.endpoints();
  EXPECT_EQ(view[0].arms[0].figures.errors, 1U);
  EXPECT_EQ(view[0].arms[0].figures.fallback, 2U);
}

TEST_F(GatewayFallbackTest, AnotherVersionAnswersWhenTheFirstFails) {
  auto broken = flights_model("1");
  broken.function = [](serving::InferRequest, const serving::InferDone& done) {
    done(unexpected(Code::internal, "boom"));
  };
  runtime_.add(broken);
  runtime_.add(flights_model("2"));
  spec_.fallback = {{.on = kAnyReason, .answer = ModelRef{"flights-delay", "2", false}}};
  serve();
  auto answer = ask(gateway_, "flights", request({30}, {"UA"}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(parameter(*answer, "fallback"), "1:error");
  EXPECT_NEAR(float_values(answer->outputs[1])[1], 0.3F, 1e-6);
}

TEST_F(GatewayFallbackTest, NonFiniteOutputNeverLeaves) {
  runtime_.add(flights_model("1", [](float) { return std::nanf(""); }));
  serve();
  auto answer = ask(gateway_, "flights", request({30}, {"UA"}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::internal);
  EXPECT_EQ(answer.error().message, "model 'flights-delay' version 1 returned a non-finite output 'probabilities'");
}

TEST_F(GatewayFallbackTest, DeadlineIsKeptWhenTheModelHangs) {
  auto hanging = flights_model("1");
  std::vector<serving::InferDone> waiting;
  hanging.function = [&](serving::InferRequest, serving::InferDone done) { waiting.push_back(std::move(done)); };
  runtime_.add(hanging);
  spec_.timeout_ms = 40;
  serve();
  auto answer = ask(gateway_, "flights", request({30}, {"UA"}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::deadline_exceeded);

  spec_.fallback = {{.on = kTimeout, .answer = ConstantAnswer{{"label", {int64_t{0}}}}}};
  spec_.timeout_ms = 60'000;
  spec_.primary_timeout_ms = 20;
  serve();
  answer = ask(gateway_, "flights", request({30}, {"UA"}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(parameter(*answer, "fallback"), "1:timeout");
  // The late answers are dropped.
  for (auto& done : waiting) done(binary_answer({0.9F}));
}

}  // namespace
}  // namespace fettle::gateway
