#include "gateway/outputs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gateway/testing_fakes.h"

namespace fettle::gateway {
namespace {

using namespace testing;

const std::vector<serving::TensorSpec> kOutputs = {{"label", DType::int64, {-1}},
                                                   {"probabilities", DType::fp32, {-1, 2}},
                                                   {"word", DType::bytes, {-1, 1}},
                                                   {"small", DType::uint8, {-1}}};

std::string problem(const ConstantAnswer& answer) {
  try {
    check_answer(answer, kOutputs);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(Outputs, AnswersAreHeldAgainstTheModel) {
  EXPECT_EQ(problem({{"label", {int64_t{1}}}, {"probabilities", {0.2, 0.8}}, {"word", {std::string("late")}}}), "");
  EXPECT_EQ(problem({{"nothing", {int64_t{1}}}}), "a fallback answers output 'nothing', which the model does not have");
  EXPECT_EQ(problem({{"probabilities", {0.5}}}),
            "a fallback gives 1 values for output 'probabilities' of shape [-1,2]");
  EXPECT_EQ(problem({{"label", {std::string("x")}}}), "a fallback gives text for output 'label', which is INT64");
  EXPECT_EQ(problem({{"word", {1.5}}}), "a fallback gives a number for output 'word', which is BYTES");
  EXPECT_EQ(problem({{"label", {0.5}}}), "a fallback gives 0.5 for output 'label', which is INT64");
  EXPECT_EQ(problem({{"label", {1e300}}}), "a fallback gives 1e+300 for output 'label', which is INT64");
  EXPECT_EQ(problem({{"small", {int64_t{256}}}}), "a fallback gives 256 for output 'small', which is UINT8");
  EXPECT_EQ(problem({{"small", {int64_t{-1}}}}), "a fallback gives -1 for output 'small', which is UINT8");
}

TEST(Outputs, OneColumnIsTheProbabilityOfThePositiveClass) {
  EndpointSpec spec;
  std::vector<serving::TensorSpec> outputs = {{"p", DType::fp32, {-1, 1}}};
  auto binding = bind_outputs(spec, outputs);
  std::vector<tensor::Tensor> answer = {floats("p", {0.2F, 0.9F}, true)};
  auto facts = read_outputs(binding, answer, 2);
  ASSERT_TRUE(facts);
  EXPECT_NEAR(facts->scores[0], 0.2, 1e-6);
  EXPECT_NEAR(facts->confidence[0], 0.8F, 1e-6);
  EXPECT_NEAR(facts->confidence[1], 0.9F, 1e-6);
}

TEST(Outputs, ARegressionHasAScoreAndNoConfidence) {
  std::vector<serving::TensorSpec> outputs = {{"minutes", DType::fp32, {-1, 1}}};
  auto binding = bind_outputs({}, outputs);
  std::vector<tensor::Tensor> answer = {floats("minutes", {37.5F}, true)};
  auto facts = read_outputs(binding, answer, 1);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->scores[0], 37.5);
  EXPECT_TRUE(facts->confidence.empty());
  EndpointSpec named;
  named.output_probability = "minutes";
  EXPECT_FALSE(read_outputs(bind_outputs(named, outputs), answer, 1));
  named.output_probability = "hours";
  EXPECT_THROW(bind_outputs(named, outputs), Failure);
}

TEST(Outputs, WrongRowsAndNonFiniteAreTheModelsFailure) {
  auto binding = bind_outputs({}, kOutputs);
  auto response = binary_answer({0.3F, 0.4F});
  EXPECT_TRUE(read_outputs(binding, response.outputs, 2));
  EXPECT_EQ(read_outputs(binding, response.outputs, 3).error().code, Code::internal);
  for (float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    std::vector<tensor::Tensor> outputs = {floats("other", {1, bad})};
    EXPECT_EQ(read_outputs(binding, outputs, 2).error().message, "a non-finite output 'other'");
  }
}

}  // namespace
}  // namespace fettle::gateway
