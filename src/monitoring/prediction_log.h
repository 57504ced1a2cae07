// The prediction log: bounded and asynchronous in front, compressed columnar segments in SQL behind. What was offered
// is durable after at most one flush interval; when the log cannot keep up, predictions are dropped and counted, and
// answers never wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "metrics/registry.h"
#include "monitoring/log_block.h"
#include "sql/database.h"

namespace fettle::monitoring {

struct PredictionLogConfig {
  int64_t queue_rows = 500'000;       // rows waiting for a flush; beyond it predictions are dropped
  int64_t segment_rows = 65'536;      // rows of one segment, about
  int64_t compact_after_ms = 60'000;  // small segments of at least this age are merged
};

// A stored segment without its body.
struct SegmentHead {
  std::string id;
  std::vector<LogBlock> blocks;  // heads
};

class PredictionLog {
 public:
  // Called in the transaction that stores the blocks; `blocks` are of all endpoints of one flush.
  using Also = std::function<void(sql::Connection&, const std::vector<LogBlock>& blocks)>;

  PredictionLog(sql::Database& database, const Clock& clock, metrics::Registry& registry,
                PredictionLogConfig config = {});

  // Thread-safe, never waits for the database. False: full, dropped and counted. Moved from only on success.
  // invalid_argument (thrown) on vectors of wrong size: a programmer's error at the caller's side.
  bool offer(PredictionBatch&& batch);

  // Writes what was offered before. Returns the rows written. On a failed write they stay queued and the error is
  // thrown.
  int64_t flush(const Also& also = {});

  // Segments that may hold events in [from_ms, to_ms), oldest first. Damaged ones are left out, counted in `damaged`.
  std::vector<SegmentHead> heads(sql::Connection& connection, std::string_view endpoint, int64_t from_ms, int64_t to_ms,
                                 int64_t& damaged);
  // Fills the bodies. False when the body is damaged (counted in metrics).
  bool load_body(sql::Connection& connection, SegmentHead& segment);

  struct Found {
    LogBlock block;      // with its body
    size_t request = 0;  // in block.requests
  };
  // A prediction by its 26-character id: a handful of segments are looked at.
  std::optional<Found> find(sql::Connection& connection, std::string_view prediction_id);

  // Segment heads that can hold the id, for joining labels: few, since ids are ordered by time.
  std::vector<SegmentHead> heads_around(sql::Connection& connection, std::string_view prediction_id,
                                        std::string_view endpoint = {});

  // Newest logged event time of an endpoint; nothing before the first.
  std::optional<int64_t> newest_event_ms(sql::Connection& connection, std::string_view endpoint);
  int64_t logged_rows(sql::Connection& connection, std::string_view endpoint);

  // Removes segments and keys whose arrival is older; labels stay. Returns segments removed.
  int64_t expire(std::string_view endpoint, int64_t before_ms);

  // Merges neighbouring small segments of an endpoint that are old enough into one of about segment_rows, so that
  // little traffic does not end in many tiny segments. At most one merge a call; returns the segments that it replaced
  // (0: nothing to do). Damaged ones stay as they are. aborted when segments were removed meanwhile.
  int64_t compact(std::string_view endpoint);
  std::vector<std::string> endpoints();  // with logged predictions

  double queue_share() const;  // 0 to 1
  uint64_t dropped() const { return dropped_.value(); }

 private:
  struct Small {
    std::string id;
    int64_t created_ms = 0;
  };
  void write(const std::vector<LogBlock>& blocks, const Also& also);
  std::vector<Small> small_run(std::string_view endpoint, int64_t& from_ms);
  std::vector<SegmentHead> decode(const sql::Rows& rows, int64_t& damaged);

  sql::Database& database_;
  const Clock& clock_;
  const PredictionLogConfig config_;
  metrics::Counter& accepted_;
  metrics::Counter& dropped_;
  metrics::Counter& damaged_;
  metrics::Counter& segments_;

  std::mutex compact_mutex_;
  std::map<std::string, int64_t>
      compacted_ms_;  // by endpoint: nothing older is left to merge; guarded by compact_mutex_

  std::mutex flush_mutex_;  // one flush at a time; taken before queue_mutex_
  mutable std::mutex queue_mutex_;
  std::vector<PredictionBatch> queue_;  // guarded by queue_mutex_, as queued_rows_
  int64_t queued_rows_ = 0;
};

}  // namespace fettle::monitoring
