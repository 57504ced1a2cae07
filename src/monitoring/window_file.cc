// JSON of a computed window, as it is stored.
#include <cmath>
#include <limits>

#include "json/json.h"
#include "monitoring/window_result.h"

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void put(json::Writer& out, std::string_view key, double value) { out.key(key).number(value, json::NonFinite::quoted); }
void put(json::Writer& out, std::string_view key, std::string_view value) { out.key(key).string(value); }
void put(json::Writer& out, std::string_view key, int64_t value) { out.key(key).integer(value); }

void write_statistics(json::Writer& out, std::string_view key, const SideStatistics& s) {
  out.key(key).begin_object();
  for (auto [name, value] : {std::pair{"min", s.min},
                             {"p5", s.p5},
                             {"p50", s.p50},
                             {"p95", s.p95},
                             {"max", s.max},
                             {"mean", s.mean},
                             {"sd", s.sd}}) {
    put(out, name, value);
  }
  put(out, "missing_rate", s.missing_rate);
  put(out, "distinct", s.distinct.value_or(-1));
  out.end_object();
}

void write_feature(json::Writer& out, const FeatureResult& f) {
  out.begin_object();
  put(out, "name", f.name);
  out.key("numeric").boolean(f.numeric);
  put(out, "test", static_cast<int64_t>(f.test));
  put(out, "status", static_cast<int64_t>(f.status));
  put(out, "reason", f.reason);
  put(out, "score", f.score);
  put(out, "threshold", f.threshold);
  put(out, "expected_null", f.expected_null);
  put(out, "p_value", f.p_value);
  put(out, "q_value", f.q_value);
  out.key("drifted").boolean(f.drifted);
  put(out, "importance", f.importance);
  put(out, "rows", f.rows);
  put(out, "reference_rows", f.reference_rows);
  put(out, "missing_rate", f.missing_rate);
  put(out, "reference_missing_rate", f.reference_missing_rate);
  put(out, "unseen_rate", f.unseen_rate);
  put(out, "out_of_range_rate", f.out_of_range_rate);
  put(out, "mean", f.mean);
  put(out, "reference_mean", f.reference_mean);
  out.key("bins").begin_array();
  for (const auto& bin : f.bins) {
    out.begin_array().string(bin.label).number(bin.low.value_or(kNan)).number(bin.high.value_or(kNan));
    out.number(bin.reference).number(bin.current).number(bin.contribution).end_array();
  }
  out.end_array();
  write_statistics(out, "current", f.current);
  write_statistics(out, "reference", f.reference);
  out.end_object();
}

void write_numbers(json::Writer& out, std::string_view key, const std::vector<double>& values) {
  out.key(key).begin_array();
  for (double v : values) out.number(v);
  out.end_array();
}

void write_quality(json::Writer& out, const WindowResult& w) {
  out.key("metrics").begin_object();
  for (const auto& [name, value] : w.metrics) put(out, name, value);
  out.end_object().key("intervals").begin_object();
  for (const auto& [name, interval] : w.intervals)
    out.key(name).begin_array().number(interval.low).number(interval.high).end_array();
  out.end_object().key("calibration").begin_array();
  for (const auto& bin : w.calibration) {
    out.begin_array().number(bin.score).number(bin.outcome_rate).integer(static_cast<int64_t>(bin.rows)).end_array();
  }
  out.end_array();
  put(out, "calibration_noise", w.calibration_noise);
}

double number_of(const json::Value& value) {
  if (value.is_string())
    return value.as_string() == "NaN" ? kNan : (value.as_string() == "Infinity" ? HUGE_VAL : -HUGE_VAL);
  return value.to_number<double>();
}

std::optional<double> optional_number(const json::Value& value) {
  double number = number_of(value);
  if (std::isnan(number)) return std::nullopt;
  return number;
}

SideStatistics read_statistics(json::Reader in) {
  SideStatistics s{in.number("min"),  in.number("p5"), in.number("p50"),          in.number("p95"), in.number("max"),
                   in.number("mean"), in.number("sd"), in.number("missing_rate"), std::nullopt};
  int64_t distinct = in.integer("distinct");
  if (distinct >= 0) s.distinct = distinct;
  return s;
}

