#include "api/fettle/predictions.h"

#include <cmath>

#include "api/fettle/route.h"
#include "base/id.h"
#include "base/text.h"

namespace fettle::api {
namespace {

using monitoring::JoinedLabel;
using monitoring::LogBlock;
using monitoring::LoggedPrediction;
using monitoring::Monitoring;

constexpr uint32_t kRowsLimit = 100;

json::Value number_or_null(double value) { return std::isnan(value) ? json::Value() : json::Value(value); }
json::Value at_or_null(const std::vector<double>& values, size_t i) {
  return values.empty() ? json::Value() : number_or_null(values[i]);
}
json::Value at_or_null(const std::vector<float>& values, size_t i) {
  return values.empty() ? json::Value() : number_or_null(static_cast<double>(values[i]));
}

json::Array verdicts_json(uint8_t verdicts) {
  json::Array names;
  for (uint8_t bit : monitoring::kVerdictBits) {
    if ((verdicts & bit) != 0) names.emplace_back(monitoring::verdict_text(bit));
  }
  return names;
}

json::Value label_json(const JoinedLabel* label) {
  if (label == nullptr) return {};
  return json::Object{{"value", label->label},
                      {"observed_at_ms", label->observed_ms},
                      {"posted_at_ms", label->posted_ms},
                      {"by", label->joined_by}};
}

json::Object features_json(const LogBlock& block, size_t i) {
  json::Object features;
  for (size_t slot = 0; slot < block.names.numeric.size(); ++slot)
    features[block.names.numeric[slot]] = number_or_null(block.numbers[slot][i]);
  for (size_t slot = 0; slot < block.names.categorical.size(); ++slot) {
    features[block.names.categorical[slot]] = text_or_null(std::string(block.categories[slot].at(i)));
  }
  return features;
}

json::Object outputs_json(const LogBlock& block, size_t i) {
  json::Object outputs;
  if (!block.labels.codes.empty()) outputs["label"] = text_or_null(std::string(block.labels.at(i)));
  if (!block.probabilities.empty()) {
    json::Array shares;
    for (const auto& column : block.probabilities) shares.push_back(number_or_null(static_cast<double>(column[i])));
    outputs["probabilities"] = std::move(shares);
  }
  return outputs;
}

// The request's contract warnings are kept as `feature.rule=rows`: a row shows those of its request when it has the
// verdict.
json::Array warnings_json(const LogBlock& block, const monitoring::LoggedRequest& request, size_t i) {
  json::Array warnings;
  bool has = !block.verdicts.empty() && (block.verdicts[i] & monitoring::kContractWarning) != 0;
  if (!has || request.warnings.empty()) return warnings;
  for (std::string_view part : split(request.warnings, ','))
    warnings.emplace_back(std::string(part.substr(0, part.find('='))));
  return warnings;
}

json::Object row_json(const LoggedPrediction& found, uint32_t row) {
  const LogBlock& block = found.block;
  const auto& request = block.requests[found.request];
  size_t i = request.first_row + row;
  const JoinedLabel* label = nullptr;
  for (const auto& joined : found.labels) {
    if (joined.row == row) label = &joined;
  }
  return {{"row", row},
          {"key", block.keys.empty() ? json::Value() : text_or_null(block.keys[i])},
          {"event_time_ms", block.event_ms[i]},
          {"features", features_json(block, i)},
          {"outputs", outputs_json(block, i)},
          {"score", at_or_null(block.scores, i)},
          {"confidence", at_or_null(block.confidence, i)},
          {"ood", at_or_null(block.ood, i)},
          {"verdicts", verdicts_json(block.verdicts.empty() ? uint8_t{0} : block.verdicts[i])},
          {"warnings", warnings_json(block, request, i)},
          {"label", label_json(label)}};
}

http::Response show(Monitoring& monitoring, const MonitoringFacts& facts, const http::Request& request) {
  std::string id(request.param("id"));
  if (!parse_prediction_id(id))
    fail(Code::invalid_argument,
         "'{}' is not a prediction id: expected 26 characters, the row in ?row=", id.substr(0, 60));
  auto only = query_integer(request, "row");
  monitoring.flush();
  auto found = monitoring.predictions().find(id);
  if (!found) fail(Code::not_found, "there is no logged prediction '{}'", id);
  const LogBlock& block = found->block;
  const auto& logged = block.requests[found->request];
  if (only && (*only < 0 || *only >= logged.rows))
    fail(Code::not_found, "prediction '{}' has {} rows, there is no row {}", id, logged.rows, *only);
  json::Array rows;
  uint32_t first = only ? static_cast<uint32_t>(*only) : 0;
  uint32_t end = only ? first + 1 : std::min(logged.rows, kRowsLimit);
  for (uint32_t row = first; row < end; ++row) rows.push_back(row_json(*found, row));
  std::string run = facts.run_of ? facts.run_of(block.model, block.version) : "";
  return json_response(json::Object{{"prediction_id", id},
                                    {"request_id", logged.request_id},
                                    {"endpoint", block.endpoint},
                                    {"revision", text_or_null(block.revision_id)},
                                    {"rollout", text_or_null(block.rollout_id)},
                                    {"model", block.model},
                                    {"version", block.version},
                                    {"run_id", text_or_null(run)},
                                    {"arm", block.arm},
                                    {"at_ms", logged.received_ms},
                                    {"event_time_ms", block.event_ms[logged.first_row + first]},
                                    {"latency_ms", json::Object{{"total", static_cast<double>(logged.latency_ns) / 1e6},
                                                                {"model", static_cast<double>(logged.model_ns) / 1e6}}},
                                    {"fallback", text_or_null(logged.fallback)},
                                    {"rows_total", logged.rows},
                                    {"rows", std::move(rows)}});
}

uint8_t verdict_bit(const std::string& name) {
  if (name.empty()) return 0;
  for (uint8_t bit : monitoring::kVerdictBits) {
    if (name == monitoring::verdict_text(bit)) return bit;
  }
  fail(Code::invalid_argument,
       "verdict={}: expected low_confidence, out_of_distribution, contract_warning, imputed or fallback", name);
}

monitoring::RowQuery read_query(const http::Request& request) {
  monitoring::RowQuery query{.endpoint = std::string(request.param("name"))};
  query.from_ms = query_integer(request, "from_ms").value_or(INT64_MIN);
  query.to_ms = query_integer(request, "to_ms").value_or(INT64_MAX);
  query.version = query_or_empty(request, "version");
  query.arm = query_or_empty(request, "arm");
  query.key = query_or_empty(request, "key");
  query.verdict = verdict_bit(query_or_empty(request, "verdict"));
  std::string labelled = query_or_empty(request, "labelled");
  if (labelled == "true" || labelled == "false") {
    query.labelled = labelled == "true";
  } else if (!labelled.empty()) {
    fail(Code::invalid_argument, "labelled={}: expected true or false", labelled);
  }
  return query;
}

http::Response list(Monitoring& monitoring, const MonitoringFacts& facts, const http::Request& request) {
  auto query = read_query(request);
  if (facts.endpoint_exists && !facts.endpoint_exists(query.endpoint))
    fail(Code::not_found, "there is no endpoint '{}'", query.endpoint);
  ListPage page = read_list_page(request);
  auto skip = page.before.empty() ? std::optional<int64_t>(0) : parse_int(page.before);
  if (!skip || *skip < 0)
    fail(Code::invalid_argument, "page={}: expected the 'next' of an earlier answer", page.before);
  query.limit = page.limit;
  query.skip = *skip;
  monitoring.flush();
  auto found = monitoring.predictions().list(query);
  json::Array items;
  for (const auto& row : found.rows) {
    items.push_back(json::Object{
        {"prediction_id", row.id},
        {"at_ms", row.at_ms},
        {"event_time_ms", row.event_ms},
        {"key", text_or_null(row.key)},
        {"version", row.version},
        {"arm", row.arm},
        {"score", number_or_null(row.score)},
        {"confidence", number_or_null(row.confidence)},
        {"verdicts", verdicts_json(row.verdicts)},
        {"label", row.label.empty()
                      ? json::Value()
                      : json::Value(json::Object{{"value", row.label}, {"observed_at_ms", row.observed_ms}})}});
  }
  int64_t seen = query.skip + static_cast<int64_t>(found.rows.size());
  json::Object answer;
  answer["items"] = std::move(items);
  answer["total"] = found.total;
  answer["next"] = seen < found.total ? json::Value(std::to_string(seen)) : json::Value();
  return json_response(answer);
}

}  // namespace

std::vector<http::Route> prediction_routes(Monitoring& monitoring, MonitoringFacts facts) {
  return {
      rest_route("GET", "/predictions/{id}",
                 [&monitoring, facts](http::Request& request) { return show(monitoring, facts, request); }),
      rest_route("GET", "/endpoints/{name}/predictions",
                 [&monitoring, facts](http::Request& request) { return list(monitoring, facts, request); }),
  };
}

}  // namespace fettle::api
