#include "stats/distributions.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace fettle::stats {
namespace {

namespace bm = boost::math;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;

bool is_probability(double p) { return p >= 0 && p <= 1; }

using Matrix = std::vector<double>;

void multiply(const Matrix& a, const Matrix& b, Matrix& out, size_t m) {
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < m; ++j) {
      double sum = 0;
      for (size_t k = 0; k < m; ++k) sum += a[i * m + k] * b[k * m + j];
      out[i * m + j] = sum;
    }
  }
}

// Marsaglia-Tsang-Wang's H matrix of size 2k - 1, where n d = k - h.
Matrix marsaglia_matrix(size_t k, double h) {
  size_t m = 2 * k - 1;
  Matrix matrix(m * m);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < m; ++j) matrix[i * m + j] = i + 1 < j ? 0.0 : 1.0;
  }
  for (size_t i = 0; i < m; ++i) {
    matrix[i * m] -= std::pow(h, static_cast<double>(i + 1));
    matrix[(m - 1) * m + i] -= std::pow(h, static_cast<double>(m - i));
  }
  matrix[(m - 1) * m] += 2 * h - 1 > 0 ? std::pow(2 * h - 1, static_cast<double>(m)) : 0;
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < std::min(i + 1, m); ++j) {
      double factorial = 1;
      for (size_t g = 2; g <= i - j + 1; ++g) factorial *= static_cast<double>(g);
      matrix[i * m + j] /= factorial;
    }
  }
  return matrix;
}

// P(D_n < d), exact. Entries stay in range for n <= 140.
double marsaglia_cdf(double d, int64_t n) {
  auto k = static_cast<size_t>(static_cast<double>(n) * d) + 1;
  double h = static_cast<double>(k) - static_cast<double>(n) * d;
  size_t m = 2 * k - 1;
  Matrix base = marsaglia_matrix(k, h);
  Matrix power(m * m);
  Matrix scratch(m * m);
  for (size_t i = 0; i < m; ++i) power[i * m + i] = 1;
  for (int64_t left = n; left > 0; left /= 2) {
    if (left % 2 == 1) {
      multiply(power, base, scratch, m);
      power.swap(scratch);
    }
    multiply(base, base, scratch, m);
    base.swap(scratch);
  }
  double result = power[(k - 1) * m + k - 1];
  for (int64_t i = 1; i <= n; ++i) result *= static_cast<double>(i) / static_cast<double>(n);
  return result;
}

// P(D+_n >= d) = d sum_j C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j), j <= n (1 - d).
double one_sided_sf(double d, int64_t n) {
  auto nd = static_cast<double>(n);
  double sum = 0;
  auto last = static_cast<int64_t>(std::floor(nd * (1 - d)));
  for (int64_t j = 0; j <= last; ++j) {
    auto jd = static_cast<double>(j);
    double rest = 1 - d - jd / nd;
    if (rest <= 0) continue;
    double log_choose = std::lgamma(nd + 1) - std::lgamma(jd + 1) - std::lgamma(nd - jd + 1);
    sum += std::exp(log_choose + (jd - 1) * std::log(d + jd / nd) + (nd - jd) * std::log(rest));
  }
  return std::min(1.0, d * sum);
}

// Pelz and Good's expansion of P(D_n < d) in powers of 1/sqrt(n), with z = sqrt(n) d.
double pelz_good_cdf(double d, int64_t n) {
  double root = std::sqrt(static_cast<double>(n));
  double z = root * d;
  double z2 = z * z, z3 = z2 * z, z4 = z2 * z2, z6 = z4 * z2, z7 = z6 * z, z8 = z4 * z4, z10 = z8 * z2;
  double pi2 = kPi * kPi, pi4 = pi2 * pi2, pi6 = pi4 * pi2;
  double k0 = 0, k1 = 0, k2 = 0, k2b = 0, k3 = 0, k3b = 0;
  for (int k = 0; k < 40; ++k) {
    double q = (k + 0.5) * (k + 0.5), q2 = q * q, q3 = q2 * q;
    double e = std::exp(-pi2 * q / (2 * z2));
    k0 += e;
    k1 += (pi2 * q - z2) * e;
    k2 += (6 * z6 + 2 * z4 + pi2 * (2 * z4 - 5 * z2) * q + pi4 * (1 - 2 * z2) * q2) * e;
    k3 += (-30 * z6 - 90 * z8 + pi2 * (135 * z4 - 96 * z6) * q + pi4 * (212 * z4 - 60 * z2) * q2 +
           pi6 * (5 - 30 * z2) * q3) *
          e;
    double s = static_cast<double>(k) * k;
    if (k == 0) continue;
    double f = std::exp(-pi2 * s / (2 * z2));
    k2b += pi2 * s * f;
    k3b += (3 * pi2 * s * z2 - pi4 * s * s) * f;
  }
  double two_pi = std::sqrt(2 * kPi);
  double half_pi = std::sqrt(kPi / 2);
  double first = k0 * two_pi / z;
  double second = k1 * half_pi / (3 * z4);
  double third = k2 * half_pi / (36 * z7) - k2b * half_pi / (18 * z3);
  double fourth = k3 * half_pi / (3240 * z10) + k3b * half_pi / (108 * z6);
  return std::clamp(first + second / root + third / (root * root) + fourth / (root * root * root), 0.0, 1.0);
}

}  // namespace

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double normal_sf(double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); }

