#include "monitoring/prediction_log.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

namespace fettle::monitoring {
namespace {

// Ids are made when a request arrives and logged when it is answered: a segment's id range overlaps its neighbours' by
// the longest request.
constexpr int64_t kNeighbours = 256;

// Which endpoint an id is of; -1 for text that is no prediction id.
int64_t ordinal_of(std::string_view prediction_id) {
  auto parts = parse_prediction_id(prediction_id);
  return parts ? static_cast<int64_t>(parts->endpoint) : -1;
}

void insert_segment(sql::Connection& connection, std::span<const LogBlock> blocks, int64_t now_ms) {
  std::string first_id, last_id;
  int64_t first_event = INT64_MAX, last_event = INT64_MIN, requests = 0, rows = 0;
  for (const auto& block : blocks) {
    for (const auto& r : block.requests) {
      if (first_id.empty() || r.id < first_id) first_id = r.id;
      if (r.id > last_id) last_id = r.id;
    }
    auto [low, high] = std::minmax_element(block.event_ms.begin(), block.event_ms.end());
    first_event = std::min(first_event, *low);
    last_event = std::max(last_event, *high);
    requests += static_cast<int64_t>(block.requests.size());
    rows += static_cast<int64_t>(block.rows());
  }
  EncodedSegment encoded = encode_segment(blocks);
  connection.exec(
      "insert into prediction_segments (id, endpoint, endpoint_ordinal, first_id, last_id, first_event_ms, "
      "last_event_ms, requests, row_count, created_ms, head, body) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
      new_id(now_ms), blocks.front().endpoint, ordinal_of(first_id), first_id, last_id, first_event, last_event,
      requests, rows, now_ms, sql::Bytes{encoded.head}, sql::Bytes{encoded.body});
}

void insert_keys(sql::Connection& connection, const LogBlock& block) {
  if (block.keys.empty()) return;
  for (const auto& request : block.requests) {
    for (uint32_t row = 0; row < request.rows; ++row) {
      const std::string& key = block.keys[request.first_row + row];
      if (key.empty()) continue;
      connection.exec(
          "insert into prediction_keys (endpoint, caller_key, prediction_id, row_index, event_ms) values ($1, $2, $3, "
          "$4, $5) "
          "on conflict do nothing",
          block.endpoint, key, request.id, row, block.event_ms[request.first_row + row]);
    }
  }
}

}  // namespace

PredictionLog::PredictionLog(sql::Database& database, const Clock& clock, metrics::Registry& registry,
                             PredictionLogConfig config)
    : database_(database),
      clock_(clock),
      config_(config),
      accepted_(registry.counter("fettle_prediction_log_rows_total", "Prediction rows taken into the log.")),
      dropped_(registry.counter("fettle_prediction_log_dropped_rows_total",
                                "Prediction rows dropped because the log was full.")),
      damaged_(registry.counter("fettle_prediction_log_damaged_segments_total",
                                "Stored segments that failed their checksum.")),
      segments_(registry.counter("fettle_prediction_log_segments_total", "Segments written.")) {}

bool PredictionLog::offer(PredictionBatch&& batch) {
  check_batch(batch);
  auto rows = static_cast<uint64_t>(batch.rows);
  {
    std::lock_guard lock(queue_mutex_);
    if (queued_rows_ + batch.rows <= config_.queue_rows) {
      queued_rows_ += batch.rows;
      queue_.push_back(std::move(batch));
      accepted_.add(rows);
      return true;
    }
  }
  dropped_.add(rows);
  return false;
}

int64_t PredictionLog::flush(const Also& also) {
  std::lock_guard one(flush_mutex_);
  std::vector<PredictionBatch> taken;
  {
    std::lock_guard lock(queue_mutex_);
    taken.swap(queue_);
  }
  if (taken.empty()) return 0;
  int64_t rows = 0;
  for (const auto& batch : taken) rows += batch.rows;
  auto put_back = [&] {
    std::lock_guard lock(queue_mutex_);
    taken.insert(taken.end(), std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.swap(taken);
  };
  try {
    write(build_blocks(taken), also);
  } catch (...) {
    put_back();  // they still count as queued, so a store that stays down ends in counted drops, not in memory
    throw;
  }
  std::lock_guard lock(queue_mutex_);
  queued_rows_ -= rows;
  return rows;
}

void PredictionLog::write(const std::vector<LogBlock>& blocks, const Also& also) {
  std::vector<std::span<const LogBlock>> groups;  // blocks come sorted by endpoint
  for (size_t start = 0; start < blocks.size();) {
    size_t end = start;
    int64_t rows = 0;
    while (end < blocks.size() && blocks[end].endpoint == blocks[start].endpoint &&
           (end == start || rows < config_.segment_rows)) {
      rows += static_cast<int64_t>(blocks[end++].rows());
    }
    groups.push_back(std::span(blocks).subspan(start, end - start));
    start = end;
  }
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& connection) {
    for (auto group : groups) insert_segment(connection, group, now);
    for (const auto& block : blocks) insert_keys(connection, block);
    if (also) also(connection, blocks);
  });
  segments_.add(groups.size());
}

