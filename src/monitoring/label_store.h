// Labels: what really happened, posted at any time in any order and joined to logged predictions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "monitoring/log_block.h"
#include "sql/database.h"

namespace fettle::monitoring {

class PredictionLog;

// Classes are compared as text: 1, 1.0, "1" and true are "1", -0.5 stays "-0.5".
std::string canonical_class(std::string_view text);

struct LabelRow {
  std::string prediction_id;  // 26 characters, with `row`; or else
  int64_t row = 0;
  std::string key;       // the caller's key
  std::string endpoint;  // required with a key; with an id it is checked when given
  std::string label;     // canonical
  int64_t observed_ms = 0;
};

struct LabelProblem {
  int64_t row = 0;  // in the post
  std::string message;
};

struct LabelReport {
  int64_t received = 0;
  int64_t joined = 0;     // to a logged prediction, now
  int64_t updated = 0;    // changed an earlier label; the old one is in the history
  int64_t pending = 0;    // kept until the prediction is logged
  int64_t duplicate = 0;  // said the same before
  int64_t invalid = 0;
  std::vector<LabelProblem> problems;  // at most 100
  std::vector<std::string> windows;    // "MONITOR/ID" made dirty, at most 100
};

struct LabelStatus {
  int64_t predictions = 0;  // rows
  int64_t labelled = 0;
  int64_t pending = 0;
  double lag_p50_ms = 0;  // observed - event time of the newest 10,000 labels; NaN without any
  double lag_p95_ms = 0;
  int64_t last_observed_ms = 0;
};

struct JoinedLabel {
  std::string prediction_id;
  int64_t row = 0;
  std::string label;
  int64_t observed_ms = 0;
  int64_t posted_ms = 0;
  std::string joined_by;  // "prediction_id", "key"
};

struct LabelStoreConfig {
  int64_t pending_retention_ms = 90LL * 86'400'000;
  int64_t rows_per_transaction = 5000;
};

// Thread-safe.
class LabelStore {
 public:
  // Marks the windows that hold these event times as dirty, in the same transaction; returns their names.
  using Touch = std::function<std::vector<std::string>(sql::Connection&, std::string_view endpoint,
                                                       const std::vector<int64_t>& event_ms)>;

  LabelStore(sql::Database& database, PredictionLog& log, const Clock& clock, LabelStoreConfig config = {})
      : database_(database), log_(log), clock_(clock), config_(config) {}

  // Last write wins. Rows without id and key, or with a key but no endpoint, are invalid. Durable when it returns.
  LabelReport post(const std::vector<LabelRow>& rows, const Touch& touch);

  // Joins labels that were waiting for these predictions; in the transaction that logs them.
  void join_pending(sql::Connection& connection, const std::vector<LogBlock>& blocks, const Touch& touch);

  // Labels of predictions with event time in [from_ms, to_ms), by (prediction_id, row).
  std::vector<JoinedLabel> labels(sql::Connection& connection, std::string_view endpoint, int64_t from_ms,
                                  int64_t to_ms);
  std::vector<JoinedLabel> labels_of(sql::Connection& connection, std::string_view prediction_id);

  LabelStatus status(std::string_view endpoint);
  // Labels posted after `posted_after_ms`: what a retrain policy calls new.
  int64_t count_posted(std::string_view endpoint, int64_t posted_after_ms);

 private:
  struct Target;
  class Joiner;
  void post_chunk(const std::vector<LabelRow>& rows, size_t first, size_t last, const Touch& touch,
                  LabelReport& report);

  sql::Database& database_;
  PredictionLog& log_;
  const Clock& clock_;
  const LabelStoreConfig config_;
};

}  // namespace fettle::monitoring
