#include "serving/model_repository.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace fettle::serving {
namespace {

namespace fs = std::filesystem;

const std::string kLibrary = std::string(FETTLE_SOURCE_DIR) + "/build/deps/lib/libonnxruntime.so";

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
    return "no failure";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

TEST(ConfigPbtxt, ReadsTheTextFormat) {
  const PbtxtConfig config = parse_config_pbtxt(R"(
    name: "m"  # a comment
    backend: "onnxruntime"
    max_batch_size: 8;
    input [ { name: "x", data_type: TYPE_FP32, dims: [ 2 ] } ]
    output { name: 'y' data_type: TYPE_FP32 dims: -1 }
    version_policy: { specific { versions: [1, 3] } }
    dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 default_queue_policy { max_queue_size: 7 } }
    instance_group [ { count: 2 kind: KIND_CPU } ]
    default_model_filename: "mo" "del.onnx"
  )");
  EXPECT_EQ(config.name, "m");
  EXPECT_EQ(config.model_filename, "model.onnx");
  EXPECT_EQ(config.batching.max_batch_size, 8);
  EXPECT_EQ(config.batching.oversize, Oversize::refuse);
  EXPECT_TRUE(config.batching.enabled);
  EXPECT_EQ(config.batching.max_delay_us, 100);
  EXPECT_EQ(config.batching.queue_limit, 7u);
  EXPECT_EQ(config.batching.instances, 2u);
  EXPECT_EQ(config.batching.preferred_sizes, (std::vector<int64_t>{4, 8}));
  EXPECT_EQ(config.versions.kind, VersionPolicy::Kind::specific);
  EXPECT_EQ(config.versions.versions, (std::vector<int64_t>{1, 3}));
}

TEST(ConfigPbtxt, SaysWhatIsWrongAndWhere) {
  const auto refusal = [](std::string_view text) { return failure_of([&] { parse_config_pbtxt(text); }); };
  EXPECT_EQ(refusal("\nmax_bath_size: 4"),
            "config: unknown field 'max_bath_size' (did you mean 'max_batch_size'?) in line 2");
  EXPECT_EQ(refusal("name: 7"), "config: 'name' must be a string in line 1");
  EXPECT_EQ(refusal("max_batch_size: -1"),
            "config: 'max_batch_size' must be a whole number that is not negative, got '-1' in line 1");
  EXPECT_EQ(refusal("backend: \"python\""), "config: backend 'python' is not available; convert the model to onnx");
  EXPECT_EQ(refusal("default_model_filename: \"../x\""), "config: file '../x' leaves the model directory");
  EXPECT_EQ(refusal("name: \"x"), "config: unterminated string in line 1");
  EXPECT_EQ(refusal("input { name: \"x\""), "config: unexpected end in line 1");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "input {";
  EXPECT_EQ(refusal(deep), "config: nested too deeply in line 1");
}

class ModelRepositoryTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& version, const std::string& model) {
    fs::create_directories(place_.path() / name / version);
    fs::copy_file(fs::path(FETTLE_SOURCE_DIR) / "src/serving/testdata" / (model + ".onnx"),
                  place_.path() / name / version / "model.onnx", fs::copy_options::overwrite_existing);
  }
  void configure(const std::string& name, std::string_view text) {
    write_file_atomic(place_.path() / name / "config.pbtxt", text);
  }
  std::string line(const ModelStatus& status) {
    return fmt::format("{} {} {} {}", status.name, status.version, status.state, status.reason);
  }
  std::vector<std::string> index(const ModelRepository& repository) {
    std::vector<std::string> lines;
    for (const ModelStatus& status : repository.index()) lines.push_back(line(status));
    return lines;
  }
  ModelRepositoryConfig config(ControlMode mode) { return {.directory = place_.path().string(), .mode = mode}; }

  TemporaryDirectory place_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<Runtime> runtime_ = make_runtime({.onnxruntime_library = kLibrary}, clock_, registry_);
};

