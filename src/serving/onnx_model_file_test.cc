#include "serving/onnx_model_file.h"

#include <gtest/gtest.h>

#include <random>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

namespace fettle::serving {
namespace {

namespace fs = std::filesystem;

std::string model(const std::string& name) {
  return read_file(fs::path(FETTLE_SOURCE_DIR) / "src/serving/testdata" / (name + ".onnx"));
}

void expect_refused(std::string_view bytes) {
  try {
    parse_onnx_model(bytes);
    ADD_FAILURE() << "accepted " << bytes.size() << " bytes";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    EXPECT_STREQ(failure.what(), "model file is not a valid onnx model");
  }
}

TEST(OnnxModelFile, ReadsVersionsAndExternalFiles) {
  const OnnxModelFile plain = parse_onnx_model(model("double"));
  EXPECT_EQ(plain.ir_version, 8);
  ASSERT_EQ(plain.opsets.size(), 1u);
  EXPECT_EQ(plain.opsets[0].version, 15);
  EXPECT_TRUE(plain.externals.empty());
  const OnnxModelFile external = parse_onnx_model(model("external"));
  ASSERT_EQ(external.externals.size(), 1u);
  EXPECT_EQ(external.externals[0].location, "../outside.bin");
}

TEST(OnnxModelFile, RefusesWhatIsNotAModel) {
  expect_refused("");
  expect_refused("not a model at all");
  expect_refused(std::string(100, '\0'));
  expect_refused(std::string(100, '\xff'));
  const std::string whole = model("simple");
  for (size_t cut : {size_t{1}, size_t{5}, whole.size() / 2, whole.size() - 1})
    expect_refused(std::string_view(whole).substr(0, cut));
}

// Graphs within attributes of nodes within graphs: each level is node{attribute{graph}}.
TEST(OnnxModelFile, BoundsNesting) {
  const auto wrap = [](char field, const std::string& content) {
    std::string out(1, static_cast<char>(field << 3 | 2));
    append_varint(out, content.size());
    return out + content;
  };
  std::string graph;
  for (int depth = 0; depth < 200; ++depth) graph = wrap(1, wrap(5, wrap(6, graph)));
  expect_refused(std::string("\x08\x08", 2) + wrap(7, graph));
}

TEST(OnnxModelFile, SurvivesAnyDamage) {
  std::mt19937 random(11);
  const std::string whole = model("slow");
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      parse_onnx_model(damaged);
    } catch (const Failure&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

std::string external_refusal(const fs::path& directory, OnnxExternal external) {
  try {
    check_external_data({.externals = {std::move(external)}}, directory);
    return "accepted";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

TEST(ExternalData, MustLieInsideTheModelDirectory) {
  const TemporaryDirectory place;
  const fs::path inside = place.path() / "model";
  fs::create_directory(inside);
  write_file_atomic(inside / "w.bin", "12345678");
  write_file_atomic(place.path() / "secret", "12345678");
  fs::create_symlink(place.path() / "secret", inside / "link");
  fs::create_hard_link(place.path() / "secret", inside / "hard");
  EXPECT_EQ(external_refusal(inside, {"w.bin", 0, 8}), "accepted");
  EXPECT_EQ(external_refusal(inside, {"w.bin", 4, -1}), "accepted");
  for (const char* bad : {"../secret", "/etc/passwd", "a/../../secret", "link", "hard", ""}) {
    EXPECT_EQ(external_refusal(inside, {bad, 0, 1}),
              fmt::format("external data '{}' must lie inside the model directory", bad));
  }
  EXPECT_EQ(external_refusal({}, {"w.bin", 0, 8}), "external data 'w.bin' must lie inside the model directory");
  EXPECT_EQ(external_refusal(inside, {"none.bin", 0, 1}), "external data 'none.bin' is not in the model directory");
  EXPECT_EQ(external_refusal(inside, {"w.bin", 1, 8}), "external data 'w.bin' ends before what the model reads of it");
  EXPECT_EQ(external_refusal(inside, {"w.bin", 1, INT64_MAX}),
            "external data 'w.bin' ends before what the model reads of it");
}

}  // namespace
}  // namespace fettle::serving
