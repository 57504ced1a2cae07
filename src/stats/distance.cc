#include "stats/distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "stats/distributions.h"

namespace fettle::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double total(std::span<const double> counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

// Calls body(p, q, cell) with the shares of each cell. False when a side is empty.
template <class Body>
bool each_share(CountPair counts, Body&& body) {
  FETTLE_CHECK(counts.reference.size() == counts.current.size(), "both sides have the same cells");
  double n = total(counts.reference);
  double m = total(counts.current);
  if (!(n > 0) || !(m > 0)) return false;
  for (size_t i = 0; i < counts.reference.size(); ++i) body(counts.reference[i] / n, counts.current[i] / m, i);
  return true;
}

double js_term(double p, double q) {
  double middle = (p + q) / 2;
  double sum = 0;
  if (p > 0) sum += p * std::log(p / middle);
  if (q > 0) sum += q * std::log(q / middle);
  return sum / 2;
}

double js_divergence_nats(CountPair counts) {
  double sum = 0;
  bool known = each_share(counts, [&](double p, double q, size_t) { sum += js_term(p, q); });
  return known ? std::max(sum, 0.0) : kNan;
}

double null_scale(Sizes sizes) { return 1 / sizes.reference + 1 / sizes.current; }
double degrees(Sizes sizes) { return sizes.cells > 1 ? static_cast<double>(sizes.cells - 1) : 0; }
bool has_null(Sizes sizes) { return sizes.reference > 0 && sizes.current > 0 && sizes.cells > 1; }

}  // namespace

Psi psi(CountPair counts, double pseudo_count) {
  FETTLE_CHECK(counts.reference.size() == counts.current.size(), "both sides have the same cells");
  size_t cells = used_cells(counts);
  double n = total(counts.reference);
  double m = total(counts.current);
  Psi result;
  result.contributions.resize(counts.reference.size());
  if (!(n > 0) || !(m > 0)) {
    result.score = kNan;
    return result;
  }
  double added = pseudo_count * static_cast<double>(cells);
  for (size_t i = 0; i < counts.reference.size(); ++i) {
    if (counts.reference[i] == 0 && counts.current[i] == 0) continue;
    double p = (counts.reference[i] + pseudo_count) / (n + added);
    double q = (counts.current[i] + pseudo_count) / (m + added);
    result.contributions[i] = (q - p) * std::log(q / p);
    result.score += result.contributions[i];
  }
  return result;
}

double js_distance_nats(CountPair counts) { return std::sqrt(js_divergence_nats(counts)); }
double js_divergence_bits(CountPair counts) { return js_divergence_nats(counts) / std::numbers::ln2; }

std::vector<double> js_contributions(CountPair counts) {
  std::vector<double> parts(counts.reference.size());
  each_share(counts, [&](double p, double q, size_t i) { parts[i] = js_term(p, q); });
  return parts;
}

double kl_divergence_nats(CountPair counts) {
  double sum = 0;
  bool known = each_share(counts, [&](double p, double q, size_t) {
    if (p > 0) sum += q > 0 ? p * std::log(p / q) : std::numeric_limits<double>::infinity();
  });
  return known ? sum : kNan;
}

double hellinger(CountPair counts) {
  double sum = 0;
  bool known = each_share(counts, [&](double p, double q, size_t) { sum += std::sqrt(p * q); });
  return known ? std::sqrt(std::max(0.0, 1 - sum)) : kNan;
}

double total_variation(CountPair counts) {
  double sum = 0;
  bool known = each_share(counts, [&](double p, double q, size_t) { sum += std::fabs(p - q); });
  return known ? sum / 2 : kNan;
}

double l_infinity(CountPair counts) {
  double most = 0;
  bool known = each_share(counts, [&](double p, double q, size_t) { most = std::max(most, std::fabs(p - q)); });
  return known ? most : kNan;
}

double ks_statistic(std::span<const double> reference_sorted, std::span<const double> current_sorted) {
  if (reference_sorted.empty() || current_sorted.empty()) return kNan;
  auto n = static_cast<double>(reference_sorted.size());
  auto m = static_cast<double>(current_sorted.size());
  size_t i = 0;
  size_t j = 0;
  double most = 0;
  while (i < reference_sorted.size() && j < current_sorted.size()) {
    double value = std::min(reference_sorted[i], current_sorted[j]);
    while (i < reference_sorted.size() && reference_sorted[i] == value) ++i;
    while (j < current_sorted.size() && current_sorted[j] == value) ++j;
    most = std::max(most, std::fabs(static_cast<double>(i) / n - static_cast<double>(j) / m));
  }
  return most;
}

double ks_p_value(double statistic, int64_t n, int64_t m, int64_t exact_limit) {
  if (std::isnan(statistic) || n < 1 || m < 1) return kNan;
  if (n <= exact_limit / m) return ks_two_sample_exact_sf(statistic, n, m);
  double effective = static_cast<double>(n) * static_cast<double>(m) / static_cast<double>(n + m);
  return ks_one_sample_sf(statistic, std::max<int64_t>(1, std::llround(effective)));
}

double wasserstein1(std::span<const double> reference_sorted, std::span<const double> current_sorted) {
  if (reference_sorted.empty() || current_sorted.empty()) return kNan;
  auto n = static_cast<double>(reference_sorted.size());
  auto m = static_cast<double>(current_sorted.size());
  size_t i = 0;
  size_t j = 0;
  double area = 0;
  double previous = std::min(reference_sorted[0], current_sorted[0]);
  while (i < reference_sorted.size() || j < current_sorted.size()) {
    bool from_reference =
        j == current_sorted.size() || (i < reference_sorted.size() && reference_sorted[i] <= current_sorted[j]);
    double value = from_reference ? reference_sorted[i] : current_sorted[j];
    area += std::fabs(static_cast<double>(i) / n - static_cast<double>(j) / m) * (value - previous);
    previous = value;
    ++(from_reference ? i : j);
  }
  return area;
}

double psi_expected_null(Sizes sizes) { return has_null(sizes) ? null_scale(sizes) * degrees(sizes) : 0; }

double psi_null_quantile(double p, Sizes sizes) {
  return has_null(sizes) ? null_scale(sizes) * chi_square_quantile(p, degrees(sizes)) : 0;
}

double psi_p_value(double score, Sizes sizes) {
  return has_null(sizes) ? chi_square_sf(score / null_scale(sizes), degrees(sizes)) : 1;
}

double js_expected_null(Sizes sizes) { return std::sqrt(psi_expected_null(sizes) / 8); }
double js_null_quantile(double p, Sizes sizes) { return std::sqrt(psi_null_quantile(p, sizes) / 8); }
double js_p_value(double distance, Sizes sizes) { return psi_p_value(8 * distance * distance, sizes); }

double w1_over_sd_expected_null(Sizes sizes) { return 1.3 * std::sqrt(null_scale(sizes)); }
double w1_over_sd_null_999(Sizes sizes) { return 3.6 * std::sqrt(null_scale(sizes)); }

size_t used_cells(CountPair counts) {
  size_t used = 0;
  for (size_t i = 0; i < counts.reference.size(); ++i) used += counts.reference[i] > 0 || counts.current[i] > 0;
  return used;
}

}  // namespace fettle::stats