FeatureResult read_feature(json::Reader& in) {
  FeatureResult f;
  f.name = in.string("name");
  f.numeric = in.boolean_or("numeric", true);
  f.test = static_cast<DriftTest>(in.integer("test"));
  f.status = static_cast<FeatureStatus>(in.integer("status"));
  f.reason = in.string("reason");
  f.score = in.number("score");
  f.threshold = in.number("threshold");
  f.expected_null = in.number("expected_null");
  f.p_value = in.number("p_value");
  f.q_value = in.number("q_value");
  f.drifted = in.boolean_or("drifted", false);
  f.importance = in.number("importance");
  f.rows = in.integer("rows");
  f.reference_rows = in.integer("reference_rows");
  f.missing_rate = in.number("missing_rate");
  f.reference_missing_rate = in.number("reference_missing_rate");
  f.unseen_rate = in.number("unseen_rate");
  f.out_of_range_rate = in.number("out_of_range_rate");
  f.mean = in.number("mean");
  f.reference_mean = in.number("reference_mean");
  for (const auto& item : in.find("bins")->as_array()) {
    const auto& a = item.as_array();
    f.bins.push_back({std::string(a[0].as_string()), optional_number(a[1]), optional_number(a[2]), number_of(a[3]),
                      number_of(a[4]), number_of(a[5])});
  }
  f.current = read_statistics(in.object("current"));
  f.reference = read_statistics(in.object("reference"));
  return f;
}

std::vector<double> read_numbers(json::Reader& in, std::string_view key) {
  std::vector<double> values;
  for (const auto& item : in.find(key)->as_array()) values.push_back(number_of(item));
  return values;
}

void read_quality(json::Reader& in, WindowResult& w) {
  for (const auto& [name, value] : in.object("metrics").fields()) w.metrics[std::string(name)] = number_of(value);
  for (const auto& [name, value] : in.object("intervals").fields()) {
    w.intervals[std::string(name)] = {number_of(value.as_array()[0]), number_of(value.as_array()[1])};
  }
  for (const auto& item : in.find("calibration")->as_array()) {
    const auto& a = item.as_array();
    w.calibration.push_back({number_of(a[0]), number_of(a[1]), a[2].to_number<uint64_t>()});
  }
  w.calibration_noise = in.number("calibration_noise");
}

}  // namespace

std::string format_window(const WindowResult& w) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  put(out, "id", w.id);
  put(out, "start_ms", w.start_ms);
  put(out, "end_ms", w.end_ms);
  put(out, "status", w.status);
  out.key("incomplete").boolean(w.incomplete);
  put(out, "rows", w.rows);
  out.key("versions").begin_array();
  for (const auto& v : w.versions) {
    out.begin_object();
    put(out, "version", v.version);
    put(out, "rows", v.rows);
    out.end_object();
  }
  out.end_array();
  put(out, "model", w.model);
  out.key("revisions").begin_array();
  for (const auto& r : w.revisions) out.string(r);
  out.end_array();
  put(out, "reference_version", w.reference_version);
  put(out, "reference_run", w.reference_run);
  put(out, "reference_rows", w.reference_rows);
  out.key("mature").boolean(w.mature);
  write_quality(out, w);
  out.key("features").begin_array();
  for (const auto& f : w.features) write_feature(out, f);
  out.end_array();
  write_numbers(out, "score_counts", w.score_counts);
  write_numbers(out, "confidence_counts", w.confidence_counts);
  out.end_object();
  return text;
}

WindowResult parse_window(std::string_view text) {
  json::Value document = json::parse(text);
  json::Problems problems;
  json::Reader in(document, problems);
  WindowResult w;
  w.id = in.string("id");
  w.start_ms = in.integer("start_ms");
  w.end_ms = in.integer("end_ms");
  w.status = in.string("status");
  w.incomplete = in.boolean_or("incomplete", false);
  w.rows = in.integer("rows");
  in.each("versions", [&](json::Reader& v) { w.versions.push_back({v.string("version"), v.integer("rows")}); });
  w.model = in.string("model");
  w.revisions = in.strings_or("revisions", {});
  w.reference_version = in.string("reference_version");
  w.reference_run = in.string("reference_run");
  w.reference_rows = in.integer("reference_rows");
  w.mature = in.boolean_or("mature", false);
  read_quality(in, w);
  in.each("features", [&](json::Reader& f) { w.features.push_back(read_feature(f)); });
  w.score_counts = read_numbers(in, "score_counts");
  w.confidence_counts = read_numbers(in, "confidence_counts");
  problems.check();
  return w;
}

}  // namespace fettle::monitoring
