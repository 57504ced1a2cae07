#include "api/infer/http_routes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "metrics/registry.h"

namespace fettle::api::infer {
namespace {

namespace fs = std::filesystem;

class Waiting final : public http::Responder::Sink {
 public:
  void complete(http::Response response) override { answer.set_value(std::move(response)); }
  std::promise<http::Response> answer;
};

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

class HttpRoutesTest : public ::testing::Test {
 protected:
  HttpRoutesTest() {
    put("simple", "1", "simple");
    put("double", "1", "double");
    put("words", "1", "identity_bytes");
    put("half", "1", "identity_fp16");
    put("lookup", "1", "lookup");
    put("small", "1", "identity_int8");
    write_file_atomic(place_.path() / "small/config.pbtxt", "max_batch_size: 2");
    repository_.emplace(
        serving::ModelRepositoryConfig{
            .directory = place_.path().string(), .mode = serving::ControlMode::explicit_, .load_at_start = {"*"}},
        *runtime_);
    repository_->start();
    inference_ = std::make_unique<Inference>(InferenceConfig{.server_version = "0.1"},
                                             Inference::Parts{*runtime_, clock_, &*repository_, nullptr});
    router_.add(routes(*inference_));
  }

  void put(const std::string& name, const std::string& version, const std::string& model) {
    fs::create_directories(place_.path() / name / version);
    fs::copy_file(fs::path(FETTLE_SOURCE_DIR) / "src/serving/testdata" / (model + ".onnx"),
                  place_.path() / name / version / "model.onnx", fs::copy_options::overwrite_existing);
  }

  http::Response send(std::string method, std::string path, std::string body = "",
                      std::optional<std::string> header_length = {}) {
    http::Request request{
        .method = std::move(method), .target = path, .path = path, .body = std::move(body), .request_id = "req-1"};
    if (header_length) request.headers.add("Inference-Header-Content-Length", *header_length);
    const auto match = router_.match(request.method, path);
    if (match.route == nullptr) return http::Response::text(match.path_exists ? 405 : 404, "");
    request.params = match.params;
    if (const auto* handler = std::get_if<http::Handler>(&match.route->handler)) {
      const auto outcome = outcome_of([&] { return (*handler)(request); });
      return outcome ? *outcome : match.route->on_error(outcome.error(), request);
    }
    auto sink = std::make_shared<Waiting>();
    auto answer = sink->answer.get_future();
    std::get<http::AsyncHandler>(match.route->handler)(std::move(request), http::Responder(sink));
    return answer.get();
  }

  // "400 the error's text"
  std::string refusal(const http::Response& response) {
    return fmt::format("{} {}", response.status,
                       std::string(json::parse(response.body).as_object().at("error").as_string()));
  }
  std::string infer_refusal(const std::string& model, std::string body, std::optional<std::string> header_length = {}) {
    return refusal(send("POST", "/v2/models/" + model + "/infer", std::move(body), std::move(header_length)));
  }

  TemporaryDirectory place_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<serving::Runtime> runtime_ = serving::make_runtime(
      {.onnxruntime_library = std::string(FETTLE_SOURCE_DIR) + "/build/deps/lib/libonnxruntime.so"}, clock_, registry_);
  std::optional<serving::ModelRepository> repository_;
  std::unique_ptr<Inference> inference_;
  http::Router router_;
};

TEST_F(HttpRoutesTest, TellsHealthAndMetadata) {
  EXPECT_EQ(send("GET", "/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(send("GET", "/v2/health/ready").body, R"({"live":true,"ready":true})");
  EXPECT_EQ(
      send("GET", "/v2").body,
      R"({"name":"fettle","version":"0.1","extensions":["model_repository","model_configuration","binary_tensor_data","parameters","statistics"]})");
  EXPECT_EQ(
      send("GET", "/v2/models/double").body,
      R"({"name":"double","versions":["1"],"platform":"onnxruntime_onnx","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],)"
      R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}]})");
  EXPECT_EQ(send("GET", "/v2/models/double/versions/1/ready").body, R"({"name":"double","ready":true})");
  const json::Value config = json::parse(send("GET", "/v2/models/small/config").body);
  EXPECT_EQ(config.at("max_batch_size").as_int64(), 2);
  EXPECT_EQ(config.at("input").at(0).at("data_type").as_string(), "TYPE_INT8");
  EXPECT_EQ(config.at("input").at(0).at("dims"), json::Value({-1}));
  EXPECT_FALSE(config.as_object().contains("dynamic_batching"));
  inference_->stop();
  EXPECT_EQ(send("GET", "/v2/health/live").status, 503);
  EXPECT_EQ(send("GET", "/v2/health/ready").status, 503);
  EXPECT_EQ(infer_refusal("double", R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})"),
            "503 server is shutting down");
}

