#include "stats/tests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "stats/distributions.h"

namespace fettle::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Moments {
  double n = 0;
  double mean = 0;
  double variance = 0;  // divided by n - 1
};

Moments moments(std::span<const double> values) {
  Moments m{.n = static_cast<double>(values.size())};
  if (values.empty()) return {.n = 0, .mean = kNan, .variance = kNan};
  m.mean = std::accumulate(values.begin(), values.end(), 0.0) / m.n;
  for (double v : values) m.variance += (v - m.mean) * (v - m.mean);
  m.variance = m.n > 1 ? m.variance / (m.n - 1) : kNan;
  return m;
}

double two_sided_t(double t, double degrees) { return 2 * student_cdf(-std::fabs(t), degrees); }

}  // namespace

Interval Estimate::interval(double confidence) const {
  double half = normal_quantile(0.5 + confidence / 2) * standard_error;
  return {value - half, value + half};
}

Interval wilson(double successes, double trials, double confidence) {
  if (!(trials > 0)) return {0, 1};
  double z = normal_quantile(0.5 + confidence / 2);
  double share = successes / trials;
  double denominator = 1 + z * z / trials;
  double middle = (share + z * z / (2 * trials)) / denominator;
  double half = z * std::sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / denominator;
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

TestResult chi_square_goodness(std::span<const double> reference, std::span<const double> current) {
  FETTLE_CHECK(reference.size() == current.size(), "both sides have the same cells");
  double n = std::accumulate(reference.begin(), reference.end(), 0.0);
  double m = std::accumulate(current.begin(), current.end(), 0.0);
  double cells = 0;
  double statistic = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == 0 && current[i] == 0) continue;
    ++cells;
    double expected = reference[i] * m / n;
    double gap = current[i] - expected;
    statistic += gap * gap / expected;
  }
  return {statistic, cells > 1 ? chi_square_sf(statistic, cells - 1) : 1, cells - 1};
}

TestResult chi_square_contingency(std::span<const double> reference, std::span<const double> current, bool yates) {
  FETTLE_CHECK(reference.size() == current.size(), "both sides have the same cells");
  double n = std::accumulate(reference.begin(), reference.end(), 0.0);
  double m = std::accumulate(current.begin(), current.end(), 0.0);
  double cells = 0;
  for (size_t i = 0; i < reference.size(); ++i) cells += reference[i] + current[i] > 0;
  if (!(n > 0) || !(m > 0)) return {kNan, kNan, cells - 1};
  double statistic = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    double column = reference[i] + current[i];
    if (!(column > 0)) continue;
    for (auto [observed, rows] : {std::pair{reference[i], n}, std::pair{current[i], m}}) {
      double expected = column * rows / (n + m);
      double gap = std::fabs(observed - expected);
      if (yates && cells == 2) gap -= std::min(0.5, gap);
      statistic += gap * gap / expected;
    }
  }
  return {statistic, cells > 1 ? chi_square_sf(statistic, cells - 1) : 1, cells - 1};
}

TestResult two_proportions(double successes_a, double trials_a, double successes_b, double trials_b) {
  if (!(trials_a > 0) || !(trials_b > 0)) return {kNan, kNan, 0};
  double pooled = (successes_a + successes_b) / (trials_a + trials_b);
  double error = std::sqrt(pooled * (1 - pooled) * (1 / trials_a + 1 / trials_b));
  if (!(error > 0)) return {0, 1, 0};
  double z = (successes_a / trials_a - successes_b / trials_b) / error;
  return {z, 2 * normal_sf(std::fabs(z)), 0};
}

Estimate proportion_difference(double successes_a, double trials_a, double successes_b, double trials_b) {
  if (!(trials_a > 0) || !(trials_b > 0)) return {kNan, kNan, 0};
  double a = successes_a / trials_a;
  double b = successes_b / trials_b;
  double variance = a * (1 - a) / trials_a + b * (1 - b) / trials_b;
  return {b - a, std::sqrt(variance), static_cast<uint64_t>(trials_a + trials_b)};
}

