#include "stats/binary_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"

namespace fettle::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<uint32_t> ascending(std::span<const double> scores) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] < scores[b]; });
  return order;
}

// DeLong's structural components: for each row the share of rows of the other kind that it is ranked rightly against
// (ties half). Rows of one kind keep their order among the rows.
struct Components {
  std::vector<double> positive;
  std::vector<double> negative;
  double area = kNan;
};

Components components(std::span<const double> scores, std::span<const uint8_t> outcomes) {
  std::vector<double> placed(scores.size());
  std::vector<uint32_t> order = ascending(scores);
  double positives =
      static_cast<double>(std::count_if(outcomes.begin(), outcomes.end(), [](uint8_t y) { return y != 0; }));
  double negatives = static_cast<double>(outcomes.size()) - positives;
  double below_positive = 0;
  double below_negative = 0;
  for (size_t start = 0; start < order.size();) {
    size_t end = start;
    double tied_positive = 0;
    double tied_negative = 0;
    while (end < order.size() && scores[order[end]] == scores[order[start]]) {
      ++(outcomes[order[end]] ? tied_positive : tied_negative);
      ++end;
    }
    for (; start < end; ++start) {
      uint32_t row = order[start];
      placed[row] = outcomes[row] ? (below_negative + tied_negative / 2) / negatives
                                  : (positives - below_positive - tied_positive / 2) / positives;
    }
    below_positive += tied_positive;
    below_negative += tied_negative;
  }
  Components result;
  for (size_t i = 0; i < placed.size(); ++i) (outcomes[i] ? result.positive : result.negative).push_back(placed[i]);
  if (positives > 0 && negatives > 0) {
    result.area = std::accumulate(result.positive.begin(), result.positive.end(), 0.0) / positives;
  }
  return result;
}

double variance_of_mean(std::span<const double> values) {
  double error = mean_of(values).standard_error;
  return error * error;
}

std::vector<double> minus(std::span<const double> a, std::span<const double> b) {
  std::vector<double> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

CalibrationBin bin_of(ScoredOutcomes data, std::span<const uint32_t> rows) {
  CalibrationBin bin{.rows = rows.size()};
  for (uint32_t row : rows) {
    bin.score += data.scores[row];
    bin.outcome_rate += data.outcomes[row] != 0;
  }
  bin.score /= static_cast<double>(rows.size());
  bin.outcome_rate /= static_cast<double>(rows.size());
  return bin;
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : kNan; }

}  // namespace

Estimate auc(ScoredOutcomes data) {
  Components parts = components(data.scores, data.outcomes);
  if (std::isnan(parts.area)) return {kNan, kNan, data.size()};
  double variance = variance_of_mean(parts.positive) + variance_of_mean(parts.negative);
  return {parts.area, std::sqrt(variance), data.size()};
}

PairedEstimate paired_auc(std::span<const double> first, std::span<const double> second,
                          std::span<const uint8_t> outcomes) {
  FETTLE_CHECK(first.size() == second.size() && first.size() == outcomes.size(), "pairs");
  Components a = components(first, outcomes);
  Components b = components(second, outcomes);
  if (std::isnan(a.area)) return {kNan, kNan, {kNan, kNan, first.size()}};
  double variance = variance_of_mean(minus(b.positive, a.positive)) + variance_of_mean(minus(b.negative, a.negative));
  return {a.area, b.area, {b.area - a.area, std::sqrt(variance), first.size()}};
}

PairedEstimate paired_log_loss(std::span<const double> first, std::span<const double> second,
                               std::span<const uint8_t> outcomes) {
  std::vector<double> a = log_losses({first, outcomes});
  std::vector<double> b = log_losses({second, outcomes});
  return {mean_of(a).value, mean_of(b).value, paired_difference(a, b)};
}

double log_loss_of(double score, uint8_t outcome) {
  double p = std::clamp(outcome ? score : 1 - score, 1e-15, 1 - 1e-15);
  return -std::log(p);
}