TEST_F(HttpRoutesTest, AnswersJson) {
  const auto response = send("POST", "/v2/models/simple/infer",
                             R"({"model_name":"simple","id":"42","outputs":[{"name":"OUTPUT1"}],"inputs":[
      {"data":[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]],"name":"INPUT0","shape":[1,16],"datatype":"INT32"},
      {"name":"INPUT1","shape":[1,16],"datatype":"INT32","data":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  const json::Value body = json::parse(response.body);
  EXPECT_EQ(body.at("id").as_string(), "42");
  EXPECT_EQ(body.at("model_version").as_string(), "1");
  EXPECT_EQ(json::format(body.at("outputs")),
            R"([{"name":"OUTPUT1","datatype":"INT32","shape":[1,16],"data":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}])");
  EXPECT_EQ(std::string(body.at("parameters").at("prediction_id").as_string()),
            response.headers.get("x-prediction-id"));
  EXPECT_EQ(response.headers.get("x-prediction-id").size(), 26u);
}

TEST_F(HttpRoutesTest, AnswersSpecialFloatsAndStrings) {
  const auto numbers =
      send("POST", "/v2/models/double/infer",
           R"({"inputs":[{"name":"x","shape":[3,2],"datatype":"FP32","data":[NaN,null,-Infinity,1,0.1,1e-3]}]})");
  EXPECT_NE(numbers.body.find(R"("data":[NaN,NaN,-Infinity,2.0,0.2,0.002])"), std::string::npos) << numbers.body;
  EXPECT_EQ(numbers.body.find("\"id\""), std::string::npos) << "no id was given";
  const auto words = send(
      "POST", "/v2/models/words/infer",
      R"({"id":"","inputs":[{"name":"x","shape":[1,2],"datatype":"BYTES","data":["\u00e4\ud83d\ude00","q\"\\"]}]})");
  EXPECT_NE(words.body.find(R"("data":["ä😀","q\"\\"])"), std::string::npos) << words.body;
}

TEST_F(HttpRoutesTest, AnswersBinaryDataInAnyMix) {
  const std::string header =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],)"
      R"("parameters":{"binary_data_output":true}})";
  const auto response = send("POST", "/v2/models/double/infer", header + floats({1, 2}), std::to_string(header.size()));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.get("content-type"), "application/octet-stream");
  const auto length = static_cast<size_t>(*parse_int(response.headers.get("inference-header-content-length")));
  EXPECT_EQ(response.body.substr(length), floats({2, 4}));
  EXPECT_EQ(json::parse(response.body.substr(0, length))
                .at("outputs")
                .at(0)
                .at("parameters")
                .at("binary_data_size")
                .as_int64(),
            8);

  // One input as JSON, one as binary data; one output each way.
  std::string mixed =
      R"({"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"INT32","parameters":{"binary_data_size":64}},)"
      R"({"name":"INPUT1","shape":[1,16],"datatype":"INT32","data":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}],)"
      R"("outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}},{"name":"OUTPUT1"}]})";
  const size_t size = mixed.size();
  for (int32_t i = 0; i < 16; ++i) append_le(mixed, i);
  const auto both = send("POST", "/v2/models/simple/infer", mixed, std::to_string(size));
  ASSERT_EQ(both.status, 200) << both.body;
  const auto json_size = static_cast<size_t>(*parse_int(both.headers.get("inference-header-content-length")));
  EXPECT_EQ(both.body.size() - json_size, 64u);
  EXPECT_EQ(load_le<int32_t>(both.body.data() + json_size + 60), 16);
  EXPECT_NE(both.body.find(R"("data":[-1,0,1,2)"), std::string::npos);
}