std::vector<SegmentHead> PredictionLog::decode(const sql::Rows& rows, int64_t& damaged) {
  std::vector<SegmentHead> found;
  for (const auto& row : rows) {
    try {
      found.push_back({row.text(0), decode_head(row.view(1))});
    } catch (const Failure& failure) {
      ++damaged;
      damaged_.add();
      log_error("a segment of the prediction log is damaged", {{"segment", row.text(0)}, {"error", failure.what()}});
    }
  }
  return found;
}

std::vector<SegmentHead> PredictionLog::heads(sql::Connection& connection, std::string_view endpoint, int64_t from_ms,
                                              int64_t to_ms, int64_t& damaged) {
  return decode(connection.query("select id, head from prediction_segments where endpoint = $1 and last_event_ms >= $2 "
                                 "and first_event_ms < $3 "
                                 "order by id",
                                 endpoint, from_ms, to_ms),
                damaged);
}

bool PredictionLog::load_body(sql::Connection& connection, SegmentHead& segment) {
  auto row = connection.query_one("select body from prediction_segments where id = $1", segment.id);
  if (!row) return false;
  try {
    decode_body(row->view(0), segment.blocks);
    return true;
  } catch (const Failure& failure) {
    damaged_.add();
    log_error("a segment of the prediction log is damaged", {{"segment", segment.id}, {"error", failure.what()}});
    return false;
  }
}

std::vector<SegmentHead> PredictionLog::heads_around(sql::Connection& connection, std::string_view prediction_id,
                                                     std::string_view endpoint) {
  // Segments in the order of their last id: those that hold it come at once, and what starts later than it is filtered.
  auto near = connection.query(
      "select id from (select id, first_id, endpoint from prediction_segments where endpoint_ordinal = $4 and last_id "
      ">= $1 order by last_id "
      "limit $2) as near where first_id <= $1 and ($3 = '' or endpoint = $3)",
      prediction_id, kNeighbours, endpoint, ordinal_of(prediction_id));
  sql::Rows rows;
  for (const auto& id : near) {
    auto row = connection.query_one("select id, head from prediction_segments where id = $1", id.view(0));
    if (row) rows.push_back(std::move(*row));
  }
  int64_t damaged = 0;
  return decode(rows, damaged);
}

std::optional<PredictionLog::Found> PredictionLog::find(sql::Connection& connection, std::string_view prediction_id) {
  for (auto& segment : heads_around(connection, prediction_id)) {
    for (size_t b = 0; b < segment.blocks.size(); ++b) {
      const auto& requests = segment.blocks[b].requests;
      auto at =
          std::find_if(requests.begin(), requests.end(), [&](const LoggedRequest& r) { return r.id == prediction_id; });
      if (at == requests.end()) continue;
      auto index = static_cast<size_t>(at - requests.begin());
      if (!load_body(connection, segment))
        fail(Code::data_loss, "the log segment of prediction '{}' is damaged", prediction_id);
      return Found{std::move(segment.blocks[b]), index};
    }
  }
  return std::nullopt;
}

std::optional<int64_t> PredictionLog::newest_event_ms(sql::Connection& connection, std::string_view endpoint) {
  auto row = connection.query_one(
      "select last_event_ms from prediction_segments where endpoint = $1 order by last_event_ms desc limit 1",
      endpoint);
  if (!row) return std::nullopt;
  return row->integer(0);
}

