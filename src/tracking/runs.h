// Runs: lifecycle, what is logged to them, metric history, search (spec/mlflow.md 2.6, 2.7, 3.1).
#pragma once

#include <span>

#include "base/clock.h"
#include "tracking/config.h"
#include "tracking/types.h"

namespace fettle::sql {
class Database;
}

namespace fettle::tracking {

// Thread-safe; keeps references to its collaborators. Unknown runs are not_found; writes to a deleted run are
// invalid_argument.
class Runs {
 public:
  Runs(sql::Database& database, const Clock& clock, Config config);

  struct Create {
    std::optional<int64_t> experiment_id;
    std::string user_id;
    std::string name;  // "": the tag mlflow.runName, else a random one
    int64_t start_ms = 0;
    std::vector<KeyValue> tags;
  };
  // A tag `fettle.pipeline_run` links the run to its cause in the lineage.
  Run create(const Create& request);
  Run get(const std::string& id) const;
  std::optional<RunInfo> find(const std::string& id) const;

  struct Update {
    std::string id;
    std::optional<RunStatus> status;
    std::optional<int64_t> end_ms;
    std::string name;  // "": unchanged
  };
  RunInfo update(const Update& request);
  void remove(const std::string& id);
  void restore(const std::string& id);

  // How a changed param is told: alone, or as a list.
  enum class Wording { single, batch };
  // All or nothing. Exact duplicates of metric points are dropped; values beyond the double range are clamped; the last
  // of two equal tag keys wins. A metric with a model id also counts for that model.
  void log(LogBatch batch, Wording wording = Wording::batch);
  void delete_tag(const std::string& id, const std::string& key);

  // Repeating is harmless; the first tags of an input stay. Each dataset is an edge into the run in the lineage.
  void log_inputs(const std::string& id, const std::vector<DatasetInput>& datasets,
                  const std::vector<std::string>& model_ids);
  void log_outputs(const std::string& id, const std::vector<ModelOutput>& models);

  // In order of timestamp, step, value; empty for an unknown run or metric.
  std::vector<Metric> history(const std::string& id, const std::string& key) const;

  struct Sample {
    std::optional<int64_t> start_step;  // both or none
    std::optional<int64_t> end_step;
    size_t limit = 2500;  // points a run
  };
  // At most `limit` points of each run, evenly over its points in order of step, first and last included (spec 1.3).
  std::vector<Metric> sampled_history(std::span<const std::string> ids, const std::string& key,
                                      const Sample& sample) const;

  Page<Run> search(const RunQuery& query) const;

  struct DatasetSummary {
    int64_t experiment_id = 0;
    std::string name;
    std::string digest;
    std::string context;
  };
  // Distinct, at most `limit`.
  std::vector<DatasetSummary> datasets(std::span<const int64_t> experiment_ids, int64_t limit) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
  Config config_;
};

// The evenly spread choice of sampled_history over `count` ordered points: indexes. Pure.
std::vector<size_t> sample_indexes(size_t count, size_t limit);

}  // namespace fettle::tracking