TEST_F(HttpRoutesTest, AnswersBinaryStringsAndRawRequests) {
  const std::string nul("a\0b", 3);
  std::string data;
  append_le(data, uint32_t{3});
  data += nul;
  const std::string header = fmt::format(
      R"({{"inputs":[{{"name":"x","shape":[1,1],"datatype":"BYTES","parameters":{{"binary_data_size":{}}}}}],"parameters":{{"binary_data_output":true}}}})",
      data.size());
  const auto words = send("POST", "/v2/models/words/infer", header + data, std::to_string(header.size()));
  ASSERT_EQ(words.status, 200) << words.body;
  EXPECT_TRUE(words.body.ends_with(data));
  const auto raw = send("POST", "/v2/models/double/infer", floats({1, 2, 3, 4}), "0");
  ASSERT_EQ(raw.status, 200) << raw.body;
  EXPECT_TRUE(raw.body.ends_with(floats({2, 4, 6, 8})));
  EXPECT_EQ(infer_refusal("simple", floats({1}), "0"), "400 raw request needs a model with one input; 'simple' has 2");
  EXPECT_EQ(infer_refusal("double", "12345", "0"),
            "400 input byte size mismatch for input 'x' for model 'double'. Expected a multiple of 8, got 5");
}

struct BadBody {
  const char* model;
  std::string body;
  std::optional<std::string> header_length;
  std::string answer;
};

std::string one_input(std::string_view rest) { return fmt::format(R"({{"inputs":[{{{}}}]}})", rest); }

std::string x(std::string_view shape, std::string_view data) {
  return one_input(fmt::format(R"("name":"x","shape":{},"datatype":"FP32","data":{})", shape, data));
}
std::string i8(std::string_view data) {
  return one_input(fmt::format(R"("name":"x","shape":[1,1],"datatype":"INT8","data":{})", data));
}
const std::string kBinary = R"("name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8})";
const std::string kBinaryAt = std::to_string(one_input(kBinary).size());
const std::string kText = R"("name":"x","shape":[1,2],"datatype":"BYTES","parameters":{"binary_data_size":6})";
const std::string kTextAt = std::to_string(one_input(kText).size());

