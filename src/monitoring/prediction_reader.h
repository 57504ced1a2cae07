// Reads of the prediction log for people, gates and rollouts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/label_store.h"
#include "monitoring/prediction_log.h"
#include "stats/table.h"

namespace fettle::monitoring {

struct LoggedPrediction {
  LogBlock block;                   // with features
  size_t request = 0;               // in block.requests
  std::vector<JoinedLabel> labels;  // of this request, by row
};

struct RowQuery {
  std::string endpoint;
  int64_t from_ms = INT64_MIN;  // event time, [from, to)
  int64_t to_ms = INT64_MAX;
  std::string version, arm, key;  // empty: all
  uint8_t verdict = 0;            // a VerdictBit; 0: all
  std::optional<bool> labelled;
  int64_t limit = 100;
  int64_t skip = 0;  // rows of the page before, in the order of the answer
};

struct PredictionRow {
  std::string id;  // "01J…/0"
  int64_t at_ms = 0;
  int64_t event_ms = 0;
  std::string key, version, arm;
  double score = 0, confidence = 0;  // NaN: none
  uint8_t verdicts = 0;
  std::string label;        // "": none yet
  int64_t observed_ms = 0;  // of the label
};

struct RowPage {
  std::vector<PredictionRow> rows;
  int64_t total = 0;  // of the whole filter
};

// What gates and rollouts judge by: labelled predictions as a table.
struct LabelledQuery {
  std::string endpoint;
  int64_t event_from_ms = INT64_MIN, event_to_ms = INT64_MAX;  // [from, to)
  int64_t received_from_ms = INT64_MIN;                        // arrival time
  std::string rollout, version, arm;                           // empty: all
  int64_t newest = 0;    // stop after so many rows, newest segments first (whole segments are taken); 0: all
  bool features = true;  // fill `table`
};
struct LabelledRows {
  stats::Table table;               // the features as logged
  std::vector<std::string> labels;  // canonical classes
  std::vector<std::string> said;    // predicted classes; "" where none
  std::vector<double> scores;       // NaN: none
  std::vector<std::string> versions;
  std::vector<std::string> arms;
  std::vector<int64_t> event_ms;
  size_t rows() const { return labels.size(); }
};

// Thread-safe. Bounded by `rows_limit` rows looked at in one call (resource_exhausted with the way out).
class PredictionReader {
 public:
  PredictionReader(sql::Database& database, PredictionLog& log, LabelStore& labels, int64_t rows_limit = 20'000'000)
      : database_(database), log_(log), labels_(labels), rows_limit_(rows_limit) {}

  std::optional<LoggedPrediction> find(const std::string& prediction_id);
  RowPage list(const RowQuery& query);  // newest event first
  LabelledRows labelled(const LabelledQuery& query);

 private:
  // Calls `body` per segment (bodies loaded) with events in the range, newest segment first, until it answers false.
  void each_segment(const std::string& endpoint, int64_t from_ms, int64_t to_ms,
                    const std::function<bool(const SegmentHead&)>& body);

  sql::Database& database_;
  PredictionLog& log_;
  LabelStore& labels_;
  const int64_t rows_limit_;
};

}  // namespace fettle::monitoring