std::vector<double> log_losses(ScoredOutcomes data) {
  std::vector<double> losses(data.size());
  for (size_t i = 0; i < losses.size(); ++i) losses[i] = log_loss_of(data.scores[i], data.outcomes[i]);
  return losses;
}

Estimate log_loss(ScoredOutcomes data) { return mean_of(log_losses(data)); }

Estimate brier(ScoredOutcomes data) {
  std::vector<double> squares(data.size());
  for (size_t i = 0; i < squares.size(); ++i) {
    double gap = data.scores[i] - (data.outcomes[i] ? 1 : 0);
    squares[i] = gap * gap;
  }
  return mean_of(squares);
}

double average_precision(ScoredOutcomes data) {
  std::vector<uint32_t> order = ascending(data.scores);
  std::reverse(order.begin(), order.end());
  double hits = 0;
  double sum = 0;
  for (size_t i = 0; i < order.size();) {
    size_t end = i;
    double tied = 0;
    while (end < order.size() && data.scores[order[end]] == data.scores[order[i]])
      tied += data.outcomes[order[end++]] != 0;
    hits += tied;
    sum += tied * hits / static_cast<double>(end);
    i = end;
  }
  return ratio(sum, hits);
}

std::vector<CalibrationBin> calibration_equal_mass(ScoredOutcomes data, size_t bins) {
  std::vector<uint32_t> order = ascending(data.scores);
  std::vector<CalibrationBin> result;
  for (size_t b = 0; b < bins; ++b) {
    size_t start = order.size() * b / bins;
    size_t end = order.size() * (b + 1) / bins;
    if (end > start) result.push_back(bin_of(data, std::span(order).subspan(start, end - start)));
  }
  return result;
}

std::vector<CalibrationBin> calibration_equal_width(ScoredOutcomes data, size_t bins) {
  std::vector<std::vector<uint32_t>> rows(bins);
  for (size_t i = 0; i < data.size(); ++i) {
    // Scaling can land a hair above an edge that the score is equal to (0.7 * 10 = 7.000000000000001).
    double place = std::ceil(data.scores[i] * static_cast<double>(bins) - 1e-9) - 1;
    auto bin = static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
    rows[bin].push_back(static_cast<uint32_t>(i));
  }
  std::vector<CalibrationBin> result;
  for (const auto& bin : rows) {
    if (!bin.empty()) result.push_back(bin_of(data, bin));
  }
  return result;
}

double expected_calibration_error(std::span<const CalibrationBin> bins) {
  double rows = 0;
  double sum = 0;
  for (const auto& bin : bins) {
    rows += static_cast<double>(bin.rows);
    sum += static_cast<double>(bin.rows) * std::fabs(bin.outcome_rate - bin.score);
  }
  return ratio(sum, rows);
}

double calibration_error_noise(std::span<const CalibrationBin> bins) {
  double rows = 0;
  double sum = 0;
  for (const auto& bin : bins) {
    auto n = static_cast<double>(bin.rows);
    double p = std::clamp(bin.score, 0.0, 1.0);
    rows += n;
    sum += n * std::sqrt(p * (1 - p) / n * 2 / std::numbers::pi);
  }
  return ratio(sum, rows);
}

double Confusion::accuracy() const { return ratio(true_positive + true_negative, total()); }
double Confusion::precision() const { return ratio(true_positive, true_positive + false_positive); }
double Confusion::recall() const { return ratio(true_positive, true_positive + false_negative); }
double Confusion::f1() const { return ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative); }

Confusion confusion(ScoredOutcomes data, double threshold) {
  Confusion counts;
  for (size_t i = 0; i < data.size(); ++i) {
    bool said = data.scores[i] >= threshold;
    bool is = data.outcomes[i] != 0;
    ++(said ? (is ? counts.true_positive : counts.false_positive)
            : (is ? counts.false_negative : counts.true_negative));
  }
  return counts;
}

}  // namespace fettle::stats