const std::vector<BadBody> kBadBodies = {
    {"double", "", {}, "400 invalid json at byte 0: unexpected end"},
    {"double", "{\"inputs\":", {}, "400 invalid json at byte 10: unexpected end"},
    {"double", "[]", {}, "400 the request must be a json object with 'inputs'"},
    {"double", "{}", {}, "400 'inputs' must be a non-empty list"},
    {"double", R"({"inputs":[]})", {}, "400 'inputs' must be a non-empty list"},
    {"double", R"({"inputs":{}})", {}, "400 'inputs' must be a non-empty list"},
    {"double", R"({"inputs":[1]})", {}, "400 input 0 must be an object"},
    {"double", x("[1,2]", "[1,2]") + "x", {}, "400 invalid json at byte 70: unexpected text after the value"},
    {"double", R"({"id":"1","id":"2"})", {}, "400 invalid json at byte 15: duplicate key"},
    {"double", "{\"id\":\"\xff\"}", {}, "400 invalid json at byte 7: invalid utf-8"},
    {"double", "{\"a\":" + std::string(200, '['), {}, "400 invalid json at byte 69: nested too deeply"},
    {"double", x("[1,2]", std::string(200, '[')), {}, "400 invalid json at byte 124: nested too deeply"},
    {"double", R"({"a":NaN})", {}, "400 invalid json at byte 5: NaN is only allowed in floating-point data"},
    {"double", R"({"id":7})", {}, "400 'id' must be a string"},
    {"double", one_input(R"("shape":[1,2],"datatype":"FP32","data":[1,2])"), {}, "400 input 0: 'name' is missing"},
    {"double", one_input(R"("name":"x","datatype":"FP32","data":[1,2])"), {}, "400 input 0: 'shape' is missing"},
    {"double", one_input(R"("name":"x","shape":[1,2],"data":[1,2])"), {}, "400 input 0: 'datatype' is missing"},
    {"double",
     one_input(R"("name":"x","shape":[1,2],"datatype":"FP32")"),
     {},
     "400 unable to find data for input tensor 'x'"},
    {"double",
     one_input(R"("name":"x","shape":[1,2],"datatype":"FP99","data":[1,2])"),
     {},
     "400 datatype 'FP99' of input 'x' is not known"},
    {"double", x("[-1,2]", "[1,2]"), {}, "400 shape [-1,2] of input 'x' must not be negative"},
    {"double",
     x("[4611686018427387904,8]", "[1,2]"),
     {},
     "400 shape [4611686018427387904,8] of input 'x' is too large"},
    {"double", x("[1.5,2]", "[1,2]"), {}, "400 input 0: 'shape' must be a list of whole numbers"},
    {"double", x("[1,2]", "[1]"), {}, "400 input 'x' has 1 values, its shape [1,2] needs 2"},
    {"double", x("[1000000000,2]", "[1]"), {}, "400 input 'x' has 1 values, its shape [1000000000,2] needs 2000000000"},
    {"double", x("[1,2]", R"([1,"2"])"), {}, "400 input 'x' value 1: expected FP32, got \"2\""},
    {"double", x("[1,2]", "[1,true]"), {}, "400 input 'x' value 1: expected FP32, got true"},
    {"double", x("[1,2]", "[1,1e400]"), {}, "400 input 'x' value 1: 1e400 is out of range for FP32"},
    {"double", x("[1,2]", "[1,1e39]"), {}, "400 input 'x' value 1: 1e39 is out of range for FP32"},
    {"double", x("[1,2]", "[1,01]"), {}, "400 invalid json at byte 65: a number starts with a superfluous 0"},
    {"double", x("[1,2]", "7"), {}, "400 'data' of input 'x' must be a list"},
    {"double",
     x("[1,3]", "[1,2,3]"),
     {},
     "400 [request id: <id_unknown>] unexpected shape for input 'x' for model 'double'. Expected [-1,2], got [1,3]."},
    {"small", i8("[300]"), {}, "400 input 'x' value 0: 300 is out of range for INT8"},
    {"small", i8("[1.5]"), {}, "400 input 'x' value 0: expected INT8, got 1.5"},
    {"small", i8("[NaN]"), {}, "400 invalid json at byte 63: NaN is only allowed in floating-point data"},
    {"small", i8("[null]"), {}, "400 input 'x' value 0: expected INT8, got null"},
    {"small",
     one_input(R"("name":"x","shape":[3,1],"datatype":"INT8","data":[1,2,3])"),
     {},
     "400 [request id: <id_unknown>] inference request batch-size must be <= 2 for 'small'"},
    {"half",
     one_input(R"("name":"x","shape":[1,1],"datatype":"FP16","data":[1])"),
     {},
     "400 FP16 input 'x' must be sent as binary data"},
    {"words",
     one_input(R"("name":"x","shape":[1,1],"datatype":"BYTES","data":[1])"),
     {},
     "400 input 'x' value 0: expected BYTES, got 1"},
    {"double", one_input(kBinary) + floats({1, 2}), {}, "400 invalid json at byte 93: unexpected text after the value"},
    {"double",
     one_input(kBinary),
     {},
     "400 input 'x' has binary data but the request has no inference-header-content-length"},
    {"double", one_input(kBinary) + floats({1}), kBinaryAt,
     "400 unexpected size for input 'x', expecting 4 additional bytes for model 'double'"},
    {"double", one_input(kBinary) + floats({1, 2, 3}), kBinaryAt,
     "400 unexpected additional input data for model 'double'"},
    {"double", one_input(kBinary), "99999999999",
     "400 inference-header-content-length '99999999999' must be from 0 to 93"},
    {"double", one_input(kBinary), "-1", "400 inference-header-content-length '-1' must be from 0 to 93"},
    {"double", one_input(kBinary), "abc", "400 inference-header-content-length 'abc' must be from 0 to 93"},
    {"double",
     R"({"parameters":{"triton_x":1},)" +
         one_input(R"("name":"x","shape":[1,2],"datatype":"FP32","data":[1,2])").substr(1),
     {},
     "400 parameter 'triton_x' is reserved"},
    {"double", R"({"parameters":{"p":[1]}})", {}, "400 parameter 'p' must be a string, number or bool"},
    {"double",
     R"({"parameters":{"timeout":-1},)" +
         one_input(R"("name":"x","shape":[1,2],"datatype":"FP32","data":[1,2])").substr(1),
     {},
     "400 timeout must be a whole number >= 0"},
    {"lookup",
     one_input(R"("name":"i","shape":[1],"datatype":"INT64","data":[99])"),
     {},
     "400 model 'lookup' cannot process this input (operator Gather)"},
    {"none", x("[1,2]", "[1,2]"), {}, "404 Request for unknown model: 'none' is not found"},
    {"double/versions/7", x("[1,2]", "[1,2]"), {}, "404 Request for unknown model: 'double' version 7 is not found"},
    {"double/versions/abc", x("[1,2]", "[1,2]"), {}, "404 version 'abc' must be a positive integer"},
    {"double/versions/0", x("[1,2]", "[1,2]"), {}, "400 version '0' must be a positive integer"},
    {"words", one_input(kText) + std::string("\x09\0\0\0ab", 6), kTextAt,
     "400 string element 0 of input 'x' ends 7 bytes beyond the data"},
    {"words", one_input(kText) + std::string("\x02\0\0\0ab", 6), kTextAt,
     "400 expected 2 string elements for inference input 'x', got 1"},
};

