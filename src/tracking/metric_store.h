// Metric points of a run inside a transaction: segments, blocks, newest values, index. Shared by this module's .cc
// files only.
#pragma once

#include <string>
#include <vector>

#include "sql/database.h"
#include "tracking/config.h"
#include "tracking/metric_codec.h"

namespace fettle::tracking {

// A batch, encoded before the transaction so that the writer's thread does little.
struct PreparedPoints {
  std::vector<Series> series;
  std::string segment;  // encode_segment(series)
  int64_t point_count = 0;
};
PreparedPoints prepare_points(const std::vector<Metric>& metrics);

// Appends one segment, updates the newest values and their index, and compacts when the run has too much pending.
void append_metrics(sql::Connection& c, const std::string& run_id, const PreparedPoints& points, const Config& config);

// All points of one metric, in order, without duplicates.
std::vector<Point> read_history(sql::Connection& c, const std::string& run_id, const std::string& key);

}  // namespace fettle::tracking
