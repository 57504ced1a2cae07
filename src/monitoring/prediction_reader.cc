#include "monitoring/prediction_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Labels of a range, looked up by request and row.
class LabelIndex {
 public:
  explicit LabelIndex(std::vector<JoinedLabel> labels) : labels_(std::move(labels)) {}
  const JoinedLabel* find(const std::string& id, int64_t row) const {
    auto at = std::lower_bound(labels_.begin(), labels_.end(), std::pair(std::string_view(id), row),
                               [](const JoinedLabel& label, const auto& key) {
                                 return std::pair(std::string_view(label.prediction_id), label.row) < key;
                               });
    return at != labels_.end() && at->prediction_id == id && at->row == row ? &*at : nullptr;
  }

 private:
  std::vector<JoinedLabel> labels_;
};

double at_or_nan(const std::vector<double>& values, size_t i) { return values.empty() ? kNan : values[i]; }
double at_or_nan(const std::vector<float>& values, size_t i) {
  return values.empty() ? kNan : static_cast<double>(values[i]);
}

// Appends the features of chosen rows to a table whose columns may grow from block to block.
class TableBuilder {
 public:
  void add(const LogBlock& block, size_t row) {
    for (size_t slot = 0; slot < block.names.numeric.size(); ++slot) {
      stats::Column& c = column(block.names.numeric[slot], true);
      if (c.numeric) c.numbers.push_back(block.numbers[slot][row]);
    }
    for (size_t slot = 0; slot < block.names.categorical.size(); ++slot) {
      stats::Column& c = column(block.names.categorical[slot], false);
      if (c.numeric) continue;
      std::string_view value = block.categories[slot].at(row);
      c.categories.emplace_back(value);
      c.missing.push_back(value.empty());
    }
    ++rows_;
    for (auto& c : table_.columns) fill(c);
  }
  stats::Table take() { return std::move(table_); }

 private:
  void fill(stats::Column& c) {
    if (c.numeric) {
      c.numbers.resize(rows_, kNan);
    } else {
      c.categories.resize(rows_);
      c.missing.resize(rows_, 1);
    }
  }
  stats::Column& column(const std::string& name, bool numeric) {
    for (auto& c : table_.columns) {
      if (c.name == name) return c;
    }
    table_.columns.push_back({.name = name, .numeric = numeric});
    fill(table_.columns.back());
    return table_.columns.back();
  }
  stats::Table table_;
  size_t rows_ = 0;
};

bool fits(const RowQuery& q, const LogBlock& block) {
  return (q.version.empty() || q.version == block.version) && (q.arm.empty() || q.arm == block.arm);
}

}  // namespace

std::optional<LoggedPrediction> PredictionReader::find(const std::string& prediction_id) {
  return database_.read([&](sql::Connection& connection) -> std::optional<LoggedPrediction> {
    auto found = log_.find(connection, prediction_id);
    if (!found) return std::nullopt;
    return LoggedPrediction{std::move(found->block), found->request, labels_.labels_of(connection, prediction_id)};
  });
}

void PredictionReader::each_segment(const std::string& endpoint, int64_t from_ms, int64_t to_ms,
                                    const std::function<bool(const SegmentHead&)>& body) {
  struct Item {
    std::string id;
    int64_t rows;
  };
  auto items = database_.read([&](sql::Connection& connection) {
    std::vector<Item> found;
    for (const auto& row : connection.query(
             "select id, row_count from prediction_segments where endpoint = $1 and last_event_ms >= $2 and "
             "first_event_ms < $3 order by last_event_ms desc",
             endpoint, from_ms, to_ms)) {
      found.push_back({row.text(0), row.integer(1)});
    }
    return found;
  });
  int64_t rows = 0;
  for (const auto& item : items) {
    rows += item.rows;
    if (rows > rows_limit_) {
      fail(Code::resource_exhausted, "the range holds more than {} logged rows: ask for a shorter time", rows_limit_);
    }
    auto segment = database_.read([&](sql::Connection& connection) -> std::optional<SegmentHead> {
      auto row = connection.query_one("select head from prediction_segments where id = $1", item.id);
      if (!row) return std::nullopt;
      auto blocks = outcome_of([&] { return decode_head(row->view(0)); });
      if (!blocks) return std::nullopt;  // counted when a window is computed
      SegmentHead head{item.id, std::move(*blocks)};
      if (!log_.load_body(connection, head)) return std::nullopt;
      return head;
    });
    if (segment && !body(*segment)) return;
  }
}