TEST_F(HttpRoutesTest, RefusesBadBodies) {
  for (const BadBody& row : kBadBodies) {
    EXPECT_EQ(infer_refusal(row.model, row.body, row.header_length), row.answer) << row.body;
  }
  const auto refused =
      send("POST", "/v2/models/none/infer", R"({"inputs":[{"name":"x","shape":[0],"datatype":"FP32","data":[]}]})");
  EXPECT_EQ(refused.body,
            R"({"error":"Request for unknown model: 'none' is not found","code":"not_found","request_id":"req-1"})");
  EXPECT_EQ(refused.headers.get("content-type"), "application/json");
}

TEST_F(HttpRoutesTest, RefusesWhatJsonCannotCarryBack) {
  const std::string header =
      R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP16","parameters":{"binary_data_size":2}}]})";
  EXPECT_EQ(infer_refusal("half", header + std::string("\0\x3c", 2), std::to_string(header.size())),
            "400 FP16 output 'y' must be requested as binary data");
  const std::string words =
      R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]})";
  EXPECT_EQ(infer_refusal("words", words + std::string("\1\0\0\0\xff", 5), std::to_string(words.size())),
            "400 output 'y' is not valid utf-8; request it as binary data");
}

TEST_F(HttpRoutesTest, CountsWhatItDid) {
  for (int i = 0; i < 3; ++i)
    send("POST", "/v2/models/double/infer",
         R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]})");
  const json::Value stats = json::parse(send("GET", "/v2/models/double/stats").body).at("model_stats").at(0);
  EXPECT_EQ(stats.at("inference_count").as_int64(), 6);
  EXPECT_EQ(stats.at("execution_count").as_int64(), 3);
  for (const char* key :
       {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"}) {
    EXPECT_TRUE(stats.at("inference_stats").as_object().contains(key)) << key;
  }
  EXPECT_EQ(stats.at("inference_stats").at("success").at("count").as_int64(), 3);
  EXPECT_EQ(refusal(send("GET", "/v2/models/none/stats")), "400 requested model 'none' is not available");
  EXPECT_EQ(json::parse(send("GET", "/v2/models/stats").body).at("model_stats").as_array().size(), 6u);
}

