// What the tracking module speaks about. Plain values; times are milliseconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/condition.h"

namespace fettle::tracking {

struct KeyValue {
  std::string key;
  std::string value;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

enum class View { active, deleted, all };

struct Experiment {
  int64_t id = 0;
  std::string name;
  std::string artifact_location;
  bool deleted = false;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  std::vector<KeyValue> tags;
};

// The numbers are MLflow's enum values.
enum class RunStatus { running = 1, scheduled = 2, finished = 3, failed = 4, killed = 5 };
std::string_view format_status(RunStatus status);  // "FINISHED"
std::optional<RunStatus> parse_status(std::string_view name);

struct RunInfo {
  std::string id;  // 32 hex digits
  int64_t experiment_id = 0;
  std::string name;
  std::string user_id;
  RunStatus status = RunStatus::running;
  int64_t start_ms = 0;
  std::optional<int64_t> end_ms;
  std::string artifact_uri;
  bool deleted = false;
};

// One point of a metric. Identity within a run: key, timestamp, step, value. The value may be NaN, never infinite.
struct Metric {
  std::string key;
  double value = 0;
  int64_t timestamp_ms = 0;
  int64_t step = 0;
  std::string model_id;      // logged model that it also belongs to; "" if none
  std::string dataset_name;  // only with a model
  std::string dataset_digest;
  std::string run_id;  // filled where points of several runs are returned
};

struct Dataset {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::string schema;   // JSON text, "" if none
  std::string profile;  // JSON text, "" if none
};
struct DatasetInput {
  std::vector<KeyValue> tags;
  Dataset dataset;
};
struct ModelOutput {
  std::string model_id;
  int64_t step = 0;
};

struct Run {
  RunInfo info;
  std::vector<Metric> metrics;  // the newest of each key: the maximum by (step, timestamp, value)
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
  std::vector<DatasetInput> dataset_inputs;
  std::vector<std::string> model_inputs;
  std::vector<ModelOutput> model_outputs;
};

struct LogBatch {
  std::string run_id;
  std::vector<Metric> metrics;
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
};

enum class ModelStatus { unspecified = 0, pending = 1, ready = 2, upload_failed = 3 };

struct LoggedModel {
  std::string id;  // "m-" + 32 hex digits
  int64_t experiment_id = 0;
  std::string name;
  std::string model_type;
  std::string source_run_id;
  ModelStatus status = ModelStatus::pending;
  std::string artifact_uri;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  bool deleted = false;
  std::vector<KeyValue> tags;
  std::vector<KeyValue> params;
  std::vector<Metric> metrics;
};

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<Cursor> next;  // nothing on the last page
};

enum class RunField {
  metric,
  param,
  tag,  // keyed
  run_id,
  run_name,
  user_id,
  status,
  artifact_uri,  // text
  start_time,
  end_time,  // integer milliseconds
  dataset_name,
  dataset_digest,
  dataset_context,  // text; filters only
};
struct RunQuery {
  std::vector<int64_t> experiment_ids;
  View view = View::active;
  std::vector<Condition<RunField>> conditions;
  std::vector<OrderBy<RunField>> order;  // start_time descending, then run_id are always appended
  int64_t limit = 1000;
  std::optional<Cursor> after;
};

enum class ExperimentField { id, name, created, updated, tag };
struct ExperimentQuery {
  View view = View::active;
  std::vector<Condition<ExperimentField>> conditions;
  std::vector<OrderBy<ExperimentField>> order;  // empty: newest first
  int64_t limit = 1000;
  std::optional<Cursor> after;
};

enum class LoggedModelField {
  metric,
  param,
  tag,
  name,
  id,
  experiment_id,
  model_type,
  status,
  source_run_id,
  created,
  updated,
};
struct LoggedModelQuery {
  std::vector<int64_t> experiment_ids;
  std::vector<Condition<LoggedModelField>> conditions;
  struct DatasetRef {
    std::string name;
    std::string digest;  // "": any
  };
  std::vector<DatasetRef> datasets;              // metric conditions count only metrics on one of these
  std::vector<OrderBy<LoggedModelField>> order;  // created descending, then id are always appended
  int64_t limit = 50;
  std::optional<Cursor> after;
};

}  // namespace fettle::tracking
