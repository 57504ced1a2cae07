#include "tracking/tracking.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "journal/journal.h"
#include "schema/schema.h"
#include "sql/database.h"

namespace fettle::tracking {
namespace {

class TrackingTest : public testing::Test {
 protected:
  TrackingTest() { sql::migrate(*database_, schema::migrations()); }

  Tracking& tracking() {
    if (!tracking_) tracking_ = std::make_unique<Tracking>(*database_, *store_, clock_, config_);
    return *tracking_;
  }
  std::string make_run(int64_t start_ms = 1000, std::string name = "run") {
    return tracking()
        .runs.create({.experiment_id = 0, .user_id = "ann", .name = std::move(name), .start_ms = start_ms})
        .info.id;
  }
  void log(const std::string& run, std::string key, double value, int64_t time = 1, int64_t step = 0) {
    tracking().runs.log(
        {.run_id = run, .metrics = {{.key = std::move(key), .value = value, .timestamp_ms = time, .step = step}}});
  }
  template <class Body>
  Error error_of(Body&& body) {
    try {
      body();
    } catch (const Failure& failure) {
      return failure.error();
    }
    ADD_FAILURE() << "no error";
    return {};
  }

  TemporaryDirectory directory_;
  ManualClock clock_;
  Config config_;
  std::unique_ptr<sql::Database> database_ =
      sql::Database::open("sqlite:///" + (directory_.path() / "t.db").string(), {.durable = false});
  std::unique_ptr<blob::Store> store_ = blob::open_local(directory_.path() / "blobs");
  std::unique_ptr<Tracking> tracking_;
};

TEST_F(TrackingTest, AFreshStoreHasTheDefaultExperimentAndKeepsItOnReopening) {
  EXPECT_EQ(tracking().experiments.get(0).name, "Default");
  EXPECT_EQ(tracking().experiments.get(0).artifact_location, "mlflow-artifacts:/0");
  Tracking again(*database_, *store_, clock_);
  EXPECT_EQ(again.experiments.create({.name = "next"}), 1);
}

TEST_F(TrackingTest, ARunReadsBackAsWritten) {
  auto made = tracking().runs.create({.experiment_id = 0, .user_id = "ann", .start_ms = 5, .tags = {{"a", "1"}}});
  auto run = tracking().runs.get(made.info.id);
  EXPECT_EQ(run.info.id.size(), 32U);
  EXPECT_EQ(run.info.artifact_uri, "mlflow-artifacts:/0/" + run.info.id + "/artifacts");
  EXPECT_FALSE(run.info.name.empty());
  EXPECT_EQ(run.tags, (std::vector<KeyValue>{{"a", "1"}, {"mlflow.runName", run.info.name}}));
  EXPECT_FALSE(run.info.end_ms);
}

TEST_F(TrackingTest, NameAndTagMustAgree) {
  auto error =
      error_of([&] { tracking().runs.create({.experiment_id = 0, .name = "x", .tags = {{"mlflow.runName", "y"}}}); });
  EXPECT_NE(error.message.find("(run_name='x', mlflow.runName='y')"), std::string::npos);
  EXPECT_EQ(error_of([&] { tracking().runs.create({.experiment_id = 0, .tags = {{"a", "1"}, {"a", "2"}}}); }).message,
            "duplicate tag key 'a'");
}

TEST_F(TrackingTest, HistoryIsTheSameWhateverTheCompaction) {
  config_.pending_segment_limit = 3;
  config_.block_points = 4;
  std::string run = make_run();
  for (int64_t i = 0; i < 40; ++i) {
    log(run, i % 3 == 0 ? "b" : "a", static_cast<double>(i), 100 - i % 10, i);
    log(run, "a", static_cast<double>(i / 2), 7, i / 2);  // duplicates across blocks
  }
  auto history = tracking().runs.history(run, "a");
  std::set<int64_t> from_duplicates;
  for (const auto& m : history) {
    if (m.timestamp_ms != 7) continue;
    EXPECT_TRUE(from_duplicates.insert(m.step).second);
  }
  EXPECT_EQ(from_duplicates.size(), 20U);
  EXPECT_EQ(history.size(), 20U + 26U);
  for (size_t i = 1; i < history.size(); ++i) EXPECT_LE(history[i - 1].timestamp_ms, history[i].timestamp_ms);
  EXPECT_EQ(tracking().runs.get(run).metrics.at(0).step, 38);
  EXPECT_TRUE(tracking().runs.history(run, "none").empty());
  EXPECT_TRUE(tracking().runs.history("unknown", "a").empty());
}

TEST_F(TrackingTest, ABatchIsAllOrNothing) {
  std::string run = make_run();
  tracking().runs.log({.run_id = run, .params = {{"p", "a"}}});
  auto error = error_of([&] {
    tracking().runs.log({.run_id = run,
                         .metrics = {{.key = "m", .value = 1}},
                         .params = {{"q", "1"}, {"p", "b"}},
                         .tags = {{"t", "1"}}});
  });
  EXPECT_EQ(error.message,
            "Changing param values is not allowed. Params were already logged='[{'key': 'p', 'old_value': 'a', "
            "'new_value': 'b'}]' for run ID='" +
                run + "'.");
  auto stored = tracking().runs.get(run);
  EXPECT_TRUE(stored.metrics.empty());
  EXPECT_EQ(stored.params.size(), 1U);
  tracking().runs.log({.run_id = run, .params = {{"p", "a"}}});
  std::string text(7000, 'x');
  tracking().runs.log({.run_id = run, .params = {{"long", text}}});
  tracking().runs.log({.run_id = run, .params = {{"long", text}}});  // equal after truncation
}

TEST_F(TrackingTest, BatchLimitsAreTold) {
  std::string run = make_run();
  LogBatch batch{.run_id = run};
  for (int i = 0; i < 1001; ++i) batch.metrics.push_back({.key = "m", .value = 1, .step = i});
  EXPECT_EQ(error_of([&] { tracking().runs.log(batch); }).message,
            "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split up metrics "
            "across multiple requests and "
            "try again.");
  EXPECT_EQ(error_of([&] { tracking().runs.log({.run_id = run, .params = {{"q", "1"}, {"q", "1"}}}); }).message,
            "Duplicate parameter keys have been submitted: ['q']. Please ensure the request contains only one param "
            "value per param key.");
  EXPECT_EQ(error_of([&] {
              tracking().runs.log({.run_id = run, .metrics = {{.key = "t", .value = 1, .timestamp_ms = -1}}});
            }).message,
            "Invalid value -1 for parameter 'timestamp' supplied: metric 't' (value=1.0). Timestamp must be a "
            "nonnegative long (64-bit integer) ");
}

TEST_F(TrackingTest, DeletedRunsRefuseWritesAndComeBack) {
  std::string run = make_run();
  tracking().runs.remove(run);
  tracking().runs.remove(run);
  EXPECT_EQ(error_of([&] { log(run, "m", 1); }).message,
            "The run " + run + " must be in the 'active' state. Current state is deleted.");
  EXPECT_TRUE(tracking().runs.get(run).info.deleted);
  tracking().runs.restore(run);
  log(run, "m", 1);
  EXPECT_EQ(error_of([&] { log("nobody", "m", 1); }).code, Code::not_found);
}

TEST_F(TrackingTest, DeletingAnExperimentTakesItsRunsAlong) {
  int64_t id = tracking().experiments.create({.name = "e"});
  auto run = tracking().runs.create({.experiment_id = id, .name = "r"}).info.id;
  tracking().experiments.remove(id);
  EXPECT_TRUE(tracking().runs.get(run).info.deleted);
  EXPECT_EQ(error_of([&] { tracking().experiments.create({.name = "e"}); }).code, Code::already_exists);
  EXPECT_EQ(error_of([&] { tracking().experiments.remove(id); }).code, Code::not_found);
  EXPECT_EQ(error_of([&] { tracking().experiments.rename(id, "f"); }).code, Code::failed_precondition);
  EXPECT_EQ(error_of([&] { tracking().runs.create({.experiment_id = id}); }).code, Code::invalid_argument);
  tracking().experiments.restore(id);
  EXPECT_FALSE(tracking().runs.get(run).info.deleted);
}

TEST_F(TrackingTest, AMetricOfAModelCountsForBothAndOnce) {
  std::string run = make_run();
  auto model = tracking().models.create({.experiment_id = 0, .name = "m", .source_run_id = run});
  log(run, "auc", 0.5);
  tracking().runs.log(
      {.run_id = run, .metrics = {{.key = "auc", .value = 0.5, .timestamp_ms = 1, .model_id = model.id}}});
  EXPECT_EQ(tracking().runs.history(run, "auc").size(), 1U);
  ASSERT_EQ(tracking().models.get(model.id).metrics.size(), 1U);
  auto error = error_of(
      [&] { tracking().runs.log({.run_id = run, .metrics = {{.key = "x", .value = 1, .model_id = "m-none"}}}); });
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_TRUE(tracking().runs.history(run, "x").empty());
}

TEST_F(TrackingTest, DatasetsAndCausesAreEdgesOfTheLineage) {
  auto run =
      tracking().runs.create({.experiment_id = 0, .name = "r", .tags = {{"fettle.pipeline_run", "01J"}}}).info.id;
  std::string hash(32, 'a');
  DatasetInput input{.tags = {{"mlflow.data.context", "training"}},
                     .dataset = {"train", hash + ".dir", "local", "data/x", "", ""}};
  tracking().runs.log_inputs(run, {input, input}, {});
  input.tags = {{"mlflow.data.context", "other"}};
  tracking().runs.log_inputs(run, {input}, {});
  auto stored = tracking().runs.get(run);
  ASSERT_EQ(stored.dataset_inputs.size(), 1U);
  EXPECT_EQ(stored.dataset_inputs[0].tags, (std::vector<KeyValue>{{"mlflow.data.context", "training"}}));
  auto edges =
      database_->read([&](sql::Connection& c) { return journal::edges(c, {"run", run}, journal::Direction::up, 10); });
  ASSERT_EQ(edges.size(), 2U);
  EXPECT_EQ(edges[0].from, (journal::Node{"data", "md5:" + hash + ".dir"}));
  EXPECT_EQ(edges[1].from, (journal::Node{"pipeline_run", "01J"}));
}

TEST_F(TrackingTest, SearchOrdersNumbersThenNanThenMissingInBothDirections) {
  log(make_run(1, "one"), "m", 1);
  log(make_run(2, "two"), "m", 2);
  log(make_run(3, "nan"), "m", std::nan(""));
  make_run(4, "none");
  auto names = [&](bool descending) {
    std::string all;
    for (const auto& run :
         tracking().runs.search({.experiment_ids = {0}, .order = {{RunField::metric, "m", descending}}}).items) {
      all += run.info.name + " ";
    }
    return all;
  };
  EXPECT_EQ(names(false), "one two nan none ");
  EXPECT_EQ(names(true), "two one nan none ");
  auto unequal =
      tracking().runs.search({.experiment_ids = {0}, .conditions = {{RunField::metric, "m", Compare::ne, 1.0}}});
  EXPECT_EQ(unequal.items.size(), 2U) << "NaN differs from every number, a missing metric matches nothing";
}

TEST_F(TrackingTest, ArtifactsAreNamesOntoSharedBlobs) {
  auto& artifacts = tracking().artifacts;
  artifacts.put("0/r/artifacts/model/MLmodel", "flavors");
  artifacts.put("0/r/artifacts/model/data/model.onnx", "bytes");
  artifacts.put("0/r/artifacts/copy.onnx", "bytes");
  artifacts.put("0/r/artifacts2/other", "x");
  auto info = artifacts.get("0/r/artifacts/copy.onnx");
  EXPECT_EQ(info.size_bytes, 5U);
  EXPECT_EQ(info.sha256, artifacts.get("0/r/artifacts/model/data/model.onnx").sha256);
  EXPECT_EQ(artifacts.read("0/r/artifacts//copy.onnx"), "bytes");
  auto entries = artifacts.list("0/r/artifacts");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "copy.onnx");
  EXPECT_TRUE(entries[1].is_directory);
  EXPECT_EQ(artifacts.list_all("0/r/artifacts/model").size(), 2U);
  EXPECT_EQ(artifacts.list("").size(), 1U);
  EXPECT_TRUE(artifacts.list("0/r/artifacts/copy.onnx").empty());
  EXPECT_EQ(error_of([&] { artifacts.get("0/r/artifacts/model"); }).code, Code::invalid_argument);
  EXPECT_EQ(error_of([&] { artifacts.get("0/r/none"); }).code, Code::not_found);
  EXPECT_TRUE(artifacts.is_owned(info.sha256));
  EXPECT_EQ(artifacts.remove("0/r/artifacts"), 3);
  EXPECT_FALSE(artifacts.is_owned(info.sha256));
  EXPECT_TRUE(artifacts.find("0/r/artifacts2/other"));
}

TEST_F(TrackingTest, ReplacingAnArtifactGivesUpItsOldBlob) {
  auto& artifacts = tracking().artifacts;
  artifacts.put("a/b", "old");
  auto old = artifacts.get("a/b").sha256;
  artifacts.put("a/b", "new");
  EXPECT_FALSE(artifacts.is_owned(old));
  EXPECT_TRUE(artifacts.is_owned(artifacts.get("a/b").sha256));
}

TEST_F(TrackingTest, ListingALargeTreeSkipsWhatIsDeeper) {
  auto& artifacts = tracking().artifacts;
  auto info = store_->put("x");
  for (int i = 0; i < 1500; ++i) artifacts.put_uploaded(fmt::format("e/deep/{:04}/f", i), info);
  for (auto name : {"e/a", "e/deep.txt", "e/zz"}) artifacts.put_uploaded(name, info);
  std::string names;
  for (const auto& entry : artifacts.list("e")) names += entry.name + (entry.is_directory ? "/ " : " ");
  EXPECT_EQ(names, "a deep/ deep.txt zz ");
}

TEST_F(TrackingTest, ArtifactUrisOfThisServer) {
  EXPECT_EQ(Artifacts::path_of("mlflow-artifacts:/0/r/artifacts", "model/MLmodel"), "0/r/artifacts/model/MLmodel");
  EXPECT_EQ(error_of([] { Artifacts::path_of("mlflow-artifacts:/0/r", "../x"); }).message, "Invalid path");
  EXPECT_EQ(error_of([] { Artifacts::path_of("s3://bucket/x"); }).code, Code::unimplemented);
  EXPECT_EQ(error_of([] { Artifacts::path_of("mlflow-artifacts://host/x"); }).code, Code::unimplemented);
}

TEST(SampleIndexes, AreSpreadEvenlyWithFirstAndLast) {
  using Indexes = std::vector<size_t>;
  EXPECT_EQ(sample_indexes(10, 5), (Indexes{0, 2, 4, 6, 9}));
  EXPECT_EQ(sample_indexes(20, 5), (Indexes{0, 4, 8, 12, 19}));
  EXPECT_EQ(sample_indexes(10, 3), (Indexes{0, 4, 9}));
  EXPECT_EQ(sample_indexes(10, 2), (Indexes{0, 9}));
  EXPECT_EQ(sample_indexes(10, 1), (Indexes{9}));
  EXPECT_EQ(sample_indexes(10, 4), (Indexes{0, 3, 6, 9}));
  EXPECT_EQ(sample_indexes(3, 10), (Indexes{0, 1, 2}));
  EXPECT_TRUE(sample_indexes(0, 5).empty());
}

}  // namespace
}  // namespace fettle::tracking
