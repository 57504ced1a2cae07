#include "monitoring/label_store.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/id.h"
#include "base/text.h"
#include "monitoring/prediction_log.h"

namespace fettle::monitoring {
namespace {

constexpr size_t kProblemsLimit = 100;
constexpr size_t kWindowsLimit = 100;

void add_problem(LabelReport& report, size_t row, std::string message) {
  ++report.invalid;
  if (report.problems.size() < kProblemsLimit)
    report.problems.push_back({static_cast<int64_t>(row), std::move(message)});
}

// Empty, or why the row can never be joined.
std::string problem_of(const LabelRow& row) {
  if (row.label.empty()) return "the label is empty";
  if (row.prediction_id.empty() && row.key.empty()) return "expected 'prediction_id' or 'key'";
  if (!row.prediction_id.empty() && !parse_prediction_id(row.prediction_id)) {
    return fmt::format("'{}' is not a prediction id", row.prediction_id);
  }
  if (row.row < 0) return fmt::format("row {} of prediction '{}' is below 0", row.row, row.prediction_id);
  if (row.prediction_id.empty() && row.endpoint.empty()) return "a key needs 'endpoint'";
  if (row.key.size() > 256) return fmt::format("the key has {} bytes, more than 256", row.key.size());
  return "";
}

std::string pending_reference(const LabelRow& row) {
  return row.prediction_id.empty() ? row.key : fmt::format("{}/{}", row.prediction_id, row.row);
}
// Ids are unique across endpoints: they wait under the empty endpoint.
std::string_view pending_endpoint(const LabelRow& row) {
  return row.prediction_id.empty() ? std::string_view(row.endpoint) : std::string_view();
}

}  // namespace

std::string canonical_class(std::string_view text) {
  std::string_view t = trim(text);
  if (t == "true" || t == "True") return "1";
  if (t == "false" || t == "False") return "0";
  auto number = parse_double(t);
  if (number && std::isfinite(*number) && *number == std::floor(*number) && std::fabs(*number) < 9e15) {
    return std::to_string(static_cast<int64_t>(*number));
  }
  return std::string(t);
}

// The logged row that a label belongs to.
struct LabelStore::Target {
  std::string endpoint;
  std::string prediction_id;
  int64_t row = 0;
  int64_t event_ms = 0;
};

// Resolves labels to logged rows. Sorted ids walk through the log: each segment is read once per run of ids.
class LabelStore::Joiner {
 public:
  Joiner(PredictionLog& log, sql::Connection& connection) : log_(log), connection_(connection) {}

  // Nothing: not logged. `problem` is set when the row can never be joined.
  std::optional<Target> resolve(const LabelRow& label, std::string& problem) {
    return label.prediction_id.empty() ? by_key(label) : by_id(label, problem);
  }

 private:
  struct Logged {
    std::string endpoint;
    std::vector<int64_t> event_ms;
  };

  std::optional<Target> by_key(const LabelRow& label) {
    auto row = connection_.query_one(
        "select prediction_id, row_index, event_ms from prediction_keys where endpoint = $1 and caller_key = $2 "
        "order by prediction_id desc, row_index desc limit 1",
        label.endpoint, label.key);
    if (!row) return std::nullopt;
    return Target{label.endpoint, row->text(0), row->integer(1), row->integer(2)};
  }

  std::optional<Target> by_id(const LabelRow& label, std::string& problem) {
    auto at = known_.find(label.prediction_id);
    if (at == known_.end()) {
      load_around(label.prediction_id);
      at = known_.find(label.prediction_id);
      if (at == known_.end()) return std::nullopt;
    }
    const Logged& logged = at->second;
    if (!label.endpoint.empty() && label.endpoint != logged.endpoint) {
      problem = fmt::format("prediction '{}' is of endpoint '{}', not '{}'", label.prediction_id, logged.endpoint,
                            label.endpoint);
      return std::nullopt;
    }
    if (label.row >= static_cast<int64_t>(logged.event_ms.size())) {
      problem = fmt::format("prediction '{}' has {} rows, there is no row {}", label.prediction_id,
                            logged.event_ms.size(), label.row);
      return std::nullopt;
    }
    return Target{logged.endpoint, label.prediction_id, label.row, logged.event_ms[static_cast<size_t>(label.row)]};
  }

  void load_around(const std::string& id) {
    known_.clear();
    for (const auto& segment : log_.heads_around(connection_, id)) {
      for (const auto& block : segment.blocks) {
        for (const auto& r : block.requests) {
          auto from = block.event_ms.begin() + r.first_row;
          known_[r.id] = {block.endpoint, std::vector<int64_t>(from, from + r.rows)};
        }
      }
    }
  }

