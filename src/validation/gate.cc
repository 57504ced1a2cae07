#include "validation/gate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "stats/binary_scores.h"
#include "stats/distributions.h"
#include "stats/tests.h"

namespace fettle::validation {
namespace {

constexpr std::array<std::string_view, 4> kVerdicts = {"pass", "fail", "inconclusive", "not_run"};
constexpr int64_t kMinRateRows = 30;  // positives (negatives) that a group's rate needs

// value, champion and the gain (positive: the candidate is better) with its standard error.
struct Comparison {
  std::string name;
  double value = 0;
  double champion = 0;
  double gain = 0;
  double standard_error = 0;
};

Comparison compare_auc(const Scored& s) {
  auto paired = stats::paired_auc(s.champion, s.candidate, s.outcomes);
  return {"auc", paired.second, paired.first, paired.difference.value, paired.difference.standard_error};
}

Comparison compare_log_loss(const Scored& s) {
  auto paired = stats::paired_log_loss(s.champion, s.candidate, s.outcomes);
  return {"log_loss", paired.second, paired.first, -paired.difference.value, paired.difference.standard_error};
}

// Variance of a paired difference of proportions: (b + c - (b - c)^2 / n) / n^2 with b, c the discordant pairs.
Comparison compare_accuracy(const Scored& s) {
  double only_candidate = 0, only_champion = 0, candidate = 0, champion = 0;
  for (size_t i = 0; i < s.outcomes.size(); ++i) {
    bool a = (s.candidate[i] >= 0.5) == (s.outcomes[i] == 1);
    bool b = (s.champion[i] >= 0.5) == (s.outcomes[i] == 1);
    candidate += a;
    champion += b;
    only_candidate += a && !b;
    only_champion += b && !a;
  }
  auto n = static_cast<double>(s.outcomes.size());
  double difference = only_candidate - only_champion;
  double variance = (only_candidate + only_champion - difference * difference / n) / (n * n);
  return {"accuracy", candidate / n, champion / n, difference / n, std::sqrt(std::max(0.0, variance))};
}

double metric_of(Metric metric, std::span<const double> scores, std::span<const uint8_t> outcomes) {
  stats::ScoredOutcomes data{scores, outcomes};
  if (metric == Metric::auc) return stats::auc(data).value;
  if (metric == Metric::log_loss) return stats::log_loss(data).value;
  return stats::confusion(data, 0.5).accuracy();
}

std::string_view metric_name(Metric metric) {
  return metric == Metric::auc ? "auc" : metric == Metric::log_loss ? "log_loss" : "accuracy";
}

Check check_floor(const Gate::Performance& wanted, const Scored& scored) {
  double value = metric_of(wanted.metric, scored.candidate, scored.outcomes);
  bool good = wanted.metric == Metric::log_loss ? value <= *wanted.floor : value >= *wanted.floor;
  Check check{.group = "performance", .name = fmt::format("{}_floor", metric_name(wanted.metric))};
  check.verdict = std::isnan(value) ? Verdict::inconclusive : good ? Verdict::pass : Verdict::fail;
  check.value = value;
  check.threshold = *wanted.floor;
  check.rows = static_cast<int64_t>(scored.outcomes.size());
  check.message = fmt::format("{} is {:.4f}, the bound is {:.4f}", metric_name(wanted.metric), value, *wanted.floor);
  return check;
}

Verdict judge_gain(double low, double high, double needed) {
  if (low > needed) return Verdict::pass;
  if (high < needed) return Verdict::fail;
  return Verdict::inconclusive;
}

Check check_against_champion(const Gate::Performance& wanted, const Scored& scored) {
  Comparison c = wanted.metric == Metric::auc        ? compare_auc(scored)
                 : wanted.metric == Metric::log_loss ? compare_log_loss(scored)
                                                     : compare_accuracy(scored);
  bool must_improve = wanted.min_improvement > 0;
  double needed = must_improve ? wanted.min_improvement : -wanted.non_inferiority_margin;
  double z = stats::normal_quantile(wanted.confidence_level);
  double low = c.gain - z * c.standard_error;
  double high = c.gain + z * c.standard_error;
  double sign = wanted.metric == Metric::log_loss ? -1 : 1;
  Check check{.group = "performance", .name = c.name};
  check.verdict =
      std::isnan(c.gain) || std::isnan(c.standard_error) ? Verdict::inconclusive : judge_gain(low, high, needed);
  check.value = c.value;
  check.champion = c.champion;
  check.difference = sign * c.gain;
  check.low = std::min(sign * low, sign * high);
  check.high = std::max(sign * low, sign * high);
  check.threshold = sign * needed;
  check.rows = static_cast<int64_t>(scored.outcomes.size());
  std::string_view better = c.gain >= 0 ? "better" : "worse";
  std::string_view verdict = check.verdict == Verdict::pass   ? "proven"
                             : check.verdict == Verdict::fail ? "disproven"
                                                              : "neither proven nor disproven";
  check.message = fmt::format(
      "candidate {:.4f}, champion {:.4f}: {} by {:.4f} [{:.4f}, {:.4f}] on {} rows; {} at confidence {:.0f} % that it "
      "{}",
      c.value, c.champion, better, std::fabs(c.gain), low, high, check.rows, verdict, wanted.confidence_level * 100,
      must_improve ? fmt::format("is better by more than {}", wanted.min_improvement)
                   : fmt::format("is not worse by more than {}", wanted.non_inferiority_margin));
  return check;
}

struct GroupCounts {
  double rows = 0, positive = 0, selected = 0, true_positive = 0, false_positive = 0;
  double negative() const { return rows - positive; }
};

struct Rate {
  std::string group;
  double successes = 0;
  double trials = 0;
  double value() const { return successes / trials; }
};

std::string group_name(const stats::Column& group, size_t row) {
  if (!group.numeric) return group.missing[row] ? "(missing)" : group.categories[row];
  return std::isnan(group.numbers[row]) ? "(missing)" : fmt::format("{}", group.numbers[row]);
}

// Largest minus smallest rate with the noise of these two.
Check compare_rates(std::string name, const std::vector<Rate>& rates, double bound, int64_t rows) {
  Check check{.group = "fairness", .name = std::move(name), .threshold = bound, .rows = rows};
  if (rates.size() < 2) {
    check.verdict = Verdict::inconclusive;
    check.message = fmt::format("{} groups are large enough, 2 are needed", rates.size());
    return check;
  }
  auto [low, high] = std::minmax_element(rates.begin(), rates.end(),
                                         [](const Rate& a, const Rate& b) { return a.value() < b.value(); });
  auto difference = stats::proportion_difference(low->successes, low->trials, high->successes, high->trials);
  auto interval = difference.interval(0.95);
  check.value = difference.value;
  check.low = std::max(0.0, interval.low);
  check.high = interval.high;
  check.verdict = difference.value <= bound ? Verdict::pass
                  : interval.low > bound    ? Verdict::fail
                                            : Verdict::inconclusive;
  check.message =
      fmt::format("'{}' has {:.3f}, '{}' has {:.3f}: difference {:.3f} [{:.3f}, {:.3f}], bound {:.3f}", high->group,
                  high->value(), low->group, low->value(), difference.value, *check.low, interval.high, bound);
  return check;
}

double duplicate_rate(const stats::Table& table) {
  std::set<uint64_t> seen;
  for (size_t row = 0; row < table.rows(); ++row) {
    std::string text;
    for (const auto& column : table.columns) {
      if (column.numeric) {
        text.append(reinterpret_cast<const char*>(&column.numbers[row]), sizeof(double));
      } else {
        text += column.missing[row] ? std::string(1, '\1') : column.categories[row];
      }
      text += '\0';
    }
    seen.insert(hash64(text));
  }
  if (table.rows() == 0) return 0;
  return 1 - static_cast<double>(seen.size()) / static_cast<double>(table.rows());
}

double missing_rate(const stats::Column& column) {
  if (column.size() == 0) return 0;
  double missing = 0;
  for (size_t i = 0; i < column.size(); ++i)
    missing += column.numeric ? std::isnan(column.numbers[i]) : column.missing[i] != 0;
  return missing / static_cast<double>(column.size());
}

Check bounded(std::string group, std::string name, double value, double bound, int64_t rows,
              const std::string& message) {
  return {.group = std::move(group),
          .name = std::move(name),
          .verdict = value <= bound ? Verdict::pass : Verdict::fail,
          .value = value,
          .threshold = bound,
          .rows = rows,
          .message = message};
}

}  // namespace

std::string_view verdict_name(Verdict verdict) { return kVerdicts[static_cast<size_t>(verdict)]; }

std::optional<Verdict> parse_verdict(std::string_view name) {
  for (size_t i = 0; i < kVerdicts.size(); ++i) {
    if (kVerdicts[i] == name) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

std::vector<Check> check_performance(const Gate::Performance& wanted, const Scored& scored) {
  std::vector<Check> checks;
  auto rows = static_cast<int64_t>(scored.outcomes.size());
  if (rows < wanted.min_rows) {
    return {{.group = "performance",
             .name = std::string(metric_name(wanted.metric)),
             .verdict = Verdict::inconclusive,
             .threshold = static_cast<double>(wanted.min_rows),
             .rows = rows,
             .message = fmt::format("{} labelled rows, {} are required", rows, wanted.min_rows)}};
  }
  if (wanted.floor) checks.push_back(check_floor(wanted, scored));
  if (!scored.champion.empty()) {
    checks.push_back(check_against_champion(wanted, scored));
  } else if (!wanted.floor) {
    double value = metric_of(wanted.metric, scored.candidate, scored.outcomes);
    Check check{.group = "performance", .name = std::string(metric_name(wanted.metric))};
    check.verdict = std::isnan(value) ? Verdict::inconclusive : Verdict::pass;
    check.value = value;
    check.rows = rows;
    check.message =
        fmt::format("{} is {:.4f}; nobody defends, and the gate sets no floor", metric_name(wanted.metric), value);
    checks.push_back(check);
  }
  return checks;
}

std::vector<Check> check_data(const Gate::DataQuality& wanted, const stats::Table& features,
                              std::span<const uint8_t> outcomes) {
  std::vector<Check> checks;
  auto rows = static_cast<int64_t>(features.rows());
  if (wanted.max_missing_rate) {
    double worst = 0;
    std::string name = "no feature";
    for (const auto& column : features.columns) {
      if (missing_rate(column) <= worst) continue;
      worst = missing_rate(column);
      name = column.name;
    }
    checks.push_back(bounded("data", "missing_rate", worst, *wanted.max_missing_rate, rows,
                             fmt::format("'{}' has the most missing values: {:.2f} %, the bound is {:.2f} %", name,
                                         worst * 100, *wanted.max_missing_rate * 100)));
  }
  if (wanted.max_duplicate_rate) {
    double rate = duplicate_rate(features);
    checks.push_back(bounded("data", "duplicate_rate", rate, *wanted.max_duplicate_rate, rows,
                             fmt::format("{:.2f} % of the rows are duplicates, the bound is {:.2f} %", rate * 100,
                                         *wanted.max_duplicate_rate * 100)));
  }
  if (wanted.min_class_rows) {
    auto positive = std::count(outcomes.begin(), outcomes.end(), uint8_t{1});
    auto rarer = std::min<int64_t>(positive, static_cast<int64_t>(outcomes.size()) - positive);
    checks.push_back(
        {.group = "data",
         .name = "class_rows",
         .verdict = rarer >= *wanted.min_class_rows ? Verdict::pass : Verdict::fail,
         .value = static_cast<double>(rarer),
         .threshold = static_cast<double>(*wanted.min_class_rows),
         .rows = rows,
         .message = fmt::format("the rarer class has {} rows, {} are required", rarer, *wanted.min_class_rows)});
  }
  return checks;
}

std::vector<Check> check_fairness(const Gate::Fairness& wanted, const stats::Column& group, const Scored& scored) {
  std::map<std::string, GroupCounts> groups;
  for (size_t i = 0; i < scored.outcomes.size(); ++i) {
    GroupCounts& counts = groups[group_name(group, i)];
    bool selected = scored.candidate[i] >= wanted.threshold;
    bool positive = scored.outcomes[i] == 1;
    ++counts.rows;
    counts.positive += positive;
    counts.selected += selected;
    counts.true_positive += selected && positive;
    counts.false_positive += selected && !positive;
  }
  std::vector<Rate> selection, true_positive, false_positive;
  std::vector<std::string> left_out;
  for (const auto& [name, counts] : groups) {
    bool large = counts.rows >= static_cast<double>(wanted.min_group_rows);
    bool needs_positive = wanted.measure != FairnessMeasure::demographic_parity_difference;
    bool needs_negative = wanted.measure == FairnessMeasure::equalized_odds_difference;
    large = large && (!needs_positive || counts.positive >= kMinRateRows) &&
            (!needs_negative || counts.negative() >= kMinRateRows);
    if (!large) {
      left_out.push_back(name);
      continue;
    }
    selection.push_back({name, counts.selected, counts.rows});
    true_positive.push_back({name, counts.true_positive, counts.positive});
    false_positive.push_back({name, counts.false_positive, counts.negative()});
  }
  auto rows = static_cast<int64_t>(scored.outcomes.size());
  std::vector<Check> checks;
  if (wanted.measure == FairnessMeasure::demographic_parity_difference) {
    checks.push_back(compare_rates("demographic_parity_difference", selection, wanted.bound, rows));
  } else if (wanted.measure == FairnessMeasure::equal_opportunity_difference) {
    checks.push_back(compare_rates("equal_opportunity_difference", true_positive, wanted.bound, rows));
  } else {
    checks.push_back(compare_rates("equalized_odds_difference:true_positive_rate", true_positive, wanted.bound, rows));
    checks.push_back(
        compare_rates("equalized_odds_difference:false_positive_rate", false_positive, wanted.bound, rows));
  }
  for (auto& check : checks) {
    check.slice = wanted.group;
    if (!left_out.empty()) check.message += fmt::format("; too small and left out: {}", fmt::join(left_out, ", "));
  }
  return checks;
}

std::vector<Check> check_resources(const Gate::Resources& wanted, const Cost& cost) {
  std::vector<Check> checks;
  if (wanted.latency_ms_p99) {
    checks.push_back(bounded("resources", "latency_ms_p99", cost.latency_ms_p99, *wanted.latency_ms_p99, cost.requests,
                             fmt::format("p99 of {} one-row requests is {:.3f} ms, the bound is {:.3f} ms",
                                         cost.requests, cost.latency_ms_p99, *wanted.latency_ms_p99)));
  }
  if (wanted.memory_bytes) {
    checks.push_back(bounded(
        "resources", "memory_bytes", static_cast<double>(cost.memory_bytes), static_cast<double>(*wanted.memory_bytes),
        cost.requests,
        fmt::format("loading and running takes {} bytes, the bound is {}", cost.memory_bytes, *wanted.memory_bytes)));
  }
  return checks;
}

Verdict overall(const std::vector<Check>& checks) {
  auto any = [&](Verdict verdict) {
    return std::any_of(checks.begin(), checks.end(), [&](const Check& c) { return c.verdict == verdict; });
  };
  if (any(Verdict::fail)) return Verdict::fail;
  if (any(Verdict::inconclusive)) return Verdict::inconclusive;
  return any(Verdict::pass) ? Verdict::pass : Verdict::not_run;
}

std::string summarise(const std::vector<Check>& checks) {
  Verdict verdict = overall(checks);
  if (verdict == Verdict::not_run) return "the gate has no check to run";
  const Check* said = nullptr;
  for (const auto& check : checks) {
    if (check.verdict != verdict) continue;
    // Of those that decide, how well it predicts says most, and most of all against the champion.
    bool performance = check.group == "performance" && (said == nullptr || !said->champion);
    if (said == nullptr || performance) said = &check;
  }
  return fmt::format("{}: {}", said->name, said->message);
}

}  // namespace fettle::validation
