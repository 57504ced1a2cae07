// Distances between two distributions given as counts of the same cells or as sorted samples, what each is expected to
// be when nothing changed, and its p-value. Pure. The same name means different numbers elsewhere, so units stand in
// the names (natural logarithms).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fettle::stats {

// Counts of the same cells on both sides; sizes are equal. A distance is NaN when a side is empty.
struct CountPair {
  std::span<const double> reference;
  std::span<const double> current;
};

struct Psi {
  double score = 0;
  std::vector<double> contributions;  // per cell, adding up to the score
};
// Population stability index: sum (q - p) ln(q / p) with `pseudo_count` added to every cell of both sides, so that an
// empty cell is finite. Cells that are empty on both sides contribute nothing and get no pseudo-count.
Psi psi(CountPair counts, double pseudo_count = 0.5);

double js_distance_nats(CountPair counts);    // square root of the divergence, at most sqrt(ln 2) = 0.8326
double js_divergence_bits(CountPair counts);  // at most 1
double kl_divergence_nats(
    CountPair counts);               // KL(reference || current); infinite where current is empty and reference is not
double hellinger(CountPair counts);  // at most 1
double total_variation(CountPair counts);  // half the L1 distance
double l_infinity(CountPair counts);
// The share that each cell contributes to the squared Jensen-Shannon distance (nats).
std::vector<double> js_contributions(CountPair counts);

// sup |F - G| of two sorted samples, both right-continuous at ties (every equal value is counted before comparing).
double ks_statistic(std::span<const double> reference_sorted, std::span<const double> current_sorted);
// Two-sided p-value: exact where n m <= exact_limit, else kstwo of round(n m / (n + m)) (spec: never the plain limit
// law).
double ks_p_value(double statistic, int64_t n, int64_t m, int64_t exact_limit = 4'000'000);
// Integral of |F - G| of two sorted samples, in the unit of the values.
double wasserstein1(std::span<const double> reference_sorted, std::span<const double> current_sorted);

// Without a change PSI / (1/n + 1/m) follows chi-square with (cells - 1) degrees, the squared Jensen-Shannon distance
// (nats) an eighth of it. `cells` counts cells that are not empty on both sides.
struct Sizes {
  double reference = 0;  // n
  double current = 0;    // m
  size_t cells = 0;
};
double psi_expected_null(Sizes sizes);
double psi_null_quantile(double p, Sizes sizes);
double psi_p_value(double score, Sizes sizes);
double js_expected_null(Sizes sizes);  // of the distance in nats
double js_null_quantile(double p, Sizes sizes);
double js_p_value(double distance, Sizes sizes);
// W1 / sd without a change is of the order sqrt(1/n + 1/m). Factors bound the mean (1.3) and the 99.9 % quantile (3.6)
// over normal, uniform, exponential and lognormal samples, found by simulation.
double w1_over_sd_expected_null(Sizes sizes);
double w1_over_sd_null_999(Sizes sizes);

// Cells that are not empty on both sides.
size_t used_cells(CountPair counts);

}  // namespace fettle::stats
