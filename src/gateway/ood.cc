#include "gateway/ood.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "stats/distributions.h"
#include "stats/profile.h"

namespace fettle::gateway {
namespace {

constexpr size_t kKnots = 65;
// Normal score of a value that differs from a feature that never varied in training.
constexpr double kConstantScore = 6;
// Keeps one absurd number from overflowing the sum.
constexpr double kScoreLimit = 1e4;

// -2 ln(p / p_most) of a count, with half a row added so that nothing is impossible.
double penalty(double count, double most) { return -2 * std::log((count + 0.5) / (most + 0.5)); }

struct Split {
  std::vector<size_t> fit;
  std::vector<size_t> calibration;
};

// By a hash of the row number: a reference is often ordered by time, so halves must not be contiguous.
Split split_rows(size_t rows) {
  Split split;
  for (size_t row = 0; row < rows; ++row) {
    uint64_t index = row;
    bool fit = (hash64({reinterpret_cast<const char*>(&index), sizeof index}, 0x00D) & 1) == 0;
    (fit ? split.fit : split.calibration).push_back(row);
  }
  return split;
}

// Lower Cholesky factor in place (row-major n × n); false when not positive definite.
bool cholesky(std::vector<double>& m, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = m[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= m[i * n + k] * m[j * n + k];
      if (i == j) {
        if (sum <= 1e-9) return false;
        m[i * n + i] = std::sqrt(sum);
      } else {
        m[i * n + j] = sum / m[j * n + j];
      }
    }
  }
  return true;
}

// L^-1 of a lower triangular matrix, packed by rows.
std::vector<double> inverse_lower(const std::vector<double>& l, size_t n) {
  std::vector<double> inverse(n * (n + 1) / 2);
  auto at = [](size_t i, size_t j) { return i * (i + 1) / 2 + j; };
  for (size_t j = 0; j < n; ++j) {
    inverse[at(j, j)] = 1 / l[j * n + j];
    for (size_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (size_t k = j; k < i; ++k) sum -= l[i * n + k] * inverse[at(k, j)];
      inverse[at(i, j)] = sum / l[i * n + i];
    }
  }
  return inverse;
}

}  // namespace

double OodDetector::Marginal::normal_score(double value) const {
  if (values.empty() || std::isnan(value)) return 0;
  if (value < values.front()) {
    double far = values.size() == 1 ? kConstantScore : (values.front() - value) / scale;
    return std::max(-kScoreLimit, scores.front() - far);
  }
  if (value > values.back()) {
    double far = values.size() == 1 ? kConstantScore : (value - values.back()) / scale;
    return std::min(kScoreLimit, scores.back() + far);
  }
  auto above = static_cast<size_t>(std::upper_bound(values.begin(), values.end(), value) - values.begin());
  if (above == values.size()) return scores.back();
  double share = (value - values[above - 1]) / (values[above] - values[above - 1]);
  return scores[above - 1] + share * (scores[above] - scores[above - 1]);
}

OodDetector::OodDetector(const Contract& contract, const FeatureBatch& reference, const OodConfig& config)
    : rate_(config.rate), numbers_(contract.numeric_count), categories_(contract.categorical_count) {
  Split split = split_rows(static_cast<size_t>(reference.rows));
  auto needed = static_cast<size_t>(std::ceil(1 / config.rate - 1e-9)) - 1;
  if (split.calibration.size() < std::max<size_t>(needed, 20) || split.fit.size() < 20) {
    fail(Code::failed_precondition,
         "out-of-distribution detection at rate {:g} needs at least {} calibration rows, the reference gives {}",
         config.rate, std::max<size_t>(needed, 20), split.calibration.size());
  }
  fit_numbers(reference, split.fit);
  fit_categories(reference, split.fit);
  fit_correlation(reference, split.fit, config);
  std::vector<double> all;
  scores(reference, all);
  for (size_t row : split.calibration) calibration_.push_back(all[row]);
  std::sort(calibration_.begin(), calibration_.end());
}

void OodDetector::fit_numbers(const FeatureBatch& reference, std::span<const size_t> rows) {
  for (size_t slot = 0; slot < numbers_.size(); ++slot) {
    Marginal& marginal = numbers_[slot];
    const double* column = reference.numbers.data() + slot * static_cast<size_t>(reference.rows);
    std::vector<double> sorted;
    for (size_t row : rows) {
      if (std::isfinite(column[row])) sorted.push_back(column[row]);
    }
    double present = static_cast<double>(sorted.size());
    double missing = static_cast<double>(rows.size()) - present;
    marginal.missing_penalty = penalty(missing, std::max(present, missing));
    marginal.present_penalty = penalty(present, std::max(present, missing));
    if (sorted.empty()) continue;
    std::sort(sorted.begin(), sorted.end());
    for (size_t knot = 0; knot < kKnots; ++knot) {
      double value = stats::sorted_quantile(sorted, static_cast<double>(knot) / (kKnots - 1));
      if (!marginal.values.empty() && value <= marginal.values.back()) continue;
      // Ties get the middle of their ranks.
      auto low = std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
      auto high = std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
      marginal.values.push_back(value);
      marginal.scores.push_back(stats::normal_quantile((static_cast<double>(low + high) / 2 + 0.5) / (present + 1)));
    }
    double iqr = stats::sorted_quantile(sorted, 0.75) - stats::sorted_quantile(sorted, 0.25);
    double outer = stats::sorted_quantile(sorted, 0.99) - stats::sorted_quantile(sorted, 0.01);
    double widest = sorted.back() - sorted.front();
    marginal.scale = iqr > 0 ? iqr / 1.349 : outer > 0 ? outer / 4.652 : widest > 0 ? widest / 6 : 1;
  }
}

