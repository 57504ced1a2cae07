#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"

namespace fettle::api::mlflow {
namespace {

constexpr size_t kBulkRunLimit = 100;
constexpr int64_t kBulkPointLimit = 25'000;
constexpr int64_t kSampleLimit = 2500;

// Pages by offset: a history only grows, and a late point with an old timestamp is rare.
std::string history(const tracking::Runs& runs, const Message& in) {
  auto points = runs.history(in.run_id(), in.string("metric_key"));
  for (auto& point : points) point.run_id.clear();
  size_t offset = 0;
  if (auto after = read_page_token(in)) {
    auto* at = std::get_if<int64_t>(&after->front());
    if (at == nullptr || *at <= 0)
      fail(Code::invalid_argument, "Invalid page token, parsed value='{}'", in.string_or("page_token"));
    offset = std::min(points.size(), static_cast<size_t>(*at));
  }
  size_t count = points.size() - offset;
  if (in.has("max_results")) {
    count = std::min(count, static_cast<size_t>(read_max_results(in, 1, std::numeric_limits<int32_t>::max())));
  }
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "metrics", std::span(points).subspan(offset, count), write_metric);
  if (offset + count < points.size()) {
    out.key("next_page_token").string(format_page_token({static_cast<int64_t>(offset + count)}));
  }
  out.end_object();
  return body;
}

void write_plain_point(json::Writer& out, const tracking::Metric& m) {
  out.begin_object().key("key").string(m.key).key("value").number(m.value, json::NonFinite::bare);
  out.key("timestamp").integer(m.timestamp_ms).key("step").integer(m.step).key("run_id").string(m.run_id).end_object();
}

// Hand-written JSON in the reference server: NaN stands bare.
std::string bulk_history(const tracking::Runs& runs, const Message& in) {
  auto ids = in.strings("run_id");
  if (ids.empty()) fail(Code::invalid_argument, "GetMetricHistoryBulk request must specify at least one run_id.");
  if (ids.size() > kBulkRunLimit) {
    fail(Code::invalid_argument,
         "GetMetricHistoryBulk request cannot specify more than {} run_ids. Received {} run_ids.", kBulkRunLimit,
         ids.size());
  }
  std::string key = in.string_or("metric_key");
  if (key.empty()) fail(Code::invalid_argument, "GetMetricHistoryBulk request must specify a metric_key.");
  auto left = static_cast<size_t>(std::min(in.find_integer("max_results").value_or(kBulkPointLimit), kBulkPointLimit));
  std::sort(ids.begin(), ids.end());
  std::string body;
  json::Writer out(body);
  out.begin_object().key("metrics").begin_array();
  for (const auto& id : ids) {
    for (const auto& point : runs.history(id, key)) {
      if (left == 0) break;
      --left;
      write_plain_point(out, point);
    }
  }
  out.end_array().end_object();
  return body;
}

std::string sampled_history(const tracking::Runs& runs, const Message& in) {
  auto ids = in.strings("run_ids");
  if (ids.empty()) in.fail_missing("run_ids");
  if (ids.size() > kBulkRunLimit) {
    fail(Code::invalid_argument,
         "GetMetricHistoryBulkInterval request must specify at most {} run_ids. Received {} run_ids.", kBulkRunLimit,
         ids.size());
  }
  std::string key = in.string("metric_key");
  tracking::Runs::Sample sample{in.find_integer("start_step"), in.find_integer("end_step"),
                                static_cast<size_t>(kSampleLimit)};
  if (sample.start_step.has_value() != sample.end_step.has_value()) {
    fail(Code::invalid_argument, "If either start step or end step are specified, both must be specified.");
  }
  if (sample.start_step && *sample.start_step > *sample.end_step) {
    fail(Code::invalid_argument, "end_step must be greater than start_step. Found start_step={} and end_step={}.",
         *sample.start_step, *sample.end_step);
  }
  int64_t wanted = in.find_integer("max_results").value_or(kSampleLimit);
  if (wanted < 1 || wanted > kSampleLimit)
    fail(Code::invalid_argument, "max_results must be between 1 and {}.", kSampleLimit);
  sample.limit = static_cast<size_t>(wanted);
  auto points = runs.sampled_history(ids, key, sample);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "metrics", points, write_metric);
  out.end_object();
  return body;
}

}  // namespace

void add_metric_routes(Table& table, tracking::Tracking& tracking) {
  auto& runs = tracking.runs;
  table.read("GET", "/metrics/get-history", [&](const Message& in, const http::Request&) { return history(runs, in); });
  table.read_ajax("GET", "/metrics/get-history-bulk",
                  [&](const Message& in, const http::Request&) { return bulk_history(runs, in); });
  table.read("GET", "/metrics/get-history-bulk-interval",
             [&](const Message& in, const http::Request&) { return sampled_history(runs, in); });
}

}  // namespace fettle::api::mlflow