TestResult welch(std::span<const double> a, std::span<const double> b) {
  Moments ma = moments(a);
  Moments mb = moments(b);
  double va = ma.variance / ma.n;
  double vb = mb.variance / mb.n;
  if (!(va + vb > 0)) return {kNan, kNan, 0};
  double t = (mb.mean - ma.mean) / std::sqrt(va + vb);
  double degrees = (va + vb) * (va + vb) / (va * va / (ma.n - 1) + vb * vb / (mb.n - 1));
  return {t, two_sided_t(t, degrees), degrees};
}

TestResult student(std::span<const double> a, std::span<const double> b) {
  Moments ma = moments(a);
  Moments mb = moments(b);
  double degrees = ma.n + mb.n - 2;
  double pooled = ((ma.n - 1) * ma.variance + (mb.n - 1) * mb.variance) / degrees;
  if (!(pooled > 0)) return {kNan, kNan, degrees};
  double t = (ma.mean - mb.mean) / std::sqrt(pooled * (1 / ma.n + 1 / mb.n));
  return {t, two_sided_t(t, degrees), degrees};
}

Estimate mean_of(std::span<const double> values) {
  Moments m = moments(values);
  return {m.mean, std::sqrt(m.variance / m.n), values.size()};
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b) {
  FETTLE_CHECK(a.size() == b.size(), "pairs");
  std::vector<double> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = b[i] - a[i];
  return mean_of(differences);
}

TestResult mcnemar(uint64_t only_a, uint64_t only_b) {
  uint64_t discordant = only_a + only_b;
  if (discordant == 0) return {0, 1, 1};
  uint64_t fewer = std::min(only_a, only_b);
  auto n = static_cast<double>(discordant);
  if (discordant < 25) {
    // P(Binomial(n, 1/2) <= fewer) = I_{1/2}(n - fewer, fewer + 1)
    double tail =
        fewer == discordant ? 1 : beta_cdf(0.5, n - static_cast<double>(fewer), static_cast<double>(fewer) + 1);
    return {static_cast<double>(fewer), std::min(1.0, 2 * tail), 0};
  }
  double gap = std::fabs(static_cast<double>(only_a) - static_cast<double>(only_b)) - 1;
  double statistic = std::max(0.0, gap) * std::max(0.0, gap) / n;
  return {statistic, chi_square_sf(statistic, 1), 1};
}

std::vector<double> benjamini_hochberg(std::span<const double> p_values) {
  std::vector<size_t> order;
  for (size_t i = 0; i < p_values.size(); ++i) {
    if (!std::isnan(p_values[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size(), kNan);
  double least = 1;
  for (size_t rank = order.size(); rank > 0; --rank) {
    double q = p_values[order[rank - 1]] * static_cast<double>(order.size()) / static_cast<double>(rank);
    least = std::min(least, q);
    adjusted[order[rank - 1]] = least;
  }
  return adjusted;
}

double SequentialTest::observe(const Estimate& difference) {
  double v = difference.standard_error * difference.standard_error;
  if (!(v > 0)) return p_;
  double d = difference.value - null_value_;
  double t2 = tau_ * tau_;
  double log_ratio = 0.5 * std::log(v / (v + t2)) + t2 * d * d / (2 * v * (v + t2));
  p_ = std::min(p_, std::exp(-log_ratio));
  return p_;
}

Interval always_valid_interval(const Estimate& difference, double tau, double confidence) {
  double v = difference.standard_error * difference.standard_error;
  double t2 = tau * tau;
  // The values of the null that SequentialTest does not reject at this look, solved for d.
  double half = std::sqrt(2 * v * (v + t2) / t2 * (std::log(1 / (1 - confidence)) + 0.5 * std::log((v + t2) / v)));
  return {difference.value - half, difference.value + half};
}

uint64_t rows_per_arm(double p1, double p2, double alpha, double power) {
  double z = normal_quantile(1 - alpha / 2) + normal_quantile(power);
  double gap = p1 - p2;
  return static_cast<uint64_t>(std::ceil(z * z * (p1 * (1 - p1) + p2 * (1 - p2)) / (gap * gap)));
}

}  // namespace fettle::stats
