// Distances, their null behaviour and the verdict (spec: effect AND significance, 1.10).
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "monitoring/feature_window.h"
#include "stats/distance.h"
#include "stats/tests.h"

namespace fettle::monitoring {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kNullQuantile = 0.999;
constexpr size_t kUnitCells = 20;
constexpr size_t kCellsLimit = 100;
constexpr double kMinExpected =
    5;  // rows that a category's cell must be expected to hold; the chi-square law fails below

struct Cells {
  std::vector<FeatureBin> bins;  // labels and bounds; shares are set by fill_bins
  std::vector<double> reference;
  std::vector<double> current;
};

void fill_bins(Cells& cells, FeatureResult& result) {
  double n = 0, m = 0;
  for (size_t i = 0; i < cells.bins.size(); ++i) {
    n += cells.reference[i];
    m += cells.current[i];
  }
  for (size_t i = 0; i < cells.bins.size(); ++i) {
    cells.bins[i].reference = n > 0 ? cells.reference[i] / n : 0;
    cells.bins[i].current = m > 0 ? cells.current[i] / m : 0;
  }
  result.bins = std::move(cells.bins);
}

std::string bound_text(double value) {
  std::string text = fmt::format("{:.6g}", value);
  return text == "-0" ? "0" : text;
}

Cells numeric_cells(const NumericWindow& window, const stats::ColumnProfile& reference, const SideStatistics& current) {
  const auto& edges = window.edges();
  Cells cells;
  double low = std::fmin(reference.min, current.min);
  double high = std::fmax(reference.max, current.max);
  std::vector<uint64_t> counts = reference.counts;
  if (reference.distinct == 1) counts = {0, reference.present(), 0};
  for (size_t i = 0; i <= edges.size(); ++i) {
    double from = i == 0 ? low : edges[i - 1];
    double to = i == edges.size() ? high : edges[i];
    char close = i == edges.size() ? ']' : ')';
    cells.bins.push_back(
        {.label = fmt::format("[{}, {}{}", bound_text(from), bound_text(to), close), .low = from, .high = to});
    cells.reference.push_back(i < counts.size() ? static_cast<double>(counts[i]) : 0);
    cells.current.push_back(static_cast<double>(window.counts()[i]));
  }
  cells.bins.push_back({.label = "(missing)"});
  cells.reference.push_back(static_cast<double>(reference.missing));
  cells.current.push_back(static_cast<double>(window.missing()));
  return cells;
}

// Cells of the categories that hold enough rows, then the rest of the known ones, the unseen and the missing.
Cells category_cells(const CategoryWindow& window, const stats::ColumnProfile& reference) {
  Cells cells;
  double other_reference = static_cast<double>(reference.other), other_current = 0;
  for (const auto& category : reference.categories) {
    double expected =
        static_cast<double>(category.count) / static_cast<double>(reference.rows) * static_cast<double>(window.rows());
    auto count = static_cast<double>(window.count(category.value));
    if (cells.bins.size() < kCellsLimit && std::min(expected, static_cast<double>(category.count)) >= kMinExpected) {
      cells.bins.push_back({.label = category.value});
      cells.reference.push_back(static_cast<double>(category.count));
      cells.current.push_back(count);
    } else {
      other_reference += static_cast<double>(category.count);
      other_current += count;
    }
  }
  // Values cut from a reference with more categories than its cap cannot be told from unseen ones: both are "other"
  // there.
  double unseen = static_cast<double>(window.unseen());
  if (reference.other > 0) {
    other_current += unseen;
    unseen = 0;
  }
  for (auto [label, ref, cur] :
       {std::tuple{"(other)", other_reference, other_current}, std::tuple{"(unseen)", 0.0, unseen},
        std::tuple{"(missing)", static_cast<double>(reference.missing), static_cast<double>(window.missing())}}) {
    cells.bins.push_back({.label = label});
    cells.reference.push_back(ref);
    cells.current.push_back(cur);
  }
  return cells;
}

void score_cells(Cells& cells, FeatureResult& result) {
  stats::CountPair pair{cells.reference, cells.current};
  stats::Sizes sizes{static_cast<double>(result.reference_rows), static_cast<double>(result.rows),
                     stats::used_cells(pair)};
  std::vector<double> parts;
  if (result.test == DriftTest::psi) {
    stats::Psi psi = stats::psi(pair);
    result.score = psi.score;
    parts = psi.contributions;
    result.expected_null = stats::psi_expected_null(sizes);
    result.p_value = stats::psi_p_value(psi.score, sizes);
    result.threshold = std::max(result.threshold, stats::psi_null_quantile(kNullQuantile, sizes));
  } else {
    result.score = stats::js_distance_nats(pair);
    parts = stats::js_contributions(pair);
    result.expected_null = stats::js_expected_null(sizes);
    result.p_value = stats::js_p_value(result.score, sizes);
    result.threshold = std::max(result.threshold, stats::js_null_quantile(kNullQuantile, sizes));
  }
  for (size_t i = 0; i < parts.size(); ++i) cells.bins[i].contribution = parts[i];
}

void score_values(const NumericWindow& window, const ProfiledReference& reference, const stats::ColumnProfile& profile,
                  FeatureResult& result) {
  std::vector<double> current = window.sorted_values();
  const std::vector<double>& base = reference.sorted(result.name);
  auto n = static_cast<int64_t>(base.size());
  auto m = static_cast<int64_t>(current.size());
  stats::Sizes sizes{static_cast<double>(n), static_cast<double>(m), 2};
  double d = stats::ks_statistic(base, current);
  result.p_value = stats::ks_p_value(d, n, m, 250'000);
  if (result.test == DriftTest::ks) {
    result.score = d;
    // Median and 99.9 % quantile of Kolmogorov's law.
    double scale = std::sqrt(1 / sizes.reference + 1 / sizes.current);
    result.expected_null = 0.82757 * scale;
    result.threshold = std::max(result.threshold, 1.94947 * scale);
  } else {
    result.score = profile.sd > 0 ? stats::wasserstein1(base, current) / profile.sd : kNan;
    result.expected_null = stats::w1_over_sd_expected_null(sizes);
    result.threshold = std::max(result.threshold, stats::w1_over_sd_null_999(sizes));
  }
}

void set_status(FeatureResult& result, FeatureStatus status, std::string reason) {
  result.status = status;
  result.reason = std::move(reason);
  result.score = result.expected_null = result.p_value = result.q_value = kNan;
}

// True when the sizes allow a score; else the status says why not.
bool check_sizes(FeatureResult& result, int64_t present, int64_t reference_present, const MonitorSpec& spec) {
  if (result.rows < spec.min_rows) {
    set_status(result, FeatureStatus::insufficient_data, fmt::format("n {}, needs {}", result.rows, spec.min_rows));
  } else if (present == 0) {
    set_status(result, FeatureStatus::all_null, "no value in the window");
  } else if (reference_present == 0) {
    set_status(result, FeatureStatus::all_null, "no value in the reference");
  } else {
    return true;
  }
  return false;
}

FeatureResult start_result(std::string name, bool numeric, const MonitorSpec& spec) {
  FeatureResult result{
      .name = std::move(name), .numeric = numeric, .test = numeric ? spec.numeric_test : spec.categorical_test};
  const FeatureRule* rule = spec.rule(result.name);
  bool fits = rule != nullptr && rule->test &&
              (numeric || *rule->test == DriftTest::psi || *rule->test == DriftTest::jensen_shannon);
  if (fits) result.test = *rule->test;
  result.threshold = rule != nullptr && rule->threshold ? *rule->threshold : spec.thresholds.at(result.test);
  result.importance = rule == nullptr ? 1 : rule->importance;
  result.score = result.expected_null = result.p_value = result.q_value = kNan;
  result.mean = result.reference_mean = result.reference_missing_rate = kNan;
  return result;
}

SideStatistics statistics_of(const stats::ColumnProfile& profile) {
  SideStatistics s{profile.min,
                   profile.quantile(0.05),
                   profile.median(),
                   profile.quantile(0.95),
                   profile.max,
                   profile.mean,
                   profile.sd,
                   profile.missing_rate(),
                   static_cast<int64_t>(profile.distinct)};
  return s;
}

double share(double part, int64_t rows) { return rows == 0 ? 0 : part / static_cast<double>(rows); }

// The reference's column of this name; nullptr with the status set.
const stats::ColumnProfile* find_column(FeatureResult& result, const ProfiledReference* reference,
                                        std::string_view why_not) {
  const stats::ColumnProfile* profile = reference == nullptr ? nullptr : reference->profile.find(result.name);
  if (profile == nullptr) {
    set_status(
        result, FeatureStatus::no_reference,
        reference == nullptr ? std::string(why_not) : fmt::format("the reference has no column '{}'", result.name));
    return nullptr;
  }
  result.reference_rows = static_cast<int64_t>(profile->rows);
  result.reference_missing_rate = profile->missing_rate();
  result.reference_mean = profile->mean;
  result.reference = statistics_of(*profile);
  if (profile->numeric == result.numeric) return profile;
  set_status(result, FeatureStatus::type_changed,
             fmt::format("{} in the reference, {} in the window", profile->numeric ? "numeric" : "categorical",
                         result.numeric ? "numeric" : "categorical"));
  return nullptr;
}

}  // namespace

FeatureResult score_numeric(std::string name, const NumericWindow& window, const ProfiledReference* reference,
                            const MonitorSpec& spec, std::string_view why_no_reference) {
  FeatureResult result = start_result(std::move(name), true, spec);
  result.current = window.statistics();
  result.rows = window.rows();
  result.missing_rate = result.current.missing_rate;
  result.mean = result.current.mean;
  const stats::ColumnProfile* profile = find_column(result, reference, why_no_reference);
  if (profile == nullptr) return result;
  result.out_of_range_rate = share(window.out_of_range(), window.rows());
  Cells cells = numeric_cells(window, *profile, result.current);
  bool scored = check_sizes(result, window.rows() - window.missing(), static_cast<int64_t>(profile->present()), spec);
  if (scored && profile->distinct == 1 && result.current.min == profile->min && result.current.max == profile->min &&
      window.missing() == 0) {
    set_status(result, FeatureStatus::constant, fmt::format("always {} on both sides", bound_text(profile->min)));
    scored = false;
  }
  if (scored && (result.test == DriftTest::psi || result.test == DriftTest::jensen_shannon)) score_cells(cells, result);
  if (scored && (result.test == DriftTest::ks || result.test == DriftTest::wasserstein))
    score_values(window, *reference, *profile, result);
  if (scored && std::isnan(result.score)) set_status(result, FeatureStatus::constant, "the reference does not vary");
  fill_bins(cells, result);
  return result;
}

FeatureResult score_categorical(std::string name, const CategoryWindow& window, const ProfiledReference* reference,
                                const MonitorSpec& spec, std::string_view why_no_reference) {
  FeatureResult result = start_result(std::move(name), false, spec);
  result.rows = window.rows();
  result.missing_rate = share(static_cast<double>(window.missing()), window.rows());
  result.current = {
      kNan, kNan, kNan, kNan, kNan, kNan, kNan, result.missing_rate, static_cast<int64_t>(window.distinct())};
  const stats::ColumnProfile* profile = find_column(result, reference, why_no_reference);
  if (profile == nullptr) return result;
  result.unseen_rate = share(static_cast<double>(window.unseen()), window.rows());
  Cells cells = category_cells(window, *profile);
  if (check_sizes(result, window.rows() - window.missing(), static_cast<int64_t>(profile->present()), spec)) {
    if (profile->present() > 0 && profile->distinct * 2 > profile->present() && profile->distinct > 1000) {
      set_status(result, FeatureStatus::insufficient_data,
                 fmt::format("{} distinct values look like identifiers", profile->distinct));
    } else {
      score_cells(cells, result);
    }
  }
  fill_bins(cells, result);
  return result;
}

std::vector<double> count_unit_interval(std::span<const double> values) {
  std::vector<double> counts(kUnitCells + 1);
  for (double value : values) {
    bool known = value >= 0 && value <= 1;
    auto cell =
        known ? std::min(static_cast<size_t>(value * static_cast<double>(kUnitCells)), kUnitCells - 1) : kUnitCells;
    ++counts[cell];
  }
  return counts;
}

FeatureResult score_unit_interval(std::string name, std::span<const double> values, const std::vector<double>& baseline,
                                  const MonitorSpec& spec) {
  MonitorSpec as_psi = spec;
  as_psi.numeric_test = DriftTest::psi;
  FeatureResult result = start_result(std::move(name), true, as_psi);
  result.test = DriftTest::psi;
  NumericWindow window(nullptr, false);
  window.add(values, {});
  result.current = window.statistics();
  result.rows = window.rows();
  result.missing_rate = result.current.missing_rate;
  result.mean = result.current.mean;
  result.reference = {kNan, kNan, kNan, kNan, kNan, kNan, kNan, kNan, std::nullopt};
  if (baseline.size() != kUnitCells + 1) {
    set_status(result, FeatureStatus::no_reference,
               "no earlier window of this version and no such column in the reference");
    return result;
  }
  Cells cells{.bins = {}, .reference = baseline, .current = count_unit_interval(values)};
  for (size_t i = 0; i < kUnitCells; ++i) {
    double low = static_cast<double>(i) / static_cast<double>(kUnitCells);
    double high = static_cast<double>(i + 1) / static_cast<double>(kUnitCells);
    cells.bins.push_back(
        {.label = fmt::format("[{}, {}{}", bound_text(low), bound_text(high), i + 1 == kUnitCells ? ']' : ')'),
         .low = low,
         .high = high});
  }
  cells.bins.push_back({.label = "(missing)"});
  double rows = 0;
  for (double count : baseline) rows += count;
  result.reference_rows = static_cast<int64_t>(rows);
  result.reference_missing_rate = rows > 0 ? baseline.back() / rows : 0;
  if (check_sizes(result, window.rows() - window.missing(), static_cast<int64_t>(rows - baseline.back()), spec)) {
    score_cells(cells, result);
    result.q_value = result.p_value;
    result.drifted = result.score >= result.threshold && result.p_value < spec.alpha;
  }
  fill_bins(cells, result);
  return result;
}

void decide_drift(std::vector<FeatureResult>& features, double alpha) {
  std::vector<double> p_values;
  for (const auto& f : features) p_values.push_back(f.status == FeatureStatus::ok ? f.p_value : kNan);
  std::vector<double> q_values = stats::benjamini_hochberg(p_values);
  for (size_t i = 0; i < features.size(); ++i) {
    auto& f = features[i];
    f.q_value = q_values[i];
    f.drifted = f.status == FeatureStatus::ok && f.score >= f.threshold && f.q_value < alpha;
  }
}

}  // namespace fettle::monitoring
