#include "monitoring/window_compute.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Rows of a block inside the window. Nothing: none; an empty selection: all of them.
std::optional<RowSelection> select_rows(const LogBlock& block, WindowBounds bounds) {
  RowSelection rows;
  for (size_t i = 0; i < block.rows(); ++i) {
    if (bounds.holds(block.event_ms[i])) rows.push_back(static_cast<uint32_t>(i));
  }
  if (rows.empty()) return std::nullopt;
  if (rows.size() == block.rows()) rows.clear();
  return rows;
}

size_t selected(const LogBlock& block, const RowSelection& rows) { return rows.empty() ? block.rows() : rows.size(); }

template <class Body>
void each_row(const LogBlock& block, const RowSelection& rows, Body&& body) {
  if (rows.empty()) {
    for (size_t i = 0; i < block.rows(); ++i) body(i);
  } else {
    for (uint32_t i : rows) body(i);
  }
}

// Everything that one pass over the bodies collects.
class Collector {
 public:
  Collector(const MonitorSpec& spec, WindowBounds bounds, std::vector<JoinedLabel> labels,
            std::shared_ptr<const ProfiledReference> reference)
      : spec_(spec), bounds_(bounds), labels_(std::move(labels)), reference_(std::move(reference)) {}

  void add(const LogBlock& block) {
    auto rows = select_rows(block, bounds_);
    if (!rows) return;
    auto n = static_cast<int64_t>(selected(block, *rows));
    if (block.features_logged) add_features(block, *rows, n);
    each_row(block, *rows, [&](size_t i) {
      scores_.push_back(block.scores.empty() ? kNan : block.scores[i]);
      confidence_.push_back(block.confidence.empty() ? kNan : static_cast<double>(block.confidence[i]));
      if (block.verdicts.empty()) return;
      for (uint8_t bit : kVerdictBits) verdicts_[bit] += (block.verdicts[i] & bit) != 0;
    });
    join_labels(block);
  }

  std::vector<FeatureResult> features(std::string_view why_no_reference) {
    std::vector<FeatureResult> results;
    for (const auto& name : order_) {
      if (auto n = numeric_.find(name); n != numeric_.end()) {
        n->second->add_missing(feature_rows_ - n->second->rows());
        results.push_back(score_numeric(name, *n->second, reference_.get(), spec_, why_no_reference));
      } else {
        auto& c = *categorical_.at(name);
        c.add_missing(feature_rows_ - c.rows());
        results.push_back(score_categorical(name, c, reference_.get(), spec_, why_no_reference));
      }
    }
    decide_drift(results, spec_.alpha);
    return results;
  }

  const std::vector<double>& scores() const { return scores_; }
  const std::vector<double>& confidence() const { return confidence_; }
  const LabelledScores& labelled() const { return labelled_; }
  double verdicts(uint8_t bit) const {
    auto at = verdicts_.find(bit);
    return at == verdicts_.end() ? 0 : static_cast<double>(at->second);
  }

 private:
  const stats::ColumnProfile* profile(const std::string& name) const {
    return reference_ == nullptr ? nullptr : reference_->profile.find(name);
  }

  bool needs_values(const std::string& name) const {
    const FeatureRule* rule = spec_.rule(name);
    DriftTest test = rule != nullptr && rule->test ? *rule->test : spec_.numeric_test;
    return test == DriftTest::ks || test == DriftTest::wasserstein;
  }

  void add_features(const LogBlock& block, const RowSelection& rows, int64_t n) {
    feature_rows_ += n;
    for (size_t slot = 0; slot < block.names.numeric.size(); ++slot) {
      const std::string& name = block.names.numeric[slot];
      if (spec_.ignores(name) || categorical_.contains(name)) continue;  // the kind of a window's first rows stays
      auto& window = numeric_[name];
      if (!window) {
        window = std::make_unique<NumericWindow>(profile(name), needs_values(name));
        order_.push_back(name);
        window->add_missing(feature_rows_ - n);
      }
      window->add(block.numbers[slot], rows);
    }
    for (size_t slot = 0; slot < block.names.categorical.size(); ++slot) {
      const std::string& name = block.names.categorical[slot];
      if (spec_.ignores(name) || numeric_.contains(name)) continue;
      auto& window = categorical_[name];
      if (!window) {
        window = std::make_unique<CategoryWindow>(profile(name));
        order_.push_back(name);
        window->add_missing(feature_rows_ - n);
      }
      window->add(block.categories[slot], rows);
    }
  }

