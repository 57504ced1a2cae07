#include "app/subjects.h"

#include <algorithm>
#include <cmath>

#include "app/scoring.h"
#include "base/error.h"
#include "stats/binary_scores.h"

namespace fettle::app {
namespace {

constexpr uint64_t kDataLimitBytes = uint64_t{1} << 30;
constexpr size_t kCostRows = 64;  // distinct one-row requests to measure with
constexpr int64_t kCostTimeMs = 5'000;
constexpr int64_t kWindowsLimit = 1000;

std::vector<uint8_t> outcomes_of(const std::vector<std::string>& labels, const std::string& positive) {
  std::string wanted = monitoring::canonical_class(positive);
  std::vector<uint8_t> outcomes;
  outcomes.reserve(labels.size());
  for (const auto& label : labels) outcomes.push_back(label == wanted);
  return outcomes;
}

// Takes the label column out of the features.
std::vector<std::string> take_labels(stats::Table& table, const std::string& name) {
  auto found =
      std::find_if(table.columns.begin(), table.columns.end(), [&](const stats::Column& c) { return c.name == name; });
  if (found == table.columns.end()) fail(Code::invalid_argument, "the data has no column '{}' for the labels", name);
  std::vector<std::string> labels;
  for (size_t i = 0; i < found->size(); ++i) {
    std::string text = found->numeric ? fmt::format("{}", found->numbers[i]) : found->categories[i];
    labels.push_back(monitoring::canonical_class(text));
  }
  table.columns.erase(found);
  return labels;
}

// Rows whose score is known.
struct Known {
  std::vector<double> scores;
  std::vector<uint8_t> outcomes;
};
Known known_rows(const monitoring::LabelledRows& rows, const std::string& positive) {
  auto outcomes = outcomes_of(rows.labels, positive);
  Known known;
  for (size_t i = 0; i < rows.rows(); ++i) {
    if (std::isnan(rows.scores[i])) continue;
    known.scores.push_back(rows.scores[i]);
    known.outcomes.push_back(outcomes[i]);
  }
  return known;
}

stats::Estimate quality(const std::string& metric, stats::ScoredOutcomes data) {
  if (metric == "auc") return stats::auc(data);
  if (metric == "log_loss") return stats::log_loss(data);
  auto n = static_cast<double>(data.size());
  double accuracy = stats::confusion(data, 0.5).accuracy();
  return {accuracy, std::sqrt(accuracy * (1 - accuracy) / n), data.size()};
}

}  // namespace

std::optional<monitoring::WindowView> newest_mature_window(monitoring::Monitoring& monitoring,
                                                           const std::string& monitor) {
  auto page = monitoring.windows().list(monitor, {.limit = kWindowsLimit});
  for (auto it = page.items.rbegin(); it != page.items.rend(); ++it) {
    if (it->result && it->result->mature) return *it;
  }
  return std::nullopt;
}

std::optional<validation::VersionInfo> GateSubjects::version(const std::string& model, const std::string& reference) {
  auto found = models_.find(model, reference);
  if (!found) return std::nullopt;
  return validation::VersionInfo{std::to_string(found->version), found->run_id};
}

validation::EvaluationData GateSubjects::labelled(const std::string& endpoint, int64_t from_ms, int64_t to_ms,
                                                  const std::string& source, const validation::Gate& gate) {
  monitoring_.flush();
  auto rows =
      monitoring_.predictions().labelled({.endpoint = endpoint, .event_from_ms = from_ms, .event_to_ms = to_ms});
  if (rows.rows() == 0) fail(Code::failed_precondition, "'{}' has no labelled predictions", source);
  return {
      .features = std::move(rows.table), .outcomes = outcomes_of(rows.labels, gate.positive_class), .source = source};
}

validation::EvaluationData GateSubjects::data(const validation::DataRequest& request, const validation::Gate& gate) {
  if (auto* artifact = std::get_if<validation::ArtifactData>(&request)) {
    auto run = tracking_.runs.find(artifact->run);
    if (!run) fail(Code::not_found, "no run '{}'", artifact->run);
    std::string path = tracking::Artifacts::path_of(run->artifact_uri, artifact->path);
    validation::EvaluationData data{.source = fmt::format("artifact:{}/{}", artifact->run, artifact->path)};
    data.features = stats::parse_csv(tracking_.artifacts.read(path, kDataLimitBytes));
    auto labels =
        take_labels(data.features, artifact->label_column.empty() ? gate.label_column : artifact->label_column);
    data.outcomes = outcomes_of(labels, gate.positive_class);
    return data;
  }
  if (auto* range = std::get_if<validation::LabelledRange>(&request)) {
    return labelled(range->endpoint, range->from_ms, range->to_ms, fmt::format("labelled:{}", range->endpoint), gate);
  }
  const auto& wanted = std::get<validation::LabelledWindow>(request);
  std::string endpoint = monitoring_.windows().get(wanted.monitor)->spec.endpoint;
  auto window = wanted.window == "latest" ? newest_mature_window(monitoring_, wanted.monitor)
                                          : monitoring_.windows().find(wanted.monitor, wanted.window);
  if (!window) {
    fail(Code::failed_precondition, "monitor '{}' has no {} window", wanted.monitor,
         wanted.window == "latest" ? "mature" : "such");
  }
  return labelled(endpoint, window->start_ms, window->end_ms, fmt::format("labelled:{}/{}", wanted.monitor, window->id),
                  gate);
}

std::vector<double> GateSubjects::score(const std::string& model, const std::string& version,
                                        const stats::Table& features) {
  models_.ensure_loaded(model, version);
  auto pin = value_or_throw(runtime_.pin(model, version));
  return app::score(*pin, features);
}

validation::Cost GateSubjects::measure(const std::string& model, const std::string& version,
                                       const stats::Table& features, int64_t requests) {
  models_.ensure_loaded(model, version);
  auto pin = value_or_throw(runtime_.pin(model, version));
  if (features.rows() == 0) fail(Code::failed_precondition, "no rows to measure with");
  auto cost = runtime_.measure_cost(models_.source(model, version), make_inputs(pin->inputs(), features, 0, 1),
                                    {.max_runs = requests, .max_time_ms = kCostTimeMs});
  return {.latency_ms_p99 = cost.p99_ms, .memory_bytes = cost.memory_bytes, .requests = requests};
}

gateway::GateStanding GateReports::standing(const std::string& model, const std::string& version,
                                            const std::string& report) {
  gateway::GateStanding standing;
  if (auto gate = validation_.gate_of_model(model)) standing.gate = gate->name;
  std::optional<validation::Report> found;
  if (report.empty()) {
    auto reports = validation_.list_reports({.model = model, .version = version, .limit = 1});
    if (!reports.empty()) found = reports.front();
  } else {
    found = validation_.find_report(report);
    if (!found || found->model != model || found->candidate_version != version) {
      fail(Code::not_found, "no gate report '{}' of '{}/{}'", report, model, version);
    }
  }
  if (!found) return standing;
  standing.report = found->id;
  standing.verdict = validation::verdict_name(found->verdict);
  return standing;
}

gateway::ArmQuality LabelledOutcomes::arm_quality(const gateway::OutcomeQuery& query, const std::string& version) {
  auto rows = monitoring_.predictions().labelled(
      {.endpoint = query.endpoint, .received_from_ms = query.from_ms, .version = version, .features = false});
  Known known = known_rows(rows, "1");
  gateway::ArmQuality arm{
      .labels = static_cast<int64_t>(known.scores.size()), .value = std::nan(""), .variance = std::nan("")};
  if (known.scores.empty()) return arm;
  auto estimate = quality(query.metric, {known.scores, known.outcomes});
  arm.value = estimate.value;
  arm.variance = estimate.standard_error * estimate.standard_error;
  return arm;
}

std::optional<gateway::PairedQuality> LabelledOutcomes::paired(const gateway::OutcomeQuery& query) {
  auto rows = monitoring_.predictions().labelled({.endpoint = query.endpoint, .newest = query.max_paired_rows});
  if (rows.rows() == 0) return std::nullopt;
  auto outcomes = outcomes_of(rows.labels, "1");
  models_.ensure_loaded(query.model, query.stable_version);
  models_.ensure_loaded(query.model, query.candidate_version);
  auto stable = score(*value_or_throw(runtime_.pin(query.model, query.stable_version)), rows.table);
  auto candidate = score(*value_or_throw(runtime_.pin(query.model, query.candidate_version)), rows.table);
  gateway::PairedQuality paired{.labels = static_cast<int64_t>(rows.rows())};
  stats::PairedEstimate estimate;
  if (query.metric == "auc") {
    estimate = stats::paired_auc(stable, candidate, outcomes);
  } else if (query.metric == "log_loss") {
    estimate = stats::paired_log_loss(stable, candidate, outcomes);
  } else {
    std::vector<double> stable_right, candidate_right;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      stable_right.push_back((stable[i] >= 0.5) == (outcomes[i] == 1));
      candidate_right.push_back((candidate[i] >= 0.5) == (outcomes[i] == 1));
    }
    estimate = {stats::mean_of(stable_right).value, stats::mean_of(candidate_right).value,
                stats::paired_difference(stable_right, candidate_right)};
  }
  paired.stable = estimate.first;
  paired.candidate = estimate.second;
  paired.variance = estimate.difference.standard_error * estimate.difference.standard_error;
  return paired;
}

gateway::Outcomes LabelledOutcomes::outcomes(const gateway::OutcomeQuery& query) {
  monitoring_.flush();
  return {.stable = arm_quality(query, query.stable_version),
          .candidate = arm_quality(query, query.candidate_version),
          .paired = paired(query)};
}

}  // namespace fettle::app