RowPage PredictionReader::list(const RowQuery& q) {
  auto labels = database_.read(
      [&](sql::Connection& connection) { return labels_.labels(connection, q.endpoint, q.from_ms, q.to_ms); });
  LabelIndex index(std::move(labels));
  std::vector<PredictionRow> all;
  each_segment(q.endpoint, q.from_ms, q.to_ms, [&](const SegmentHead& segment) {
    for (const auto& block : segment.blocks) {
      if (!fits(q, block)) continue;
      for (const auto& r : block.requests) {
        for (uint32_t row = 0; row < r.rows; ++row) {
          size_t i = r.first_row + row;
          uint8_t verdicts = block.verdicts.empty() ? uint8_t{0} : block.verdicts[i];
          if (block.event_ms[i] < q.from_ms || block.event_ms[i] >= q.to_ms ||
              (q.verdict != 0 && (verdicts & q.verdict) == 0))
            continue;
          if (!q.key.empty() && (block.keys.empty() || block.keys[i] != q.key)) continue;
          const JoinedLabel* label = index.find(r.id, row);
          if (q.labelled && *q.labelled != (label != nullptr)) continue;
          all.push_back({fmt::format("{}/{}", r.id, row), r.received_ms, block.event_ms[i],
                         block.keys.empty() ? "" : block.keys[i], block.version, block.arm, at_or_nan(block.scores, i),
                         at_or_nan(block.confidence, i), verdicts, label ? label->label : "",
                         label ? label->observed_ms : 0});
        }
      }
    }
    return true;
  });
  auto newer = [](const PredictionRow& a, const PredictionRow& b) {
    return a.event_ms != b.event_ms ? a.event_ms > b.event_ms : a.id > b.id;
  };
  auto skip = std::min(static_cast<size_t>(std::max<int64_t>(q.skip, 0)), all.size());
  auto end = std::min(skip + static_cast<size_t>(q.limit), all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(end), all.end(), newer);
  RowPage page{.rows = {}, .total = static_cast<int64_t>(all.size())};
  page.rows.assign(std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(skip)),
                   std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(end)));
  return page;
}

LabelledRows PredictionReader::labelled(const LabelledQuery& q) {
  auto labels = database_.read([&](sql::Connection& connection) {
    return labels_.labels(connection, q.endpoint, q.event_from_ms, q.event_to_ms);
  });
  LabelledRows rows;
  if (labels.empty()) return rows;
  LabelIndex index(std::move(labels));
  TableBuilder table;
  each_segment(q.endpoint, q.event_from_ms, q.event_to_ms, [&](const SegmentHead& segment) {
    for (const auto& block : segment.blocks) {
      if ((!q.version.empty() && q.version != block.version) || (!q.arm.empty() && q.arm != block.arm)) continue;
      if (!q.rollout.empty() && q.rollout != block.rollout_id) continue;
      for (const auto& r : block.requests) {
        if (r.received_ms < q.received_from_ms) continue;
        for (uint32_t row = 0; row < r.rows; ++row) {
          size_t i = r.first_row + row;
          const JoinedLabel* label = index.find(r.id, row);
          if (label == nullptr || block.event_ms[i] < q.event_from_ms || block.event_ms[i] >= q.event_to_ms) continue;
          if (q.features) table.add(block, i);
          rows.labels.push_back(label->label);
          rows.said.push_back(block.labels.codes.empty() ? "" : canonical_class(block.labels.at(i)));
          rows.scores.push_back(at_or_nan(block.scores, i));
          rows.versions.push_back(block.version);
          rows.arms.push_back(block.arm);
          rows.event_ms.push_back(block.event_ms[i]);
        }
      }
    }
    // Segments come by their newest event: when enough rows are there, older segments cannot hold newer ones except by
    // overlap.
    return q.newest == 0 || static_cast<int64_t>(rows.rows()) < q.newest;
  });
  rows.table = table.take();
  return rows;
}

}  // namespace fettle::monitoring
