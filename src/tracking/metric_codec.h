// How points of metrics are packed (design.md 4). Decoders throw data_loss on anything that an encoder did not write.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/types.h"

namespace fettle::tracking {

// A point of a series whose run and key are known from elsewhere.
struct Point {
  int64_t timestamp_ms = 0;
  int64_t step = 0;
  double value = 0;
};
// Order of a history: timestamp, step, value; NaN counts as 0, after the number 0.
bool operator<(const Point& a, const Point& b);
// Same point: all three equal, NaN equal to NaN.
bool same_point(const Point& a, const Point& b);
// Sorts and drops duplicates.
void normalise(std::vector<Point>& points);

// A block: columns of delta-of-delta timestamps, delta steps, and values XORed with their predecessor, byte-aligned;
// about 3 to 11 bytes a point.
void append_points(std::string& out, const std::vector<Point>& points);
std::vector<Point> read_points(std::string_view& in);

// A segment: what one commit appended, several keys.
struct Series {
  std::string key;
  std::vector<Point> points;
};
std::string encode_segment(const std::vector<Series>& series);
std::vector<Series> decode_segment(std::string_view bytes);
// Groups the metrics of a batch by key, in order of key.
std::vector<Series> group_by_key(const std::vector<Metric>& metrics);

// The document of newest values, in order of key.
struct Latest {
  std::string key;
  Point point;
};
std::string encode_latest(const std::vector<Latest>& latest);
std::vector<Latest> decode_latest(std::string_view bytes);
// Whether `a` is newer than `b`: by step, timestamp, value (spec/mlflow.md 2.6).
bool is_newer(const Point& a, const Point& b);

}  // namespace fettle::tracking