double normal_quantile(double p) {
  if (!is_probability(p)) return kNan;
  if (p == 0 || p == 1) return p == 0 ? -HUGE_VAL : HUGE_VAL;
  return bm::quantile(bm::normal(), p);
}

double student_cdf(double t, double degrees) {
  if (std::isnan(t) || !(degrees > 0)) return kNan;
  if (std::isinf(t)) return t > 0 ? 1 : 0;
  return bm::cdf(bm::students_t(degrees), t);
}

double student_quantile(double p, double degrees) {
  if (!(p > 0 && p < 1) || !(degrees > 0)) return kNan;
  return bm::quantile(bm::students_t(degrees), p);
}

double chi_square_sf(double x, double degrees) {
  if (std::isnan(x) || !(degrees > 0)) return kNan;
  if (x <= 0) return 1;
  if (std::isinf(x)) return 0;
  return bm::cdf(bm::complement(bm::chi_squared(degrees), x));
}

double chi_square_quantile(double p, double degrees) {
  if (!(p >= 0 && p < 1) || !(degrees > 0)) return kNan;
  return bm::quantile(bm::chi_squared(degrees), p);
}

double beta_cdf(double x, double a, double b) {
  if (std::isnan(x) || !(a > 0) || !(b > 0)) return kNan;
  return bm::cdf(bm::beta_distribution<>(a, b), std::clamp(x, 0.0, 1.0));
}

double beta_quantile(double p, double a, double b) {
  if (!is_probability(p) || !(a > 0) || !(b > 0)) return kNan;
  return bm::quantile(bm::beta_distribution<>(a, b), p);
}

double kolmogorov_sf(double x) {
  if (x <= 0.2) return 1;  // 1 - sf < 1e-12 there, and the alternating series needs ever more terms
  double sum = 0;
  for (int k = 1; k < 100; ++k) {
    double term = std::exp(-2.0 * k * k * x * x);
    sum += k % 2 == 1 ? term : -term;
    if (term < 1e-18) break;
  }
  return std::clamp(2 * sum, 0.0, 1.0);
}

double ks_one_sample_sf(double d, int64_t n) {
  if (std::isnan(d) || n < 1) return kNan;
  auto nd = static_cast<double>(n);
  if (d <= 0.5 / nd) return 1;
  if (d >= 1) return 0;
  double spread = nd * d * d;
  if (spread >= 370) return 0;
  if (n <= 140 && spread <= 4) return std::clamp(1 - marsaglia_cdf(d, n), 0.0, 1.0);
  if (spread >= 2.2) return std::min(1.0, 2 * one_sided_sf(d, n));
  return 1 - pelz_good_cdf(d, n);
}

double ks_two_sample_exact_sf(double d, int64_t n, int64_t m) {
  if (std::isnan(d) || n < 1 || m < 1) return kNan;
  auto nd = static_cast<double>(n);
  auto md = static_cast<double>(m);
  // Paths whose distance reaches d are struck out. Distances are multiples of 1/(nm): the bound is put half a step
  // below.
  double bound = (std::floor(d * nd * md + 1e-7) - 0.5) / (nd * md);
  std::vector<double> inside(static_cast<size_t>(m) + 1);
  for (int64_t j = 0; j <= m; ++j) inside[static_cast<size_t>(j)] = static_cast<double>(j) / md > bound ? 0 : 1;
  for (int64_t i = 1; i <= n; ++i) {
    auto id = static_cast<double>(i);
    double weight = id / (id + md);
    inside[0] = id / nd > bound ? 0 : weight * inside[0];
    for (int64_t j = 1; j <= m; ++j) {
      auto at = static_cast<size_t>(j);
      bool outside = std::fabs(id / nd - static_cast<double>(j) / md) > bound;
      inside[at] = outside ? 0 : weight * inside[at] + inside[at - 1];
    }
  }
  return std::clamp(1 - inside.back(), 0.0, 1.0);
}

}  // namespace fettle::stats
