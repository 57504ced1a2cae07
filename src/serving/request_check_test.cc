#include "serving/request_check.h"

#include <gtest/gtest.h>

namespace fettle::serving {
namespace {

using tensor::DType;
using tensor::Tensor;

const ModelShape kModel{.name = "m",
                        .inputs = {{.name = "a", .dtype = DType::fp32, .shape = {-1, 2}, .dim_names = {"n", ""}},
                                   {.name = "b", .dtype = DType::int64, .shape = {-1, 1}, .dim_names = {"n", ""}}},
                        .outputs = {{.name = "y", .dtype = DType::fp32, .shape = {-1, 1}},
                                    {.name = "z", .dtype = DType::fp32, .shape = {-1, 1}}},
                        .max_batch_size = 4,
                        .oversize = Oversize::refuse};

Tensor zeros(std::string name, DType dtype, tensor::Shape shape) {
  const auto count = static_cast<size_t>(tensor::element_count(shape).value_or(0));
  return tensor::make_tensor(std::move(name), dtype, std::move(shape),
                             std::string(count * tensor::element_size(dtype), '\0'));
}

InferRequest good(int64_t rows = 2) {
  return {.inputs = {zeros("b", DType::int64, {rows, 1}), zeros("a", DType::fp32, {rows, 2})}};
}

std::string refusal(InferRequest request) {
  const auto checked = check_request(kModel, request);
  if (checked) return "accepted";
  EXPECT_EQ(checked.error().code, Code::invalid_argument);
  return checked.error().message;
}

TEST(CheckRequest, OrdersInputsAsTheModelAndCountsRows) {
  InferRequest request = good();
  const auto checked = check_request(kModel, request);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->inputs[0].name, "a");
  EXPECT_EQ(checked->rows, 2);
  EXPECT_EQ(checked->outputs, (std::vector<size_t>{0, 1}));
  InferRequest other = good(1);
  other.outputs = {{"z", {}}};
  EXPECT_NE(check_request(kModel, other)->group, checked->group) << "different outputs never share a run";
}

TEST(CheckRequest, NamesWhatIsWrong) {
  InferRequest missing = good();
  missing.inputs.pop_back();
  missing.id = "r\n7";
  EXPECT_EQ(refusal(missing),
            "[request id: r?7] expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['b'], but missing "
            "required input(s) ['a']. "
            "Please provide all required input(s).");
  InferRequest extra = good();
  extra.inputs.push_back(zeros("c", DType::fp32, {2, 1}));
  EXPECT_EQ(refusal(extra), "[request id: <id_unknown>] unexpected inference input 'c' for model 'm'");
  InferRequest twice = good();
  twice.inputs.push_back(zeros("a", DType::fp32, {2, 2}));
  EXPECT_EQ(refusal(twice), "[request id: <id_unknown>] input 'a' already exists in request");
  InferRequest type = good();
  type.inputs[1] = zeros("a", DType::fp64, {2, 2});
  EXPECT_EQ(refusal(type),
            "[request id: <id_unknown>] inference input 'a' data-type is 'FP64', but model 'm' expects 'FP32'");
  InferRequest shape = good();
  shape.inputs[1] = zeros("a", DType::fp32, {2, 3});
  EXPECT_EQ(refusal(shape),
            "[request id: <id_unknown>] unexpected shape for input 'a' for model 'm'. Expected [-1,2], got [2,3].");
  InferRequest rows = good();
  rows.inputs[1] = zeros("a", DType::fp32, {1, 2});
  EXPECT_EQ(refusal(rows), "[request id: <id_unknown>] dimension 'n' is 1 in input 'a' and 2 in input 'b'");
  EXPECT_EQ(refusal(good(5)), "[request id: <id_unknown>] inference request batch-size must be <= 4 for 'm'");
  InferRequest output = good();
  output.outputs = {{"q", {}}};
  EXPECT_EQ(refusal(output), "[request id: <id_unknown>] unexpected inference output 'q' for model 'm'");
  output.outputs = {{"y", {}}, {"y", {}}};
  EXPECT_EQ(refusal(output), "[request id: <id_unknown>] output 'y' already exists in request");
  InferRequest size = good();
  size.inputs[1].data.remove_suffix(1);
  EXPECT_EQ(refusal(size),
            "[request id: <id_unknown>] input byte size mismatch for input 'a' for model 'm'. Expected 16, got 15");
  InferRequest huge = good();
  huge.inputs[1].shape = {int64_t{1} << 62, 2};
  EXPECT_NE(refusal(huge).find("must not be negative"), std::string::npos);
}

TEST(CheckRequest, CopiesDataThatIsNotAligned) {
  const auto body = std::make_shared<std::string>(64, '\0');
  InferRequest request = good(1);
  request.inputs[0].data = std::string_view(*body).substr(1, 8);
  const auto checked = check_request(kModel, request);
  ASSERT_TRUE(checked);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(checked->inputs[1].data.data()) % 8, 0u);
}

TEST(CheckRequest, LetsEmptyBatchesThrough) { EXPECT_EQ(refusal(good(0)), "accepted"); }

}  // namespace
}  // namespace fettle::serving