TEST_F(HttpRoutesTest, ControlsModels) {
  EXPECT_EQ(send("POST", "/v2/repository/models/double/unload", "{}").status, 200);
  EXPECT_EQ(refusal(send("GET", "/v2/models/double/ready")), "400 Model version not ready");
  EXPECT_NE(send("POST", "/v2/repository/index")
                .body.find(R"({"name":"double","version":"1","state":"UNAVAILABLE","reason":"unloaded"})"),
            std::string::npos);
  EXPECT_EQ(send("POST", "/v2/repository/index", R"({"ready":true})").body.find("double"), std::string::npos);
  EXPECT_EQ(send("GET", "/v2/health/ready").status, 200);
  EXPECT_EQ(send("POST", "/v2/repository/models/double/load").body, R"({"name":"double","load":true})");
  EXPECT_EQ(send("GET", "/v2/models/double/ready").status, 200);
  fs::create_directories(place_.path() / "double/2");
  write_file_atomic(place_.path() / "double/2/model.onnx", "junk");
  EXPECT_EQ(refusal(send("POST", "/v2/repository/models/double/load")),
            "400 failed to load 'double', model file is not a valid onnx model");
  EXPECT_EQ(send("GET", "/v2/health/ready").status, 200) << "version 1 still serves";
  EXPECT_EQ(refusal(send("POST", "/v2/repository/models/none/load")),
            "400 failed to load 'none', not found in the repository");
  EXPECT_EQ(refusal(send("POST", "/v2/repository/index", R"({"ready":1})")), "400 'ready' must be a bool");
  EXPECT_EQ(refusal(send("POST", "/v2/repository/r/index")), "501 repository 'r' is not supported; leave it empty");
  EXPECT_EQ(refusal(send("GET", "/v2/models/none")), "404 Request for unknown model: 'none' is not found");
  EXPECT_EQ(refusal(send("GET", "/v2/models/none/ready")), "404 Request for unknown model: 'none' is not found");
  EXPECT_EQ(refusal(send("GET", "/v2/models/..%2fetc")),
            "400 name '../etc' must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$");
}

// An endpoint goes before a model of the same name.
class OneEndpoint final : public EndpointInfer {
 public:
  bool has(std::string_view name) const override { return name == "double"; }
  Outcome<ModelDescription> describe(std::string_view name) const override {
    return ModelDescription{.name = std::string(name), .versions = {"3", "4"}};
  }
  void infer(std::string_view name, serving::InferRequest request, const Caller& caller,
             serving::InferDone done) override {
    serving::InferResponse response{.model_name = std::string(name), .model_version = "4", .id = request.id};
    response.parameters = {{"prediction_id", std::string("P1")},
                           {"headers", static_cast<int64_t>(caller.headers.size())}};
    done(std::move(response));
  }
};

TEST_F(HttpRoutesTest, AsksTheEndpointFirst) {
  OneEndpoint endpoint;
  Inference with(InferenceConfig{}, {*runtime_, clock_, &*repository_, &endpoint});
  router_ = {};
  router_.add(routes(with));
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  const auto response = send("POST", "/v2/models/double/infer", body);
  EXPECT_EQ(
      response.body,
      R"({"model_name":"double","model_version":"4","parameters":{"prediction_id":"P1","headers":0},"outputs":[]})");
  EXPECT_EQ(response.headers.get("x-prediction-id"), "P1");
  EXPECT_NE(send("GET", "/v2/models/double").body.find(R"("versions":["3","4"])"), std::string::npos);
  EXPECT_NE(send("POST", "/v2/models/double/versions/1/infer", body).body.find("[2.0,4.0]"), std::string::npos)
      << "a version names the model";
}

}  // namespace
}  // namespace fettle::api::infer
