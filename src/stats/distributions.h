// Distribution functions for tests and intervals. Pure. NaN arguments give NaN; probabilities are in [0, 1].
// Normal, t, chi-square and beta come from Boost.Math; Kolmogorov's are our own (sources at each).
#pragma once

#include <cstdint>

namespace fettle::stats {

double normal_cdf(double x);
double normal_sf(double x);
double normal_quantile(double p);  // p in (0, 1)

double student_cdf(double t, double degrees);  // degrees > 0
double student_quantile(double p, double degrees);

double chi_square_sf(double x, double degrees);  // P(X > x); 1 for x <= 0, 0 for infinity
double chi_square_quantile(double p, double degrees);

double beta_cdf(double x, double a, double b);  // a, b > 0
double beta_quantile(double p, double a, double b);

// Limit law of sqrt(n) D: 2 sum (-1)^(k-1) exp(-2 k^2 x^2).
double kolmogorov_sf(double x);

// P(D_n >= d) of the one-sample two-sided statistic: the exact matrix form of Marsaglia, Tsang and Wang (2003) for n <=
// 140 with n d^2 <= 4, twice the exact one-sided tail (Smirnov's sum) where n d^2 >= 2.2, and the Pelz-Good expansion
// (1976) between, as Simard and L'Ecuyer (2011) recommend.
double ks_one_sample_sf(double d, int64_t n);

// P(D_nm >= d) of the two-sample two-sided statistic by counting lattice paths (Hodges 1958), exact with or without
// ties in the conservative sense. O(n m) time: callers bound it (see ks_p_value).
double ks_two_sample_exact_sf(double d, int64_t n, int64_t m);

}  // namespace fettle::stats
