#include "tracking/metric_store.h"

#include <cmath>
#include <map>

namespace fettle::tracking {
namespace {

void put_index(sql::Connection& c, const std::string& run_id, const Latest& latest) {
  std::optional<double> value;
  if (!std::isnan(latest.point.value)) value = latest.point.value;
  c.exec(
      "insert into metric_index (key, run_id, value) values ($1, $2, $3) "
      "on conflict (key, run_id) do update set value = excluded.value",
      latest.key, run_id, value);
}

Point newest_of(const std::vector<Point>& points) {
  Point newest = points.front();
  for (const auto& p : points) {
    if (is_newer(p, newest)) newest = p;
  }
  return newest;
}

// Merges the newest values of a batch (both in order of key) and returns those that changed.
std::vector<Latest> merge_latest(std::vector<Latest>& latest, const std::vector<Series>& series) {
  std::vector<Latest> merged;
  std::vector<Latest> changed;
  merged.reserve(latest.size() + series.size());
  size_t at = 0;
  for (const auto& one : series) {
    while (at < latest.size() && latest[at].key < one.key) merged.push_back(std::move(latest[at++]));
    Latest candidate{one.key, newest_of(one.points)};
    if (at < latest.size() && latest[at].key == one.key) {
      Latest& old = latest[at++];
      if (!is_newer(candidate.point, old.point)) {
        merged.push_back(std::move(old));
        continue;
      }
    }
    changed.push_back(candidate);
    merged.push_back(std::move(candidate));
  }
  while (at < latest.size()) merged.push_back(std::move(latest[at++]));
  latest = std::move(merged);
  return changed;
}

void write_block(sql::Connection& c, const std::string& run_id, const std::string& key, int64_t block,
                 const std::vector<Point>& points) {
  std::string bytes;
  append_points(bytes, points);
  c.exec(
      "insert into metric_blocks (run_id, key, block, point_count, points) values ($1, $2, $3, $4, $5) "
      "on conflict (run_id, key, block) do update set point_count = excluded.point_count, points = excluded.points",
      run_id, key, block, points.size(), sql::Bytes{bytes});
}

// Adds the points to the key's last block, opening new ones as they fill.
void extend_blocks(sql::Connection& c, const std::string& run_id, const std::string& key, std::vector<Point> points,
                   size_t block_points) {
  int64_t block = 0;
  auto last = c.query_one(
      "select block, point_count, points from metric_blocks where run_id = $1 and key = $2 order by block desc limit 1",
      run_id, key);
  if (last) {
    block = last->integer(0);
    if (static_cast<size_t>(last->integer(1)) >= block_points) {
      ++block;
    } else {
      std::string_view bytes = last->view(2);
      auto old = read_points(bytes);
      points.insert(points.begin(), old.begin(), old.end());
    }
  }
  normalise(points);
  for (size_t at = 0; at < points.size(); at += block_points) {
    auto begin = points.begin() + static_cast<std::ptrdiff_t>(at);
    auto end = points.begin() + static_cast<std::ptrdiff_t>(std::min(points.size(), at + block_points));
    write_block(c, run_id, key, block++, {begin, end});
  }
}

void compact(sql::Connection& c, const std::string& run_id, size_t block_points) {
  std::map<std::string, std::vector<Point>> by_key;
  for (const auto& row : c.query("select points from metric_segments where run_id = $1 order by segment", run_id)) {
    for (auto& series : decode_segment(row.view(0))) {
      auto& points = by_key[series.key];
      points.insert(points.end(), series.points.begin(), series.points.end());
    }
  }
  for (auto& [key, points] : by_key) extend_blocks(c, run_id, key, std::move(points), block_points);
  c.exec("delete from metric_segments where run_id = $1", run_id);
}

}  // namespace

PreparedPoints prepare_points(const std::vector<Metric>& metrics) {
  PreparedPoints prepared;
  prepared.series = group_by_key(metrics);
  prepared.segment = encode_segment(prepared.series);
  for (const auto& one : prepared.series) prepared.point_count += static_cast<int64_t>(one.points.size());
  return prepared;
}

void append_metrics(sql::Connection& c, const std::string& run_id, const PreparedPoints& points, const Config& config) {
  if (points.series.empty()) return;
  std::vector<Latest> latest;
  int64_t segment = 0;
  int64_t pending_segments = 1;
  int64_t pending_points = points.point_count;
  auto row = c.query_one(
      "select latest, next_segment, pending_segments, pending_points from run_metrics where run_id = $1", run_id);
  if (row) {
    latest = decode_latest(row->view(0));
    segment = row->integer(1);
    pending_segments += row->integer(2);
    pending_points += row->integer(3);
  }
  c.exec("insert into metric_segments (run_id, segment, points) values ($1, $2, $3)", run_id, segment,
         sql::Bytes{points.segment});
  if (pending_segments >= config.pending_segment_limit || pending_points >= config.pending_point_limit) {
    compact(c, run_id, config.block_points);
    pending_segments = 0;
    pending_points = 0;
  }
  auto changed = merge_latest(latest, points.series);
  std::string document = encode_latest(latest);
  c.exec(
      "insert into run_metrics (run_id, latest, next_segment, pending_segments, pending_points) values ($1, $2, $3, "
      "$4, $5) "
      "on conflict (run_id) do update set latest = excluded.latest, next_segment = excluded.next_segment, "
      "pending_segments = excluded.pending_segments, pending_points = excluded.pending_points",
      run_id, sql::Bytes{document}, segment + 1, pending_segments, pending_points);
  for (const auto& one : changed) put_index(c, run_id, one);
}

std::vector<Point> read_history(sql::Connection& c, const std::string& run_id, const std::string& key) {
  std::vector<Point> points;
  auto append = [&](const std::vector<Point>& more) { points.insert(points.end(), more.begin(), more.end()); };
  for (const auto& row :
       c.query("select points from metric_blocks where run_id = $1 and key = $2 order by block", run_id, key)) {
    std::string_view bytes = row.view(0);
    append(read_points(bytes));
  }
  for (const auto& row : c.query("select points from metric_segments where run_id = $1 order by segment", run_id)) {
    for (const auto& series : decode_segment(row.view(0))) {
      if (series.key == key) append(series.points);
    }
  }
  normalise(points);
  return points;
}

}  // namespace fettle::tracking
