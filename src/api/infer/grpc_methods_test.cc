#include "api/infer/grpc_methods.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "api/infer/grpc_codec.h"
#include "base/file.h"
#include "metrics/registry.h"

namespace fettle::api::infer {
namespace {

namespace fs = std::filesystem;
using Request = inference::ModelInferRequest;

class GrpcMethodsTest : public ::testing::Test {
 protected:
  GrpcMethodsTest() {
    for (const char* model : {"double", "simple", "identity_bytes", "identity_int8", "identity_fp16"}) {
      fs::create_directories(place_.path() / model / "1");
      fs::copy_file(fs::path(FETTLE_SOURCE_DIR) / "src/serving/testdata" / (std::string(model) + ".onnx"),
                    place_.path() / model / "1/model.onnx");
    }
    repository_.emplace(
        serving::ModelRepositoryConfig{
            .directory = place_.path().string(), .mode = serving::ControlMode::explicit_, .load_at_start = {"*"}},
        *runtime_);
    repository_->start();
    inference_ = std::make_unique<Inference>(InferenceConfig{.server_version = "0.1"},
                                             Inference::Parts{*runtime_, clock_, &*repository_, nullptr});
    methods_ = grpc_methods(*inference_);
  }

  Outcome<rpc::Reply> call(const std::string& name, std::string message, rpc::Call context = {}) {
    for (const rpc::Method& method : methods_) {
      if (!method.name.ends_with("/" + name)) continue;
      std::promise<Outcome<rpc::Reply>> promise;
      auto future = promise.get_future();
      method.handler(context, std::move(message),
                     [&](Outcome<rpc::Reply> reply) { promise.set_value(std::move(reply)); });
      return future.get();
    }
    return unexpected(Code::unimplemented, "no method {}", name);
  }

  template <class Response>
  Response answer(const std::string& name, const google::protobuf::MessageLite& request) {
    const auto reply = call(name, request.SerializeAsString());
    EXPECT_TRUE(reply) << name << ": " << reply.error().message;
    Response response;
    EXPECT_TRUE(response.ParseFromString(reply ? reply->message : ""));
    return response;
  }

  // "invalid_argument the error's text"
  std::string refusal(const Request& request) {
    const auto reply = call("ModelInfer", request.SerializeAsString());
    return reply ? "accepted" : fmt::format("{} {}", code_name(reply.error().code), reply.error().message);
  }

  static Request request(const std::string& model, const std::string& dtype, std::vector<int64_t> shape) {
    Request made;
    made.set_model_name(model);
    auto* input = made.add_inputs();
    input->set_name("x");
    input->set_datatype(dtype);
    input->mutable_shape()->Add(shape.begin(), shape.end());
    return made;
  }

