#include "registry/source.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fettle::registry {
namespace {

const std::string kRun(32, 'a');
const std::string kModel = "m-" + std::string(32, 'b');

class FakeSources final : public Sources {
 public:
  std::optional<std::string> run_artifact_uri(const std::string& run) const override {
    if (run != kRun) return std::nullopt;
    return "mlflow-artifacts:/1/" + kRun + "/artifacts";
  }
  std::optional<Model> logged_model(const std::string& model) const override {
    if (model != kModel) return std::nullopt;
    return Model{"mlflow-artifacts:/1/models/" + kModel + "/artifacts", kRun};
  }
};

SourceLocation resolve(std::string source, std::string run = "", std::string model = "") {
  return resolve_source({std::move(source), std::move(run), std::move(model)}, FakeSources());
}

Code code_of(std::string source, std::string run = "", std::string model = "") {
  try {
    resolve(std::move(source), std::move(run), std::move(model));
  } catch (const Failure& failure) {
    return failure.code();
  }
  return Code::internal;
}

TEST(Source, ALoggedModelNeedsItsIdAndGivesItsRun) {
  auto location = resolve("models:/" + kModel, "", kModel);
  EXPECT_EQ(location.source, "models:/" + kModel);
  EXPECT_EQ(location.storage_location, "mlflow-artifacts:/1/models/" + kModel + "/artifacts");
  EXPECT_EQ(location.run_id, kRun);
  EXPECT_EQ(code_of("models:/" + kModel), Code::invalid_argument);
  std::string other = "m-" + std::string(32, 'c');
  EXPECT_EQ(code_of("models:/" + other, "", other), Code::not_found);
  EXPECT_EQ(code_of("models:/" + kModel, std::string(32, 'f'), kModel), Code::invalid_argument);
}

TEST(Source, ARunMustBeTheNamedOne) {
  EXPECT_EQ(resolve("runs:/" + kRun + "/model", kRun).storage_location,
            "mlflow-artifacts:/1/" + kRun + "/artifacts/model");
  EXPECT_EQ(code_of("runs:/" + kRun + "/model"), Code::invalid_argument);
  EXPECT_EQ(code_of("runs:/" + kRun + "/../../other", kRun), Code::invalid_argument);
  std::string unknown(32, 'd');
  EXPECT_EQ(code_of("runs:/" + unknown + "/model", unknown), Code::not_found);
}

TEST(Source, AStorePathMustBeInsideTheRunOrModel) {
  std::string root = "mlflow-artifacts:/1/" + kRun + "/artifacts";
  EXPECT_EQ(resolve(root + "/model", kRun).storage_location, root + "/model");
  EXPECT_EQ(resolve("http://host:5000/api/2.0/mlflow-artifacts/artifacts/1/" + kRun + "/artifacts/model", kRun)
                .storage_location,
            root + "/model");
  EXPECT_EQ(resolve("mlflow-artifacts:/1/models/" + kModel + "/artifacts", "", kModel).run_id, kRun);
  for (auto source : {root + "2/model", root + "/../../x", root + "/%2e%2e/x", root + "/%252e%252e/x",
                      std::string("mlflow-artifacts:/2/other"), root + "/a\\b", root + "/a#b"}) {
    EXPECT_EQ(code_of(source, kRun), Code::invalid_argument) << source;
  }
  EXPECT_EQ(code_of(root + "/model"), Code::invalid_argument) << "neither run nor model named";
}

// The advisories of spec/mlflow.md 4.4: a source must never make the server read its own disk or another host.
TEST(Source, LocalFilesAndForeignHostsAreRefused) {
  for (auto source : {"/etc/passwd",
                      "file:///etc/passwd",
                      "file:/etc/passwd",
                      "file://host/etc",
                      "../../etc/passwd",
                      "etc/passwd",
                      "C:/windows",
                      "word",
                      "http://169.254.169.254/latest",
                      "https://evil/x#../",
                      "ftp://host/x",
                      "sftp://host/x",
                      "hdfs://host/x",
                      "mlflow-artifacts://host/1/x",
                      "r2://x/y",
                      "b2://x/y",
                      "viewfs://x/y",
                      "models:/../x",
                      "models:/name",
                      "models:/a/b/c",
                      "dummy-source",
                      "prompt-template",
                      "//proc/self/root",
                      "abfss://c@h/x"}) {
    EXPECT_EQ(code_of(source, kRun), Code::invalid_argument) << source;
    EXPECT_EQ(code_of(source), Code::invalid_argument) << source;
  }
}

TEST(Source, ObjectStoresAreFreeWithoutRelativeParts) {
  EXPECT_EQ(resolve("s3://bucket/model").storage_location, "s3://bucket/model");
  EXPECT_EQ(code_of("s3://bucket/../x"), Code::invalid_argument);
  EXPECT_EQ(code_of("gs://bucket/%252e%252e/x"), Code::invalid_argument);
}

TEST(Source, PromptsTakeOnlyTheirPlaceholders) {
  EXPECT_EQ(resolve_source({"dummy-source", "", "", true}, FakeSources()).source, "dummy-source");
  EXPECT_THROW(resolve_source({"/etc/passwd", "", "", true}, FakeSources()), Failure);
  EXPECT_THROW(resolve_source({"s3://b/x", "", "", true}, FakeSources()), Failure);
}

TEST(ModelReference, Forms) {
  EXPECT_EQ(parse_model_reference("models:/flights/8")->version, "8");
  EXPECT_EQ(parse_model_reference("flights@champion")->alias, "champion");
  EXPECT_EQ(parse_model_reference("models:/flights/latest")->name, "flights");
  EXPECT_EQ(parse_model_reference("models:/" + kModel)->model_id, kModel);
  for (auto bad :
       {"flights", "models:/flights", "models:/flights/Production", "models:/a/b/1", "models:/@x", "models:/a@", ""}) {
    EXPECT_FALSE(parse_model_reference(bad)) << bad;
  }
}

}  // namespace
}  // namespace fettle::registry
