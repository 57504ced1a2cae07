#include "serving/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "base/file.h"
#include "serving/ort_api.h"

namespace fettle::serving {
namespace {

namespace fs = std::filesystem;
using tensor::DType;
using tensor::Tensor;

const std::string kLibrary = std::string(FETTLE_SOURCE_DIR) + "/build/deps/lib/libonnxruntime.so";

std::string model_file(const std::string& name) {
  return std::string(FETTLE_SOURCE_DIR) + "/src/serving/testdata/" + name + ".onnx";
}

Tensor floats(std::string name, tensor::Shape shape, const std::vector<float>& values) {
  return tensor::make_tensor(std::move(name), DType::fp32, std::move(shape),
                             std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
}

Outcome<InferResponse> infer(ModelPin& model, InferRequest request) {
  std::promise<Outcome<InferResponse>> answer;
  auto future = answer.get_future();
  model.infer(std::move(request), [&](Outcome<InferResponse> outcome) { answer.set_value(std::move(outcome)); });
  return future.get();
}

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
    return "no failure";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

class RuntimeTest : public ::testing::Test {
 protected:
  std::shared_ptr<ModelPin> load(const std::string& file, const std::string& name = "m",
                                 const std::string& version = "1", BatchingConfig batching = {}) {
    runtime_->load({.name = name, .version = version, .file = model_file(file), .batching = batching});
    return value_or_throw(runtime_->pin(name, version));
  }

  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<Runtime> runtime_ =
      make_runtime({.onnxruntime_library = kLibrary, .run_threads = 2}, clock_, registry_);
};

TEST_F(RuntimeTest, LoadsAndAnswers) {
  const auto model = load("double");
  EXPECT_EQ(model->inputs()[0].name, "x");
  EXPECT_EQ(model->inputs()[0].shape, (tensor::Shape{-1, 2}));
  EXPECT_EQ(model->inputs()[0].dim_names[0], "n");
  EXPECT_EQ(model->max_batch_size(), 64);
  const auto answer = infer(*model, {.id = "7", .inputs = {floats("x", {2, 2}, {1, 2, 3, 4})}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->id, "7");
  EXPECT_EQ(answer->model_version, "1");
  EXPECT_EQ(answer->outputs[0].shape, (tensor::Shape{2, 2}));
  EXPECT_EQ(answer->outputs[0].values<float>()[3], 8.0f);
}

TEST_F(RuntimeTest, CarriesEveryDatatypeThroughBitExactly) {
  for (int i = 0; i < static_cast<int>(DType::bytes); ++i) {
    const auto dtype = static_cast<DType>(i);
    std::string word(tensor::dtype_name(dtype));
    std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto model = load("identity_" + word, "id-" + word);
    std::string bytes(6 * tensor::element_size(dtype), '\0');
    for (size_t b = 0; b < bytes.size(); ++b)
      bytes[b] = static_cast<char>(dtype == DType::boolean ? b % 2 : b * 37 + 1);
    const auto answer = infer(*model, {.inputs = {tensor::make_tensor("x", dtype, {3, 2}, bytes)}});
    ASSERT_TRUE(answer) << word << ": " << answer.error().message;
    EXPECT_EQ(answer->outputs[0].dtype, dtype) << word;
    EXPECT_EQ(answer->outputs[0].data, bytes) << word;
  }
}

TEST_F(RuntimeTest, CarriesStringsWithNulAndOfAMebibyte) {
  const auto model = load("identity_bytes");
  const std::vector<std::string> strings = {"", std::string("a\0b", 3), std::string(1 << 20, 'x'), "übermäßig"};
  const auto answer = infer(*model, {.inputs = {tensor::make_string_tensor("x", {2, 2}, strings)}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs[0].strings, strings);
  const auto plain = infer(*model, {.inputs = {tensor::make_string_tensor("x", {1, 2}, {"a", "b"})}});
  EXPECT_EQ(plain->outputs[0].strings, (std::vector<std::string>{"a", "b"}));
}

TEST_F(RuntimeTest, AnswersEmptyBatches) {
  const auto model = load("double");
  const auto answer = infer(*model, {.inputs = {floats("x", {0, 2}, {})}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs[0].shape, (tensor::Shape{0, 2}));
}

TEST_F(RuntimeTest, OffersClassMapsAsOneMatrix) {
  const auto model = load("zipmap");
  EXPECT_EQ(model->outputs()[0].shape, (tensor::Shape{-1, -1}));
  const auto answer = infer(*model, {.inputs = {floats("x", {2, 3}, {.1f, .2f, .7f, .5f, .3f, .2f})}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs[0].shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(answer->outputs[0].values<float>()[2], .7f);
}

TEST_F(RuntimeTest, JoinsRequestsIntoOneRunAndGivesEachItsRows) {
  const auto model = load("double", "m", "1", {.max_batch_size = 8, .max_delay_us = 200'000});
  std::vector<std::future<Outcome<InferResponse>>> answers;
  for (int i = 0; i < 8; ++i) {
    auto promise = std::make_shared<std::promise<Outcome<InferResponse>>>();
    answers.push_back(promise->get_future());
    const auto value = static_cast<float>(i);
    model->infer({.inputs = {floats("x", {1, 2}, {value, -value})}},
                 [promise](Outcome<InferResponse> outcome) { promise->set_value(std::move(outcome)); });
  }
  for (int i = 0; i < 8; ++i) {
    const auto answer = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->outputs[0].values<float>()[0], static_cast<float>(2 * i));
  }
  const ModelStatistics statistics = runtime_->statistics()[0];
  EXPECT_EQ(statistics.inference_count, 8u);
  EXPECT_EQ(statistics.execution_count, 1u);
  EXPECT_EQ(statistics.success.count, 8u);
  ASSERT_EQ(statistics.batches.size(), 1u);
  EXPECT_EQ(statistics.batches[0].rows, 8);
}

TEST_F(RuntimeTest, OneBadRowDoesNotFailItsNeighbours) {
  const auto model = load("lookup", "m", "1", {.max_batch_size = 3, .max_delay_us = 500'000});
  std::vector<std::future<Outcome<InferResponse>>> answers;
  for (int64_t index : {int64_t{1}, int64_t{99}, int64_t{3}}) {
    auto promise = std::make_shared<std::promise<Outcome<InferResponse>>>();
    answers.push_back(promise->get_future());
    model->infer({.inputs = {tensor::make_tensor("i", DType::int64, {1},
                                                 std::string(reinterpret_cast<const char*>(&index), 8))}},
                 [promise](Outcome<InferResponse> outcome) { promise->set_value(std::move(outcome)); });
  }
  EXPECT_EQ(answers[0].get()->outputs[0].values<float>()[0], 10.0f);
  const auto bad = answers[1].get();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::invalid_argument);
  EXPECT_EQ(bad.error().message, "model 'm' cannot process this input (operator Gather)");
  EXPECT_EQ(answers[2].get()->outputs[0].values<float>()[0], 30.0f);
}

TEST_F(RuntimeTest, StopsMergingForAModelThatMixesRows) {
  const auto model = load("total", "m", "1", {.max_batch_size = 4, .max_delay_us = 100'000});
  for (int round = 0; round < 2; ++round) {
    std::vector<std::future<Outcome<InferResponse>>> answers;
    for (int i = 1; i <= 2; ++i) {
      auto promise = std::make_shared<std::promise<Outcome<InferResponse>>>();
      answers.push_back(promise->get_future());
      model->infer({.inputs = {floats("x", {1, 2}, {static_cast<float>(i), 0})}},
                   [promise](Outcome<InferResponse> outcome) { promise->set_value(std::move(outcome)); });
    }
    EXPECT_EQ(answers[0].get()->outputs[0].values<float>()[0], 1.0f);
    EXPECT_EQ(answers[1].get()->outputs[0].values<float>()[0], 2.0f);
  }
}

TEST_F(RuntimeTest, DropsQueuedWorkWhoseDeadlinePassed) {
  const auto model = load("double", "m", "1", {.max_batch_size = 8, .max_delay_us = 300'000});
  const auto late =
      infer(*model, {.inputs = {floats("x", {1, 2}, {1, 2})}, .deadline_ns = clock_.steady_ns() + 5'000'000});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline_exceeded);
  EXPECT_EQ(runtime_->statistics()[0].execution_count, 0u);
  EXPECT_EQ(infer(*model, {.inputs = {floats("x", {1, 2}, {1, 2})}, .deadline_ns = 1}).error().code,
            Code::deadline_exceeded);
}

TEST_F(RuntimeTest, DoesNotRunWhatNobodyWaitsFor) {
  const auto model = load("double", "m", "1", {.max_batch_size = 8, .max_delay_us = 20'000});
  const auto gone = infer(*model, {.inputs = {floats("x", {1, 2}, {1, 2})}, .abandoned = [] { return true; }});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::aborted);
  EXPECT_EQ(runtime_->statistics()[0].execution_count, 0u);
}

TEST_F(RuntimeTest, RefusesBeyondTheQueueLimit) {
  const auto model = load("double", "m", "1", {.max_batch_size = 8, .max_delay_us = 200'000, .queue_limit = 2});
  std::atomic<int> refused = 0;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 5; ++i) {
    model->infer({.inputs = {floats("x", {1, 2}, {1, 2})}}, [&](Outcome<InferResponse> outcome) {
      if (outcome) return void(++answered);
      EXPECT_EQ(outcome.error().code, Code::unavailable);
      EXPECT_TRUE(outcome.error().message.starts_with("Exceeds maximum queue size"));
      ++refused;
    });
  }
  EXPECT_EQ(refused, 3);
  while (answered < 2) std::this_thread::yield();
  SUCCEED();
}

TEST_F(RuntimeTest, SaysWhatIsNotThere) {
  load("double");
  EXPECT_EQ(runtime_->pin("x", "").error().message, "Request for unknown model: 'x' is not found");
  EXPECT_EQ(runtime_->pin("m", "7").error().message, "Request for unknown model: 'm' version 7 is not found");
  runtime_->unload("m", "");
  EXPECT_EQ(runtime_->pin("m", "").error().code, Code::unavailable);
  EXPECT_EQ(runtime_->pin("m", "1").error().message, "Request for unknown model: 'm' version 1 is not at ready state");
  EXPECT_EQ(failure_of([&] { runtime_->unload("m", "1"); }), "model 'm' version 1 is not loaded");
  EXPECT_EQ(runtime_->models()[0].state, "UNAVAILABLE");
  EXPECT_EQ(runtime_->models()[0].reason, "unloaded");
}

TEST_F(RuntimeTest, ServesTheHighestNumberWhenNoVersionIsNamed) {
  load("double", "m", "9");
  load("triple", "m", "10");
  EXPECT_EQ(runtime_->pin("m", "").value()->version(), "10");
  EXPECT_EQ(runtime_->pin("m", "9").value()->version(), "9");
}

TEST_F(RuntimeTest, AFailedLoadKeepsWhatServes) {
  load("double");
  EXPECT_EQ(failure_of([&] { runtime_->load({.name = "m", .bytes = std::make_shared<const std::string>("junk")}); }),
            "model file is not a valid onnx model");
  EXPECT_EQ(runtime_->models()[0].state, "READY");
  const auto answer = infer(*runtime_->pin("m", "").value(), {.inputs = {floats("x", {1, 2}, {1, 2})}});
  EXPECT_EQ(answer->outputs[0].values<float>()[1], 4.0f);
}

TEST_F(RuntimeTest, RefusesModelsThatItCannotRun) {
  const auto refusal = [&](const std::string& file) { return failure_of([&] { load(file, file); }); };
  EXPECT_NE(refusal("unknown_op").find("operator"), std::string::npos) << refusal("unknown_op");
  EXPECT_EQ(refusal("unknown_op").find("/"), std::string::npos);
  EXPECT_NE(refusal("future_opset").find("opset ai.onnx 999"), std::string::npos) << refusal("future_opset");
  EXPECT_EQ(refusal("external"), "external data '../outside.bin' must lie inside the model directory");
  EXPECT_EQ(refusal("absent"), "model file 'absent.onnx' not found in version 1");
  EXPECT_EQ(failure_of([&] { runtime_->load({.name = "../etc", .file = model_file("double")}); }),
            "model name '../etc' must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$");
  EXPECT_EQ(failure_of([&] { runtime_->load({.name = "t", .platform = "pytorch", .file = model_file("double")}); }),
            "backend 'pytorch' is not available; convert the model to onnx");
  for (const ModelStatus& status : runtime_->models()) EXPECT_EQ(status.state, "UNAVAILABLE") << status.name;
}

TEST_F(RuntimeTest, SaysHowToGetAMissingLibrary) {
  const TemporaryDirectory empty;
  const auto without = make_runtime({.onnxruntime_library = (empty.path() / "none.so").string()}, clock_, registry_);
  EXPECT_NE(
      failure_of([&] { without->load({.name = "m", .file = model_file("double")}); }).find("none.so' cannot be opened"),
      std::string::npos);
  write_file_atomic(empty.path() / "libc-like.so", "not a library");
  const OrtSearch search{.binary_directory = empty.path().string()};
  EXPECT_EQ(ort_candidates(search).size(), 2u);
  if (failure_of([&] { OrtLibrary::open(search); }) != "no failure") {
    EXPECT_NE(failure_of([&] { OrtLibrary::open(search); }).find("pip install onnxruntime"), std::string::npos);
  }
  EXPECT_NE(failure_of([] { OrtLibrary::open({.configured = "libz.so.1"}); }).find("is not an onnx runtime library"),
            std::string::npos);
}

TEST_F(RuntimeTest, SwapsVersionsUnderTrafficWithoutAFailedRequest) {
  load("double", "m", "1");
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> answered = 0;
  std::vector<std::jthread> clients;
  for (int t = 0; t < 3; ++t) {
    clients.emplace_back([&] {
      while (!stop) {
        const auto pin = runtime_->pin("m", "");
        const auto answer =
            pin ? infer(**pin, {.inputs = {floats("x", {1, 2}, {1, 2})}}) : std::unexpected(pin.error());
        ++(answer ? answered : failed);
      }
    });
  }
  for (int cycle = 0; cycle < 30; ++cycle) {
    runtime_->load(
        {.name = "m", .version = std::to_string(cycle + 2), .file = model_file(cycle % 2 == 0 ? "triple" : "double")});
    runtime_->unload("m", std::to_string(cycle + 1));
    runtime_->load({.name = "m", .version = std::to_string(cycle + 2), .file = model_file("double")});
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 30);
}

// The last pin may go inside the answer, on a thread of the model itself.
TEST_F(RuntimeTest, LetsAnAnswerDropTheLastPin) {
  auto pin = load("double", "m", "1", {.max_delay_us = 20'000});
  std::promise<void> answered;
  auto* model = pin.get();
  model->infer({.inputs = {floats("x", {1, 2}, {1, 2})}},
               [held = std::move(pin), &answered](Outcome<InferResponse> outcome) mutable {
                 EXPECT_TRUE(outcome);
                 held.reset();
                 answered.set_value();
               });
  runtime_->unload("m", "");
  answered.get_future().get();
}

TEST_F(RuntimeTest, CountsUnderOurNamesAndTritons) {
  const auto model = load("double");
  infer(*model, {.inputs = {floats("x", {3, 2}, {1, 2, 3, 4, 5, 6})}});
  infer(*model, {.inputs = {}});
  const std::string text = registry_.expose(metrics::Format::prometheus);
  for (const char* line :
       {"nv_inference_request_success{model=\"m\",version=\"1\"} 1", "nv_inference_count{model=\"m\",version=\"1\"} 3",
        "nv_inference_request_failure{model=\"m\",version=\"1\"} 1",
        "fettle_model_rows_total{model=\"m\",version=\"1\"} 3",
        "fettle_model_failures_total{model=\"m\",version=\"1\",code=\"invalid_argument\"} 1"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST_F(RuntimeTest, MeasuresWhatAModelCosts) {
  const ModelCost cost = runtime_->measure_cost({.name = "m", .file = model_file("slow")},
                                                {floats("x", {1, 256}, std::vector<float>(256, 1.0f))},
                                                {.max_runs = 20, .max_time_ms = 2000});
  EXPECT_GT(cost.load_ms, 0.0);
  EXPECT_GT(cost.p50_ms, 0.0);
  EXPECT_GE(cost.p99_ms, cost.p50_ms);
  EXPECT_EQ(cost.size_bytes, static_cast<int64_t>(fs::file_size(model_file("slow"))));
  EXPECT_TRUE(runtime_->models().empty()) << "measuring does not serve";
  EXPECT_NE(failure_of([&] {
              runtime_->measure_cost({.name = "m", .file = model_file("slow")}, {}, {});
            }).find("expected 1 inputs"),
            std::string::npos);
}

}  // namespace
}  // namespace fettle::serving
