#include "tracking/metric_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <tuple>

#include "base/bytes.h"
#include "base/error.h"

namespace fettle::tracking {
namespace {

[[noreturn]] void fail_corrupt() { fail(Code::data_loss, "stored metric points are damaged"); }

uint64_t take_varint(std::string_view& in) {
  auto value = read_varint(in);
  if (!value) fail_corrupt();
  return *value;
}

// Counts are checked against what is left, so that damage cannot ask for memory.
size_t take_count(std::string_view& in) {
  uint64_t count = take_varint(in);
  if (count > in.size()) fail_corrupt();
  return static_cast<size_t>(count);
}

std::string take_text(std::string_view& in) {
  size_t size = take_count(in);
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out += text;
}

// One control byte (how many leading and trailing zero bytes were left out, 4 bits each) and the bytes between.
void append_xor(std::string& out, uint64_t bits) {
  int leading = bits == 0 ? 8 : std::countl_zero(bits) / 8;
  int trailing = bits == 0 ? 0 : std::countr_zero(bits) / 8;
  out += static_cast<char>(leading << 4 | trailing);
  bits >>= 8 * trailing;
  for (int i = leading + trailing; i < 8; ++i) {
    out += static_cast<char>(bits & 0xFF);
    bits >>= 8;
  }
}

uint64_t take_xor(std::string_view& in) {
  if (in.empty()) fail_corrupt();
  auto control = static_cast<unsigned char>(in[0]);
  in.remove_prefix(1);
  int leading = control >> 4;
  int trailing = control & 15;
  if (leading + trailing > 8) fail_corrupt();
  auto count = static_cast<size_t>(8 - leading - trailing);
  if (in.size() < count) fail_corrupt();
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i) bits |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  in.remove_prefix(count);
  return trailing == 8 ? 0 : bits << (8 * trailing);
}

int64_t subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t sum(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }

double rank_value(double value) { return std::isnan(value) ? 0 : value; }

}  // namespace

bool operator<(const Point& a, const Point& b) {
  auto rank = [](const Point& p) {
    return std::tuple(p.timestamp_ms, p.step, rank_value(p.value), std::isnan(p.value));
  };
  return rank(a) < rank(b);
}

bool same_point(const Point& a, const Point& b) {
  bool same_value = a.value == b.value || (std::isnan(a.value) && std::isnan(b.value));
  return a.timestamp_ms == b.timestamp_ms && a.step == b.step && same_value;
}

void normalise(std::vector<Point>& points) {
  if (!std::is_sorted(points.begin(), points.end())) std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end(), same_point), points.end());
}

bool is_newer(const Point& a, const Point& b) {
  auto rank = [](const Point& p) { return std::tuple(p.step, p.timestamp_ms, rank_value(p.value)); };
  return rank(a) > rank(b);
}

void append_points(std::string& out, const std::vector<Point>& points) {
  append_varint(out, points.size());
  int64_t time = 0;
  int64_t delta = 0;
  for (const auto& p : points) {
    int64_t next = subtract(p.timestamp_ms, time);
    append_varint(out, zigzag(subtract(next, delta)));
    time = p.timestamp_ms;
    delta = next;
  }
  int64_t step = 0;
  for (const auto& p : points) {
    append_varint(out, zigzag(subtract(p.step, step)));
    step = p.step;
  }
  uint64_t bits = 0;
  for (const auto& p : points) {
    auto own = std::bit_cast<uint64_t>(p.value);
    append_xor(out, own ^ bits);
    bits = own;
  }
}

std::vector<Point> read_points(std::string_view& in) {
  std::vector<Point> points(take_count(in));
  int64_t time = 0;
  int64_t delta = 0;
  for (auto& p : points) {
    delta = sum(delta, unzigzag(take_varint(in)));
    time = sum(time, delta);
    p.timestamp_ms = time;
  }
  int64_t step = 0;
  for (auto& p : points) {
    step = sum(step, unzigzag(take_varint(in)));
    p.step = step;
  }
  uint64_t bits = 0;
  for (auto& p : points) {
    bits ^= take_xor(in);
    p.value = std::bit_cast<double>(bits);
  }
  return points;
}

std::string encode_segment(const std::vector<Series>& series) {
  std::string out;
  append_varint(out, series.size());
  for (const auto& one : series) {
    append_text(out, one.key);
    append_points(out, one.points);
  }
  return out;
}

std::vector<Series> decode_segment(std::string_view bytes) {
  std::vector<Series> series(take_count(bytes));
  for (auto& one : series) {
    one.key = take_text(bytes);
    one.points = read_points(bytes);
  }
  if (!bytes.empty()) fail_corrupt();
  return series;
}

std::vector<Series> group_by_key(const std::vector<Metric>& metrics) {
  std::map<std::string_view, std::vector<Point>> by_key;
  for (const auto& m : metrics) by_key[m.key].push_back({m.timestamp_ms, m.step, m.value});
  std::vector<Series> series;
  series.reserve(by_key.size());
  for (auto& [key, points] : by_key) {
    normalise(points);
    series.push_back({std::string(key), std::move(points)});
  }
  return series;
}

std::string encode_latest(const std::vector<Latest>& latest) {
  std::string out;
  append_varint(out, latest.size());
  for (const auto& one : latest) {
    append_text(out, one.key);
    append_varint(out, zigzag(one.point.timestamp_ms));
    append_varint(out, zigzag(one.point.step));
    append_le(out, one.point.value);
  }
  return out;
}

std::vector<Latest> decode_latest(std::string_view bytes) {
  std::vector<Latest> latest(take_count(bytes));
  for (auto& one : latest) {
    one.key = take_text(bytes);
    one.point.timestamp_ms = unzigzag(take_varint(bytes));
    one.point.step = unzigzag(take_varint(bytes));
    if (bytes.size() < sizeof(double)) fail_corrupt();
    one.point.value = load_le<double>(bytes.data());
    bytes.remove_prefix(sizeof(double));
  }
  return latest;
}

}  // namespace fettle::tracking