void OodDetector::fit_categories(const FeatureBatch& reference, std::span<const size_t> rows) {
  for (size_t slot = 0; slot < categories_.size(); ++slot) {
    TextMap<double> counts;
    for (size_t row : rows) ++counts[reference.categories[slot * static_cast<size_t>(reference.rows) + row]];
    double most = 0;
    for (const auto& [value, count] : counts) most = std::max(most, count);
    Categories& categories = categories_[slot];
    categories.unseen_penalty = penalty(0, most);
    auto missing = counts.find(std::string_view());
    categories.missing_penalty = missing == counts.end() ? categories.unseen_penalty : penalty(missing->second, most);
    for (const auto& [value, count] : counts) categories.penalty[value] = penalty(count, most);
  }
}

void OodDetector::fit_correlation(const FeatureBatch& reference, std::span<const size_t> rows,
                                  const OodConfig& config) {
  size_t n = numbers_.size();
  if (n < 2 || n > config.max_numeric) return;
  std::vector<double> sums(n * n, 0.0);
  std::vector<double> z(n);
  for (size_t row : rows) {
    for (size_t i = 0; i < n; ++i) {
      z[i] = std::clamp(numbers_[i].normal_score(reference.numbers[i * static_cast<size_t>(reference.rows) + row]),
                        -4.0, 4.0);
    }
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j <= i; ++j) sums[i * n + j] += z[i] * z[j];
    }
  }
  // Variance is left at 1 (the scores are normal by construction); only the correlation is learnt, shrunk towards none.
  std::vector<double> matrix(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      double scale = std::sqrt(sums[i * n + i] * sums[j * n + j]);
      matrix[i * n + j] = scale > 0 ? (1 - config.ridge) * sums[i * n + j] / scale : 0;
    }
    matrix[i * n + i] = 1;
  }
  if (cholesky(matrix, n)) inverse_root_ = inverse_lower(matrix, n);
}

void OodDetector::scores(const FeatureBatch& batch, std::vector<double>& out) const {
  auto rows = static_cast<size_t>(batch.rows);
  size_t n = numbers_.size();
  out.assign(rows, 0.0);
  std::vector<double> z(n);
  for (size_t row = 0; row < rows; ++row) {
    double score = 0;
    for (size_t i = 0; i < n; ++i) {
      double value = batch.numbers[i * rows + row];
      z[i] = numbers_[i].normal_score(value);
      score += std::isnan(value) ? numbers_[i].missing_penalty : numbers_[i].present_penalty;
    }
    const double* root = inverse_root_.data();
    for (size_t i = 0; i < n; ++i) {
      double sum = z[i];
      if (!inverse_root_.empty()) {
        sum = 0;
        for (size_t j = 0; j <= i; ++j) sum += root[j] * z[j];
        root += i + 1;
      }
      score += sum * sum;
    }
    for (size_t i = 0; i < categories_.size(); ++i) {
      const std::string& value = batch.categories[i * rows + row];
      auto found = categories_[i].penalty.find(std::string_view(value));
      score += found != categories_[i].penalty.end() ? found->second
               : value.empty()                       ? categories_[i].missing_penalty
                                                     : categories_[i].unseen_penalty;
    }
    out[row] = score;
  }
}

float OodDetector::p_of(double score) const {
  auto at_least = calibration_.end() - std::lower_bound(calibration_.begin(), calibration_.end(), score);
  return static_cast<float>(1 + at_least) / static_cast<float>(calibration_.size() + 1);
}

void OodDetector::p_values(const FeatureBatch& batch, std::vector<float>& out) const {
  std::vector<double> raw;
  scores(batch, raw);
  out.resize(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) out[i] = p_of(raw[i]);
}

FeatureBatch reference_batch(const Contract& contract, const stats::Table& reference, size_t max_rows) {
  FeatureBatch batch;
  size_t stride = std::max<size_t>(1, (reference.rows() + max_rows - 1) / max_rows);
  std::vector<size_t> rows;
  for (size_t row = 0; row < reference.rows(); row += stride) rows.push_back(row);
  batch.rows = static_cast<int64_t>(rows.size());
  batch.numbers.assign(contract.numeric_count * rows.size(), std::nan(""));
  batch.categories.assign(contract.categorical_count * rows.size(), {});
  for (const Feature& feature : contract.features) {
    const stats::Column* column = reference.find(feature.name);
    if (column == nullptr) continue;
    for (size_t i = 0; i < rows.size(); ++i) {
      size_t row = rows[i];
      size_t at = feature.slot * rows.size() + i;
      if (feature.numeric && column->numeric) {
        batch.numbers[at] = column->numbers[row];
      } else if (feature.numeric) {
        if (column->missing[row] == 0) batch.numbers[at] = iequals(column->categories[row], "true") ? 1 : 0;
      } else if (!column->numeric) {
        if (column->missing[row] == 0) batch.categories[at] = column->categories[row];
      } else if (!std::isnan(column->numbers[row])) {
        batch.categories[at] = category_text(column->numbers[row]);
      }
    }
  }
  return batch;
}

}  // namespace fettle::gateway