int64_t PredictionLog::logged_rows(sql::Connection& connection, std::string_view endpoint) {
  auto row =
      connection.query_one("select coalesce(sum(row_count), 0) from prediction_segments where endpoint = $1", endpoint);
  return row ? row->integer(0) : 0;
}

int64_t PredictionLog::expire(std::string_view endpoint, int64_t before_ms) {
  return database_.write([&](sql::Connection& connection) {
    auto newest = connection.query_one(
        "select max(last_event_ms) from prediction_segments where endpoint = $1 and created_ms < $2", endpoint,
        before_ms);
    if (!newest || newest->is_null(0)) return int64_t{0};
    int64_t removed =
        connection.exec("delete from prediction_segments where endpoint = $1 and created_ms < $2", endpoint, before_ms);
    connection.exec(
        "delete from prediction_keys where endpoint = $1 and event_ms <= $2 and prediction_id < coalesce((select "
        "min(first_id) from "
        "prediction_segments where endpoint = $1), 'Z')",
        endpoint, newest->integer(0));
    return removed;
  });
}

std::vector<std::string> PredictionLog::endpoints() {
  return database_.read([](sql::Connection& connection) {
    std::vector<std::string> names;
    // One index step per endpoint instead of a scan of all segments.
    std::string last;
    while (auto row = connection.query_one(
               "select endpoint from prediction_segments where endpoint > $1 order by endpoint limit 1", last)) {
      last = row->text(0);
      names.push_back(last);
    }
    return names;
  });
}

// A run of neighbours that are all small; big segments in between stay where they are, so that id ranges of segments
// hardly overlap.
std::vector<PredictionLog::Small> PredictionLog::small_run(std::string_view endpoint, int64_t& from_ms) {
  int64_t until_ms = clock_.now_ms() - config_.compact_after_ms;
  auto rows = database_.read([&](sql::Connection& connection) {
    return connection.query(
        "select id, created_ms, row_count from prediction_segments where endpoint = $1 and created_ms >= $2 and "
        "created_ms <= $3 "
        "order by created_ms, id limit 1000",
        endpoint, from_ms, until_ms);
  });
  std::vector<Small> run;
  int64_t total = 0;
  for (const auto& row : rows) {
    bool small = row.integer(2) < config_.segment_rows / 2;
    if (run.size() > 1 && (!small || total + row.integer(2) > config_.segment_rows)) break;
    if (!small || total + row.integer(2) > config_.segment_rows) {
      run.clear();
      total = 0;
    }
    from_ms = run.empty() ? row.integer(1) : run.front().created_ms;
    if (!small) continue;
    run.push_back({row.text(0), row.integer(1)});
    total += row.integer(2);
  }
  return run;
}

int64_t PredictionLog::compact(std::string_view endpoint) {
  std::lock_guard one(compact_mutex_);
  auto run = small_run(endpoint, compacted_ms_[std::string(endpoint)]);
  if (run.size() < 2) return 0;
  std::vector<LogBlock> merged;
  std::vector<Small> taken;
  database_.read([&](sql::Connection& connection) {
    for (const auto& part : run) {
      auto row = connection.query_one("select head, body from prediction_segments where id = $1", part.id);
      if (!row) continue;
      auto blocks = outcome_of([&] {
        auto decoded = decode_head(row->view(0));
        decode_body(row->view(1), decoded);
        return decoded;
      });
      if (!blocks) continue;
      for (auto& block : *blocks) append_block(merged, std::move(block));
      taken.push_back(part);
    }
  });
  if (taken.size() < 2) return 0;
  return database_.write([&](sql::Connection& connection) {
    int64_t removed = 0;
    for (const auto& part : taken) removed += connection.exec("delete from prediction_segments where id = $1", part.id);
    // Expiry may have removed some meanwhile: then this merge is not what the log holds, and the next one is.
    if (removed != static_cast<int64_t>(taken.size()))
      fail(Code::aborted, "segments of endpoint '{}' went away while they were merged", endpoint);
    insert_segment(connection, merged, taken.back().created_ms);
    return removed;
  });
}

double PredictionLog::queue_share() const {
  std::lock_guard lock(queue_mutex_);
  return static_cast<double>(queued_rows_) / static_cast<double>(config_.queue_rows);
}

}  // namespace fettle::monitoring
