// What the drift verdict promises: silence on equal data, and planted shifts found (spec: acceptance 11.2).
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "monitoring/feature_window.h"

namespace fettle::monitoring {
namespace {

constexpr size_t kReferenceRows = 5000;

struct Simulated {
  ProfiledReference reference;
  std::vector<std::string> names;
};

// Columns of normal, lognormal, uniform, small-integer numbers and of skewed categories, in turn.
double draw(std::mt19937_64& random, size_t column) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  switch (column % 4) {
    case 0: return normal(random);
    case 1: return std::exp(normal(random));
    case 2: return 100 * uniform(random);
    default: return std::floor(24 * uniform(random));
  }
}
std::string draw_category(std::mt19937_64& random) {
  std::exponential_distribution<double> skewed(0.2);
  return fmt::format("c{}", std::min(40, static_cast<int>(skewed(random))));
}

std::shared_ptr<const ProfiledReference> make_reference(std::mt19937_64& random, size_t columns) {
  auto table = std::make_shared<stats::Table>();
  for (size_t c = 0; c < columns; ++c) {
    stats::Column column{.name = fmt::format("f{}", c), .numeric = c % 5 != 4};
    for (size_t i = 0; i < kReferenceRows; ++i) {
      if (column.numeric) {
        column.numbers.push_back(draw(random, c));
      } else {
        column.categories.push_back(draw_category(random));
        column.missing.push_back(0);
      }
    }
    table->columns.push_back(std::move(column));
  }
  auto reference = std::make_shared<ProfiledReference>();
  reference->table = table;
  reference->profile = stats::profile_table(*table);
  return reference;
}

// One window drawn from the reference's own distribution, `shift` (in the column's unit) added to numbers.
std::vector<FeatureResult> window(std::mt19937_64& random, const ProfiledReference& reference, size_t rows,
                                  const MonitorSpec& spec, double shift = 0) {
  std::vector<FeatureResult> results;
  for (size_t c = 0; c < reference.profile.columns.size(); ++c) {
    const auto& profile = reference.profile.columns[c];
    if (profile.numeric) {
      std::vector<double> values(rows);
      for (double& v : values) v = draw(random, c) + shift;
      NumericWindow w(&profile, spec.numeric_test == DriftTest::ks || spec.numeric_test == DriftTest::wasserstein);
      w.add(values, {});
      results.push_back(score_numeric(profile.name, w, &reference, spec, ""));
    } else {
      CategoryColumn column;
      std::unordered_map<std::string, uint32_t> codes;
      for (size_t i = 0; i < rows; ++i) {
        auto [at, is_new] = codes.try_emplace(draw_category(random), column.dictionary.size() + 1);
        if (is_new) column.dictionary.push_back(at->first);
        column.codes.push_back(at->second);
      }
      CategoryWindow w(&profile);
      w.add(column, {});
      results.push_back(score_categorical(profile.name, w, &reference, spec, ""));
    }
  }
  decide_drift(results, spec.alpha);
  return results;
}

int drifted(const std::vector<FeatureResult>& results) {
  return static_cast<int>(
      std::count_if(results.begin(), results.end(), [](const FeatureResult& f) { return f.drifted; }));
}

// A threshold of almost nothing leaves the noise guard alone to decide.
MonitorSpec sensitive(DriftTest test) {
  MonitorSpec spec;
  spec.min_rows = 200;
  spec.numeric_test = test;
  for (auto& [name, threshold] : spec.thresholds) threshold = 0.001;
  return spec;
}

class EqualData : public ::testing::TestWithParam<DriftTest> {};

TEST_P(EqualData, RaisesAtMostTheConfiguredFalseAlarms) {
  std::mt19937_64 random(17);
  constexpr size_t kWindows = 100;
  constexpr size_t kColumns = 10;
  for (size_t rows : {300}) {
    int windows_with_alarm = 0;
    int features_with_alarm = 0;
    auto reference = make_reference(random, kColumns);
    for (size_t i = 0; i < kWindows; ++i) {
      if (i % 25 == 0) reference = make_reference(random, kColumns);
      int alarms = drifted(window(random, *reference, rows, sensitive(GetParam())));
      windows_with_alarm += alarms > 0;
      features_with_alarm += alarms;
    }
    std::printf("%s, n = %zu: %d of %zu windows, %d of %zu features\n", std::string(test_name(GetParam())).c_str(),
                rows, windows_with_alarm, kWindows, features_with_alarm, kWindows * kColumns);
    EXPECT_LE(windows_with_alarm, 3) << rows;  // alpha = 1 % of the windows, and its binomial noise
  }
}

INSTANTIATE_TEST_SUITE_P(Tests, EqualData,
                         ::testing::Values(DriftTest::psi, DriftTest::jensen_shannon, DriftTest::wasserstein,
                                           DriftTest::ks),
                         [](const auto& param) { return std::string(test_name(param.param)); });

TEST(PlantedShift, IsFoundWhenItIsLargeEnoughToMatter) {
  std::mt19937_64 random(5);
  auto reference = make_reference(random, 1);
  MonitorSpec spec;
  spec.thresholds[DriftTest::psi] = 0.01;
  int found = 0;
  for (int i = 0; i < 100; ++i) found += drifted(window(random, *reference, 2000, spec, 0.2));
  EXPECT_GE(found, 95);
  spec = {};
  found = 0;
  for (int i = 0; i < 100; ++i) found += drifted(window(random, *reference, 500, spec, 0.7));
  EXPECT_GE(found, 95);
}

TEST(PlantedShift, AnEffectBelowTheThresholdIsNoDriftHoweverCertain) {
  std::mt19937_64 random(5);
  auto reference = make_reference(random, 1);
  auto result = window(random, *reference, 50'000, MonitorSpec{}, 0.2)[0];
  EXPECT_LT(result.p_value, 1e-6);
  EXPECT_FALSE(result.drifted);
}

TEST(PlantedShift, NewCategoriesAndNulls) {
  std::mt19937_64 random(6);
  auto reference = make_reference(random, 5);
  int new_category = 0;
  int nulls = 0;
  MonitorSpec spec;
  spec.thresholds[DriftTest::psi] = 0.02;
  for (int i = 0; i < 100; ++i) {
    CategoryColumn column{.dictionary = {"brand-new"}, .codes = {}};
    std::unordered_map<std::string, uint32_t> codes;
    for (int row = 0; row < 500; ++row) {
      if (row % 10 == 0) {
        column.codes.push_back(1);
        continue;
      }
      auto [at, is_new] = codes.try_emplace(draw_category(random), column.dictionary.size() + 1);
      if (is_new) column.dictionary.push_back(at->first);
      column.codes.push_back(at->second);
    }
    CategoryWindow w(reference->profile.find("f4"));
    w.add(column, {});
    std::vector<FeatureResult> one = {score_categorical("f4", w, reference.get(), spec, "")};
    EXPECT_NEAR(one[0].unseen_rate, 0.1, 0.01);  // and a rare one that the reference never drew
    decide_drift(one, spec.alpha);
    new_category += one[0].drifted;
    std::vector<double> values(1000);
    for (size_t v = 0; v < values.size(); ++v) values[v] = v % 20 == 0 ? std::nan("") : draw(random, 0);
    NumericWindow numbers(reference->profile.find("f0"), false);
    numbers.add(values, {});
    one = {score_numeric("f0", numbers, reference.get(), spec, "")};
    decide_drift(one, spec.alpha);
    nulls += one[0].drifted;
  }
  EXPECT_GE(new_category, 99);
  EXPECT_GE(nulls, 99);
}

TEST(NotComputable, HasAReasonAndNeverANumber) {
  ProfiledReference reference;
  auto table = std::make_shared<stats::Table>();
  table->columns = {{.name = "constant", .numbers = std::vector<double>(1000, 7)},
                    {.name = "empty", .numbers = std::vector<double>(1000, std::nan(""))},
                    {.name = "text",
                     .numeric = false,
                     .categories = std::vector<std::string>(1000, "a"),
                     .missing = std::vector<uint8_t>(1000)}};
  reference.table = table;
  reference.profile = stats::profile_table(*table);
  MonitorSpec spec;
  auto score = [&](const std::string& name, std::vector<double> values) {
    NumericWindow w(reference.profile.find(name), true);
    w.add(values, {});
    return score_numeric(name, w, &reference, spec, "");
  };
  EXPECT_EQ(score("constant", std::vector<double>(600, 7)).status, FeatureStatus::constant);
  EXPECT_EQ(score("constant", std::vector<double>(600, 8)).status, FeatureStatus::ok);
  EXPECT_GT(score("constant", std::vector<double>(600, 8)).score, 1);
  EXPECT_EQ(score("empty", std::vector<double>(600, 1)).status, FeatureStatus::all_null);
  EXPECT_EQ(score("constant", std::vector<double>(600, std::nan(""))).status, FeatureStatus::all_null);
  EXPECT_EQ(score("constant", std::vector<double>(10, 7)).reason, "n 10, needs 500");
  EXPECT_EQ(score("text", std::vector<double>(600, 1)).status, FeatureStatus::type_changed);
  EXPECT_EQ(score("other", std::vector<double>(600, 1)).status, FeatureStatus::no_reference);
  EXPECT_TRUE(std::isnan(score("other", std::vector<double>(600, 1)).score));
  spec.numeric_test = DriftTest::wasserstein;
  EXPECT_EQ(score("constant", std::vector<double>(600, 8)).status, FeatureStatus::constant);
}

TEST(NumericWindow, StatisticsAndBoundedMemory) {
  NumericWindow w(nullptr, true);
  std::vector<double> values(100'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  for (int i = 0; i < 15; ++i) w.add(values, {});
  EXPECT_LE(w.sorted_values().size(), 1'000'000u);
  EXPECT_GT(w.sorted_values().size(), 400'000u);
  SideStatistics s = w.statistics();
  EXPECT_NEAR(s.p50, 50'000, 2000);
  EXPECT_NEAR(s.mean, 49'999.5, 1e-6);
  EXPECT_FALSE(s.distinct);
}

}  // namespace
}  // namespace fettle::monitoring