TEST_F(ModelRepositoryTest, LoadsTheLatestVersionOfEverythingAtTheStart) {
  put("a", "1", "double");
  put("a", "2", "triple");
  put("a", "007", "triple");
  put("b", "1", "double");
  configure("b", "max_batch_size: 0 version_policy { all {} }");
  ModelRepository repository(config(ControlMode::none), *runtime_);
  repository.start();
  EXPECT_EQ(index(repository), (std::vector<std::string>{"a 2 READY ", "b 1 READY "}));
  EXPECT_EQ(runtime_->pin("b", "").value()->max_batch_size(), 0);
  EXPECT_TRUE(repository.ready());
  EXPECT_FALSE(repository.takes_commands());
}

TEST_F(ModelRepositoryTest, KeepsGoingWhenAModelIsBroken) {
  put("good", "1", "double");
  put("bad", "1", "double");
  configure("bad", "max_bath_size: 4");
  put("worse", "1", "double");
  write_file_atomic(place_.path() / "worse/1/model.onnx", "junk");
  ModelRepository repository(config(ControlMode::none), *runtime_);
  repository.start();
  EXPECT_EQ(index(repository),
            (std::vector<std::string>{
                "bad  UNAVAILABLE config: unknown field 'max_bath_size' (did you mean 'max_batch_size'?) in line 1",
                "good 1 READY ", "worse 1 UNAVAILABLE model file is not a valid onnx model"}));
  EXPECT_FALSE(repository.ready());
}

TEST_F(ModelRepositoryTest, LoadsAndUnloadsByCommand) {
  put("a", "1", "double");
  ModelRepository repository(config(ControlMode::explicit_), *runtime_);
  repository.start();
  EXPECT_EQ(index(repository), (std::vector<std::string>{"a   "}));
  EXPECT_EQ(failure_of([&] { repository.load("none"); }), "failed to load 'none', not found in the repository");
  EXPECT_EQ(failure_of([&] { repository.load("../a"); }), "failed to load '../a', not found in the repository");
  EXPECT_TRUE(repository.ready());
  repository.load("a");
  EXPECT_EQ(index(repository), (std::vector<std::string>{"a 1 READY "}));
  put("a", "2", "triple");
  repository.load("a");
  EXPECT_EQ(index(repository), (std::vector<std::string>{"a 1 UNAVAILABLE unloaded", "a 2 READY "}));
  write_file_atomic(place_.path() / "a/2/model.onnx", "junk");
  EXPECT_EQ(failure_of([&] { repository.load("a"); }), "failed to load 'a', model file is not a valid onnx model");
  EXPECT_TRUE(runtime_->pin("a", "2").has_value()) << "a failed load keeps what serves";
  repository.unload("a");
  EXPECT_FALSE(runtime_->pin("a", "").has_value());
  EXPECT_TRUE(repository.ready()) << "an unloaded model does not count";
  EXPECT_EQ(failure_of([&] { repository.unload("none"); }), "failed to unload 'none', not found in the repository");
}

TEST_F(ModelRepositoryTest, PollingFollowsTheDirectory) {
  put("a", "1", "double");
  ModelRepository repository(config(ControlMode::poll), *runtime_);
  repository.start();
  put("a", "2", "triple");
  put("b", "1", "double");
  repository.poll_once();
  EXPECT_EQ(index(repository), (std::vector<std::string>{"a 1 UNAVAILABLE unloaded", "a 2 READY ", "b 1 READY "}));
  fs::remove_all(place_.path() / "b");
  repository.poll_once();
  EXPECT_FALSE(runtime_->pin("b", "").has_value());
}

TEST_F(ModelRepositoryTest, NeedsItsDirectory) {
  EXPECT_EQ(failure_of([&] { ModelRepository({.directory = "no/such/place"}, *runtime_); }),
            "model repository 'no/such/place' is not a directory; make it, or name another with --model-repository");
}

}  // namespace
}  // namespace fettle::serving