  void join_labels(const LogBlock& block) {
    if (labels_.empty()) return;
    for (const auto& request : block.requests) {
      auto at =
          std::lower_bound(labels_.begin(), labels_.end(), request.id,
                           [](const JoinedLabel& label, const std::string& id) { return label.prediction_id < id; });
      for (; at != labels_.end() && at->prediction_id == request.id; ++at) {
        if (at->row >= request.rows) continue;
        size_t i = request.first_row + static_cast<size_t>(at->row);
        if (bounds_.holds(block.event_ms[i])) add_labelled(block, i, at->label);
      }
    }
  }

  void add_labelled(const LogBlock& block, size_t i, const std::string& label) {
    double score = block.scores.empty() ? kNan : block.scores[i];
    std::string said;
    if (!block.labels.codes.empty()) said = canonical_class(block.labels.at(i));
    if (said.empty() && std::isnan(score)) return;  // an answer without a class, such as a rejected row
    bool positive = label == spec_.positive_class;
    bool said_positive = said.empty() ? score >= 0.5 : said == spec_.positive_class;
    labelled_.scores.push_back(score);
    labelled_.positive.push_back(positive);
    labelled_.said_positive.push_back(said_positive);
    labelled_.right.push_back(said.empty() ? positive == said_positive : said == label);
  }

  const MonitorSpec& spec_;
  const WindowBounds bounds_;
  const std::vector<JoinedLabel> labels_;  // by (prediction_id, row)
  const std::shared_ptr<const ProfiledReference> reference_;
  std::vector<std::string> order_;
  std::map<std::string, std::unique_ptr<NumericWindow>> numeric_;
  std::map<std::string, std::unique_ptr<CategoryWindow>> categorical_;
  int64_t feature_rows_ = 0;
  std::vector<double> scores_, confidence_;
  std::map<uint8_t, int64_t> verdicts_;
  LabelledScores labelled_;
};

double mean_of_known(const std::vector<double>& values) {
  double sum = 0, n = 0;
  for (double v : values) {
    if (!std::isnan(v)) sum += v, ++n;
  }
  return n > 0 ? sum / n : kNan;
}

// Rows per version and who answered, from the heads.
void count_versions(const std::vector<SegmentHead>& heads, WindowBounds bounds, WindowResult& result) {
  std::map<std::pair<std::string, std::string>, int64_t> versions;
  std::set<std::string> revisions;
  for (const auto& head : heads) {
    for (const auto& block : head.blocks) {
      auto rows = select_rows(block, bounds);
      if (!rows) continue;
      auto n = static_cast<int64_t>(selected(block, *rows));
      versions[{block.model, block.version}] += n;
      result.rows += n;
      if (!block.revision_id.empty()) revisions.insert(block.revision_id);
    }
  }
  int64_t most = 0;
  for (const auto& [key, rows] : versions) {
    result.versions.push_back({key.second, rows});
    if (rows > most) {
      most = rows;
      result.model = key.first;
    }
  }
  std::stable_sort(result.versions.begin(), result.versions.end(),
                   [](const WindowResult::Version& a, const WindowResult::Version& b) { return a.rows > b.rows; });
  result.revisions.assign(revisions.begin(), revisions.end());
}

ReferenceQuery reference_query(const MonitorSpec& spec, const WindowResult& result) {
  ReferenceQuery query{.model = result.model, .artifact = spec.reference_artifact, .endpoint = spec.endpoint};
  if (spec.reference.empty()) {
    query.version = result.versions.empty() ? "" : result.versions.front().version;
  } else if (size_t at = spec.reference.find('@'); at != std::string::npos) {
    query.model = spec.reference.substr(0, at);
    query.version = spec.reference.substr(at);
  } else {
    at = spec.reference.rfind('/');
    query.model = spec.reference.substr(0, at);
    query.version = spec.reference.substr(at + 1);
  }
  return query;
}

struct Means {
  double sum = 0, n = 0;
  void add(double v) { sum += v, ++n; }
  double get(double empty) const { return n > 0 ? sum / n : empty; }
};

void fill_data_metrics(WindowResult& result) {
  Means missing, out_of_range, unseen, right_type;
  double drifted = 0, importance = 0, drifted_importance = 0;
  for (const auto& f : result.features) {
    missing.add(f.missing_rate);
    if (f.status != FeatureStatus::no_reference) {
      right_type.add(f.status == FeatureStatus::type_changed ? 0 : 1);
      (f.numeric ? out_of_range : unseen).add(f.numeric ? f.out_of_range_rate : f.unseen_rate);
    }
    if (f.status != FeatureStatus::ok) continue;
    importance += f.importance;
    if (f.drifted) ++drifted, drifted_importance += f.importance;
  }
  auto& m = result.metrics;
  m["missing_rate"] = missing.get(kNan);
  m["completeness"] = 1 - missing.get(kNan);
  m["data_quality"] = (m["completeness"] + (1 - out_of_range.get(0)) + (1 - unseen.get(0)) + right_type.get(1)) / 4;
  m["drift_share"] = importance > 0 ? drifted_importance / importance : kNan;
  m["drifted_features"] = importance > 0 ? drifted : kNan;
}

