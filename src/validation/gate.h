// The checks before a promotion (docs/rest.md 7.1, Gate): pure functions of scored data. Each gives pass, fail,
// inconclusive or not_run; noise is not mistaken for a difference: decisions are made on one-sided confidence limits
// (spec of non-inferiority tests).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "stats/table.h"

namespace fettle::validation {

enum class Verdict { pass, fail, inconclusive, not_run };
std::string_view verdict_name(Verdict verdict);
std::optional<Verdict> parse_verdict(std::string_view name);

enum class Metric { auc, accuracy, log_loss };
enum class FairnessMeasure { demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference };

struct Gate {
  std::string name;
  int64_t generation = 0;
  std::string spec;  // as written, canonical JSON
  std::string model;
  std::string champion = "champion";  // alias
  std::string label_column = "label";
  std::string positive_class = "1";
  struct Performance {
    Metric metric = Metric::auc;
    double non_inferiority_margin = 0.005;
    double min_improvement = 0;
    double confidence_level = 0.95;  // one-sided
    int64_t min_rows = 1000;
    std::optional<double> floor;
  };
  std::optional<Performance> performance;
  struct DataQuality {
    std::optional<double> max_missing_rate;
    std::optional<double> max_duplicate_rate;
    std::optional<int64_t> min_class_rows;
  };
  std::optional<DataQuality> data_quality;
  struct Fairness {
    std::string group;
    FairnessMeasure measure = FairnessMeasure::equal_opportunity_difference;
    double threshold = 0.5;
    double bound = 0.1;
    int64_t min_group_rows = 100;
  };
  std::optional<Fairness> fairness;
  struct Resources {
    std::optional<double> latency_ms_p99;
    int64_t requests = 1000;
    std::optional<int64_t> memory_bytes;
  };
  std::optional<Resources> resources;
};

std::vector<Detail> check_gate(std::string_view spec);
Gate parse_gate(const std::string& name, int64_t generation, std::string_view spec);

struct Check {
  std::string group;  // "data", "performance", "fairness", "resources"
  std::string name;
  std::string slice;  // empty: all rows
  Verdict verdict = Verdict::not_run;
  std::optional<double> value;
  std::optional<double> champion;
  std::optional<double> difference;  // candidate - champion; better is positive for every metric but log_loss
  std::optional<double> low;         // interval of the difference (or of the value)
  std::optional<double> high;
  std::optional<double> threshold;
  int64_t rows = 0;
  std::string message;
};

// Scores of the same rows. `champion` is empty when nobody defends.
struct Scored {
  std::span<const double> candidate;  // probability of the positive class
  std::span<const double> champion;
  std::span<const uint8_t> outcomes;
};

// Candidate against champion, paired on the same rows: DeLong for AUC, McNemar's variance for accuracy (score >= 0.5),
// paired t for log loss. lower limit of the gain > -margin (or > min_improvement): pass; upper limit below: fail; else
// inconclusive.
std::vector<Check> check_performance(const Gate::Performance& wanted, const Scored& scored);

// Missing, duplicate rows, rows of the rarer class.
std::vector<Check> check_data(const Gate::DataQuality& wanted, const stats::Table& features,
                              std::span<const uint8_t> outcomes);

// Difference between the largest and the smallest group rate. Groups below min_group_rows (or with fewer than 30
// positives or negatives where the rate needs them) are left out and named. A bound that is only exceeded within the
// noise of the rates is inconclusive.
std::vector<Check> check_fairness(const Gate::Fairness& wanted, const stats::Column& group, const Scored& scored);

struct Cost {
  double latency_ms_p99 = 0;
  int64_t memory_bytes = 0;
  int64_t requests = 0;
};
std::vector<Check> check_resources(const Gate::Resources& wanted, const Cost& cost);

// fail if one fails, else inconclusive if one is, else pass; nothing run: not_run.
Verdict overall(const std::vector<Check>& checks);
// The sentence for people: the deciding check.
std::string summarise(const std::vector<Check>& checks);

}  // namespace fettle::validation