  TemporaryDirectory place_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<serving::Runtime> runtime_ = serving::make_runtime(
      {.onnxruntime_library = std::string(FETTLE_SOURCE_DIR) + "/build/deps/lib/libonnxruntime.so"}, clock_, registry_);
  std::optional<serving::ModelRepository> repository_;
  std::unique_ptr<Inference> inference_;
  std::vector<rpc::Method> methods_;
};

TEST_F(GrpcMethodsTest, TellsHealthAndMetadata) {
  EXPECT_TRUE(answer<inference::ServerLiveResponse>("ServerLive", inference::ServerLiveRequest()).live());
  EXPECT_TRUE(answer<inference::ServerReadyResponse>("ServerReady", inference::ServerReadyRequest()).ready());
  EXPECT_EQ(answer<inference::ServerMetadataResponse>("ServerMetadata", inference::ServerMetadataRequest()).name(),
            "fettle");
  inference::ModelMetadataRequest model;
  model.set_name("simple");
  const auto metadata = answer<inference::ModelMetadataResponse>("ModelMetadata", model);
  EXPECT_EQ(metadata.inputs(1).name(), "INPUT1");
  EXPECT_EQ(metadata.inputs(1).shape(0), -1);
  inference::ModelConfigRequest config;
  config.set_name("simple");
  const auto configuration = answer<inference::ModelConfigResponse>("ModelConfig", config).config();
  EXPECT_EQ(configuration.input(0).data_type(), inference::TYPE_INT32);
  EXPECT_EQ(configuration.input(0).dims_size(), 1) << "without the batch";
  EXPECT_EQ(configuration.max_batch_size(), 64);
  EXPECT_EQ(call("Check", "")->message, std::string("\x08\x01"));
}

TEST_F(GrpcMethodsTest, AnswersRawAndTypedContents) {
  Request raw = request("double", "FP32", {1, 2});
  raw.set_id("9");
  const float values[] = {1.5f, -2.0f};
  raw.add_raw_input_contents(std::string(reinterpret_cast<const char*>(values), sizeof values));
  const auto first = answer<inference::ModelInferResponse>("ModelInfer", raw);
  EXPECT_EQ(first.id(), "9");
  EXPECT_EQ(first.raw_output_contents(0),
            std::string(reinterpret_cast<const char*>(std::vector<float>{3.0f, -4.0f}.data()), 8));
  const auto reply = call("ModelInfer", raw.SerializeAsString());
  ASSERT_EQ(reply->metadata.size(), 1u);
  EXPECT_EQ(reply->metadata[0].first, "x-prediction-id");

  Request typed = request("identity_int8", "INT8", {1, 2});
  typed.mutable_inputs(0)->mutable_contents()->add_int_contents(-3);
  typed.mutable_inputs(0)->mutable_contents()->add_int_contents(7);
  EXPECT_EQ(answer<inference::ModelInferResponse>("ModelInfer", typed).raw_output_contents(0), std::string("\xfd\x07"));

  Request words = request("identity_bytes", "BYTES", {1, 1});
  words.add_raw_input_contents(std::string("\3\0\0\0a\0b", 7));
  EXPECT_EQ(answer<inference::ModelInferResponse>("ModelInfer", words).raw_output_contents(0),
            std::string("\3\0\0\0a\0b", 7));
}

TEST_F(GrpcMethodsTest, RefusesBadRequests) {
  EXPECT_EQ(call("ModelInfer", "\xff\xff\xff").error().message, "malformed ModelInferRequest");
  Request none = request("none", "FP32", {1, 2});
  none.add_raw_input_contents(std::string(8, '\0'));
  EXPECT_EQ(refusal(none), "not_found Request for unknown model: 'none' is not found");
  none.set_model_name("double");
  none.set_model_version("abc");
  EXPECT_EQ(refusal(none), "invalid_argument version 'abc' must be a positive integer");
  EXPECT_EQ(refusal(request("double", "FP32", {1, 2})), "invalid_argument unable to find data for input tensor 'x'");
  EXPECT_EQ(refusal(request("double", "FP99", {1, 2})), "invalid_argument datatype 'FP99' of input 'x' is not known");
  EXPECT_EQ(refusal(request("double", "FP32", {-1, 2})),
            "invalid_argument shape [-1,2] of input 'x' must not be negative");
  EXPECT_EQ(refusal(request("double", "FP32", {int64_t{1} << 62, 8})),
            "invalid_argument shape [4611686018427387904,8] of input 'x' is too large");
  Request sized = request("double", "FP32", {1, 2});
  sized.add_raw_input_contents("1234");
  EXPECT_EQ(refusal(sized),
            "invalid_argument input byte size mismatch for input 'x' for model 'double'. Expected 8, got 4");
  sized.add_raw_input_contents("1234");
  EXPECT_EQ(refusal(sized), "invalid_argument expected 1 raw_input_contents entries, got 2");
  Request both = request("double", "FP32", {1, 1});
  both.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  both.add_raw_input_contents(std::string(4, '\0'));
  EXPECT_EQ(refusal(both),
            "invalid_argument contents field must not be specified when using raw_input_contents for 'x'");
  Request range = request("identity_int8", "INT8", {1, 1});
  range.mutable_inputs(0)->mutable_contents()->add_int_contents(300);
  EXPECT_EQ(refusal(range), "invalid_argument input 'x' value 0: 300 is out of range for INT8");
  Request half = request("identity_fp16", "FP16", {1, 1});
  half.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(refusal(half), "invalid_argument FP16 input 'x' must be sent as binary data");
  Request memory = request("double", "FP32", {1, 2});
  (*memory.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
  EXPECT_EQ(refusal(memory), "unimplemented client shared memory is disabled");
}

TEST_F(GrpcMethodsTest, StreamsErrorsInBand) {
  Request bad = request("double", "FP32", {1, 2});
  bad.set_id("17");
  const auto answered = answer<inference::ModelStreamInferResponse>("ModelStreamInfer", bad);
  EXPECT_EQ(answered.error_message(), "unable to find data for input tensor 'x'");
  EXPECT_EQ(answered.infer_response().id(), "17");
  bad.add_raw_input_contents(std::string(8, '\0'));
  EXPECT_EQ(answer<inference::ModelStreamInferResponse>("ModelStreamInfer", bad).infer_response().outputs(0).name(),
            "y");
}

TEST_F(GrpcMethodsTest, HonoursTheDeadline) {
  Request late = request("double", "FP32", {1, 2});
  late.add_raw_input_contents(std::string(8, '\0'));
  EXPECT_EQ(call("ModelInfer", late.SerializeAsString(), {.deadline_ns = 1}).error().code, Code::deadline_exceeded);
}

TEST_F(GrpcMethodsTest, ControlsModelsAlsoAsKServeAsks) {
  inference::RepositoryModelUnloadRequest unload;
  unload.set_model_name("double");
  EXPECT_TRUE(answer<inference::RepositoryModelUnloadResponse>("RepositoryModelUnload", unload).is_unloaded());
  inference::ModelReadyRequest ready;
  ready.set_name("double");
  EXPECT_FALSE(answer<inference::ModelReadyResponse>("ModelReady", ready).ready());
  inference::RepositoryModelLoadRequest load;
  load.set_repository_name("double");  // KServe's field 1 is the model's name
  EXPECT_EQ(answer<inference::RepositoryModelLoadResponse>("RepositoryModelLoad", load).model_name(), "double");
  EXPECT_TRUE(answer<inference::ModelReadyResponse>("ModelReady", ready).ready());
  EXPECT_EQ(
      answer<inference::RepositoryIndexResponse>("RepositoryIndex", inference::RepositoryIndexRequest()).models_size(),
      5);
  ready.set_name("none");
  EXPECT_EQ(call("ModelReady", ready.SerializeAsString()).error().code, Code::not_found);
  inference::ModelStatisticsRequest statistics;
  EXPECT_EQ(answer<inference::ModelStatisticsResponse>("ModelStatistics", statistics).model_stats_size(), 5);
}

}  // namespace
}  // namespace fettle::api::infer