  PredictionLog& log_;
  sql::Connection& connection_;
  std::unordered_map<std::string, Logged> known_;  // of the segments around the last id
};

namespace {

enum class Outcome { joined, updated, duplicate };

Outcome store_label(sql::Connection& connection, std::string_view endpoint, std::string_view id, int64_t row,
                    int64_t event_ms, std::string_view label, int64_t observed_ms, int64_t posted_ms,
                    std::string_view joined_by) {
  auto before = connection.query_one(
      "select label, observed_ms, posted_ms from labels where prediction_id = $1 and row_index = $2", id, row);
  if (!before) {
    connection.exec(
        "insert into labels (prediction_id, row_index, endpoint, event_ms, label, observed_ms, posted_ms, joined_by) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id, row, endpoint, event_ms, label, observed_ms, posted_ms, joined_by);
    return Outcome::joined;
  }
  if (before->view(0) == label) return Outcome::duplicate;
  connection.exec(
      "insert into label_history (prediction_id, row_index, label, observed_ms, posted_ms, replaced_ms) values ($1, "
      "$2, $3, $4, $5, $6)",
      id, row, before->view(0), before->integer(1), before->integer(2), posted_ms);
  connection.exec(
      "update labels set label = $3, observed_ms = $4, posted_ms = $5, joined_by = $6 where prediction_id = $1 and "
      "row_index = $2",
      id, row, label, observed_ms, posted_ms, joined_by);
  return Outcome::updated;
}

// False: it said the same before.
bool store_pending(sql::Connection& connection, const LabelRow& label, int64_t now) {
  std::string reference = pending_reference(label);
  auto before = connection.query_one("select label from pending_labels where endpoint = $1 and reference = $2",
                                     pending_endpoint(label), reference);
  if (before && before->view(0) == label.label) return false;
  connection.exec(
      "insert into pending_labels (endpoint, reference, label, observed_ms, posted_ms) values ($1, $2, $3, $4, $5) "
      "on conflict (endpoint, reference) do update set label = excluded.label, observed_ms = excluded.observed_ms, "
      "posted_ms = excluded.posted_ms",
      pending_endpoint(label), reference, label.label, label.observed_ms, now);
  return true;
}

}  // namespace

LabelReport LabelStore::post(const std::vector<LabelRow>& rows, const Touch& touch) {
  LabelReport report{.received = static_cast<int64_t>(rows.size())};
  auto step = static_cast<size_t>(config_.rows_per_transaction);
  for (size_t first = 0; first < rows.size(); first += step) {
    post_chunk(rows, first, std::min(first + step, rows.size()), touch, report);
  }
  std::sort(report.windows.begin(), report.windows.end());
  report.windows.erase(std::unique(report.windows.begin(), report.windows.end()), report.windows.end());
  if (report.windows.size() > kWindowsLimit) report.windows.resize(kWindowsLimit);
  return report;
}

void LabelStore::post_chunk(const std::vector<LabelRow>& rows, size_t first, size_t last, const Touch& touch,
                            LabelReport& report) {
  std::vector<size_t> order;
  for (size_t i = first; i < last; ++i) {
    std::string problem = problem_of(rows[i]);
    if (problem.empty()) {
      order.push_back(i);
    } else {
      add_problem(report, i, std::move(problem));
    }
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows[a].prediction_id < rows[b].prediction_id; });
  int64_t now = clock_.now_ms();
  LabelReport chunk = database_.write([&](sql::Connection& connection) {
    LabelReport counted;
    connection.exec("delete from pending_labels where posted_ms < $1", now - config_.pending_retention_ms);
    Joiner joiner(log_, connection);
    std::map<std::string, std::vector<int64_t>> changed;
    for (size_t i : order) {
      std::string problem;
      auto target = joiner.resolve(rows[i], problem);
      if (!problem.empty()) {
        add_problem(counted, i, std::move(problem));
      } else if (!target) {
        ++(store_pending(connection, rows[i], now) ? counted.pending : counted.duplicate);
      } else {
        Outcome outcome = store_label(connection, target->endpoint, target->prediction_id, target->row,
                                      target->event_ms, rows[i].label, rows[i].observed_ms, now,
                                      rows[i].prediction_id.empty() ? "key" : "prediction_id");
        ++(outcome == Outcome::joined    ? counted.joined
           : outcome == Outcome::updated ? counted.updated
                                         : counted.duplicate);
        if (outcome != Outcome::duplicate) changed[target->endpoint].push_back(target->event_ms);
      }
    }
    for (const auto& [endpoint, times] : changed) {
      auto names = touch(connection, endpoint, times);
      counted.windows.insert(counted.windows.end(), names.begin(), names.end());
    }
    return counted;
  });
  report.joined += chunk.joined;
  report.updated += chunk.updated;
  report.pending += chunk.pending;
  report.duplicate += chunk.duplicate;
  report.invalid += chunk.invalid;
  for (auto& problem : chunk.problems) {
    if (report.problems.size() < kProblemsLimit) report.problems.push_back(std::move(problem));
  }
  report.windows.insert(report.windows.end(), chunk.windows.begin(), chunk.windows.end());
}

namespace {

struct Pending {
  std::string label;
  int64_t observed_ms = 0;
  int64_t posted_ms = 0;
};

std::unordered_map<std::string, Pending> load_pending(sql::Connection& connection, std::string_view endpoint) {
  std::unordered_map<std::string, Pending> found;
  for (const auto& row : connection.query(
           "select reference, label, observed_ms, posted_ms from pending_labels where endpoint = $1", endpoint)) {
    found[row.text(0)] = {row.text(1), row.integer(2), row.integer(3)};
  }
  return found;
}

}  // namespace

void LabelStore::join_pending(sql::Connection& connection, const std::vector<LogBlock>& blocks, const Touch& touch) {
  if (!connection.query_one("select 1 from pending_labels limit 1")) return;
  auto by_id = load_pending(connection, "");
  std::string of_endpoint;
  std::unordered_map<std::string, Pending> by_key;
  for (const auto& block : blocks) {
    if (block.endpoint != of_endpoint) {
      of_endpoint = block.endpoint;
      by_key = load_pending(connection, of_endpoint);
    }
    if (by_id.empty() && by_key.empty()) continue;
    std::vector<int64_t> times;
    auto join = [&](const LoggedRequest& r, uint32_t row, const std::unordered_map<std::string, Pending>& pending,
                    const std::string& reference, std::string_view endpoint, std::string_view joined_by) {
      auto at = pending.find(reference);
      if (at == pending.end()) return;
      int64_t event = block.event_ms[r.first_row + row];
      const Pending& p = at->second;
      store_label(connection, block.endpoint, r.id, row, event, p.label, p.observed_ms, p.posted_ms, joined_by);
      connection.exec("delete from pending_labels where endpoint = $1 and reference = $2", endpoint, reference);
      times.push_back(event);
    };
    for (const auto& r : block.requests) {
      for (uint32_t row = 0; row < r.rows; ++row) {
        if (!by_id.empty()) join(r, row, by_id, fmt::format("{}/{}", r.id, row), "", "prediction_id");
        if (!by_key.empty() && !block.keys.empty())
          join(r, row, by_key, block.keys[r.first_row + row], block.endpoint, "key");
      }
    }
    if (!times.empty()) touch(connection, block.endpoint, times);
  }
}

std::vector<JoinedLabel> LabelStore::labels(sql::Connection& connection, std::string_view endpoint, int64_t from_ms,
                                            int64_t to_ms) {
  std::vector<JoinedLabel> found;
  std::vector<sql::Value> values = {sql::to_value(endpoint), sql::to_value(from_ms), sql::to_value(to_ms)};
  connection.query_each(
      "select prediction_id, row_index, label, observed_ms, posted_ms, joined_by from labels where endpoint = $1 and "
      "event_ms >= $2 and event_ms < $3",
      values, [&](const sql::Row& row) {
        found.push_back({row.text(0), row.integer(1), row.text(2), row.integer(3), row.integer(4), row.text(5)});
      });
  std::sort(found.begin(), found.end(), [](const JoinedLabel& a, const JoinedLabel& b) {
    return a.prediction_id != b.prediction_id ? a.prediction_id < b.prediction_id : a.row < b.row;
  });
  return found;
}

std::vector<JoinedLabel> LabelStore::labels_of(sql::Connection& connection, std::string_view prediction_id) {
  std::vector<JoinedLabel> found;
  for (const auto& row : connection.query("select prediction_id, row_index, label, observed_ms, posted_ms, joined_by "
                                          "from labels where prediction_id = $1 order by row_index",
                                          prediction_id)) {
    found.push_back({row.text(0), row.integer(1), row.text(2), row.integer(3), row.integer(4), row.text(5)});
  }
  return found;
}

LabelStatus LabelStore::status(std::string_view endpoint) {
  return database_.read([&](sql::Connection& connection) {
    LabelStatus status{.predictions = log_.logged_rows(connection, endpoint)};
    auto counts = connection.query_one("select count(*), coalesce(max(observed_ms), 0) from labels where endpoint = $1",
                                       endpoint);
    status.labelled = counts->integer(0);
    status.last_observed_ms = counts->integer(1);
    status.pending =
        connection.query_one("select count(*) from pending_labels where endpoint = $1", endpoint)->integer(0);
    std::vector<double> lags;
    for (const auto& row : connection.query(
             "select observed_ms - event_ms from labels where endpoint = $1 order by posted_ms desc limit 10000",
             endpoint)) {
      lags.push_back(row.real(0));
    }
    std::sort(lags.begin(), lags.end());
    auto at = [&](double p) {
      return lags.empty() ? std::numeric_limits<double>::quiet_NaN()
                          : lags[static_cast<size_t>(p * static_cast<double>(lags.size() - 1))];
    };
    status.lag_p50_ms = at(0.5);
    status.lag_p95_ms = at(0.95);
    return status;
  });
}

int64_t LabelStore::count_posted(std::string_view endpoint, int64_t posted_after_ms) {
  return database_.read([&](sql::Connection& connection) {
    return connection
        .query_one("select count(*) from labels where endpoint = $1 and posted_ms > $2", endpoint, posted_after_ms)
        ->integer(0);
  });
}

}  // namespace fettle::monitoring