void fill_prediction_metrics(const Collector& collected, WindowResult& result) {
  auto rows = static_cast<double>(result.rows);
  auto rate = [&](uint8_t bit) { return rows > 0 ? collected.verdicts(bit) / rows : kNan; };
  auto& m = result.metrics;
  m["rows"] = rows;
  m["score_mean"] = mean_of_known(collected.scores());
  m["confidence_mean"] = mean_of_known(collected.confidence());
  m["low_confidence_rate"] = rate(kLowConfidence);
  m["ood_rate"] = rate(kOutOfDistribution);
  m["fallback_rate"] = rate(kFallback);
  m["violation_rate"] = rate(kContractWarning);
}

std::vector<double> baseline_counts(const ProfiledReference* reference, const char* column,
                                    const std::vector<double>& earlier) {
  const stats::Column* found = reference == nullptr ? nullptr : reference->table->find(column);
  return found != nullptr && found->numeric ? count_unit_interval(found->numbers) : earlier;
}

void add_predictions(const Collector& collected, const ProfiledReference* reference, const WindowQuestion& question,
                     WindowResult& result) {
  PredictionBaseline earlier;
  bool scored_reference = reference != nullptr && reference->table->find("fettle_score") != nullptr;
  if (!scored_reference && question.baseline && !result.versions.empty()) {
    earlier = question.baseline(result.model, result.versions.front().version);
  }
  result.score_counts = count_unit_interval(collected.scores());
  result.confidence_counts = count_unit_interval(collected.confidence());
  result.features.push_back(score_unit_interval(
      "fettle_score", collected.scores(), baseline_counts(reference, "fettle_score", earlier.score), question.spec));
  result.metrics["score_drift"] = result.features.back().score;
  result.features.push_back(score_unit_interval("fettle_confidence", collected.confidence(),
                                                baseline_counts(reference, "fettle_confidence", earlier.confidence),
                                                question.spec));
}

std::string status_of(const WindowResult& result, const MonitorSpec& spec, bool has_reference) {
  if (result.rows < spec.min_rows) return "insufficient_data";
  if (!has_reference) return "no_reference";
  double share = result.metrics.at("drift_share");
  return share > 0 && share >= spec.drift_share ? "drifted" : "ok";
}

}  // namespace

WindowResult WindowComputer::compute(const WindowQuestion& question) {
  const MonitorSpec& spec = question.spec;
  WindowResult result{.start_ms = question.bounds.start_ms, .end_ms = question.bounds.end_ms};
  result.id = window_id(spec.window, result.start_ms);
  int64_t damaged = 0;
  std::vector<SegmentHead> heads;
  std::vector<JoinedLabel> labels;
  database_.read([&](sql::Connection& connection) {
    heads = log_.heads(connection, spec.endpoint, result.start_ms, result.end_ms, damaged);
    labels = labels_.labels(connection, spec.endpoint, result.start_ms, result.end_ms);
  });
  count_versions(heads, question.bounds, result);
  std::string why_not = "no prediction in the window";
  std::shared_ptr<const ProfiledReference> reference;
  if (result.rows > 0) reference = references_.get(reference_query(spec, result), why_not);
  if (reference) {
    result.reference_version = reference->version;
    result.reference_run = reference->run_id;
    result.reference_rows = static_cast<int64_t>(reference->profile.rows);
  }
  Collector collected(spec, question.bounds, std::move(labels), reference);
  for (auto& head : heads) {
    bool good = database_.read([&](sql::Connection& connection) { return log_.load_body(connection, head); });
    for (const auto& block : head.blocks) {
      if (good) collected.add(block);
    }
    damaged += !good;
    head.blocks = {};
  }
  result.incomplete = damaged > 0;
  result.features = collected.features(why_not);
  fill_data_metrics(result);
  fill_prediction_metrics(collected, result);
  add_predictions(collected, reference.get(), question, result);
  fill_quality(collected.labelled(), spec, result);
  result.status = status_of(result, spec, reference != nullptr);
  return result;
}

}  // namespace fettle::monitoring
