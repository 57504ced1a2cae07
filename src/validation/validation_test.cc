#include "validation/validation.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "schema/schema.h"

namespace fettle::validation {
namespace {

// Labels of a known difficulty and scores that carry `skill` of the signal.
struct World {
  std::vector<uint8_t> outcomes;
  std::vector<double> signal;

  World(size_t rows, uint64_t seed) : random(seed) {
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    for (size_t i = 0; i < rows; ++i) {
      signal.push_back(normal(random));
      outcomes.push_back(uniform(random) < 1 / (1 + std::exp(-signal.back() + 1)));
    }
  }
  std::vector<double> scores(double noise) {
    std::normal_distribution<double> normal(0, noise);
    std::vector<double> out;
    for (double s : signal) out.push_back(1 / (1 + std::exp(-(s + normal(random)) + 1)));
    return out;
  }
  std::mt19937_64 random;
};

Check against(const Gate::Performance& wanted, World& world, double candidate_noise, double champion_noise) {
  auto candidate = world.scores(candidate_noise);
  auto champion = world.scores(champion_noise);
  return check_performance(wanted, {candidate, champion, world.outcomes}).back();
}

TEST(Performance, ThousandRowsOfNoiseNeverProveABadModel) {
  // The false pass and false fail rates over 100 equal and 100 worse candidates, for each metric.
  for (Metric metric : {Metric::auc, Metric::accuracy, Metric::log_loss}) {
    Gate::Performance wanted{.metric = metric, .non_inferiority_margin = metric == Metric::log_loss ? 0.02 : 0.015};
    int equal_fail = 0, equal_pass = 0, worse_pass = 0, worse_fail = 0;
    for (uint64_t seed = 0; seed < 100; ++seed) {
      World world(8000, seed);
      Verdict equal = against(wanted, world, 0.3, 0.3).verdict;
      equal_fail += equal == Verdict::fail;
      equal_pass += equal == Verdict::pass;
      Verdict worse = against(wanted, world, 2.0, 0.3).verdict;
      worse_pass += worse == Verdict::pass;
      worse_fail += worse == Verdict::fail;
    }
    std::printf(
        "metric %d: equal candidates: %d pass, %d fail, %d inconclusive of 100; worse candidates: %d pass, %d fail of "
        "100\n",
        static_cast<int>(metric), equal_pass, equal_fail, 100 - equal_pass - equal_fail, worse_pass, worse_fail);
    EXPECT_LE(equal_fail, 5) << "false fails";
    EXPECT_EQ(worse_pass, 0) << "false passes";
    EXPECT_GE(worse_fail, 95);
    EXPECT_GE(equal_pass, 50);
  }
}

TEST(Performance, TooFewRowsAndOneClassAreInconclusive) {
  World world(999, 1);
  EXPECT_EQ(against({}, world, 0.3, 0.3).verdict, Verdict::inconclusive);
  std::vector<double> scores(2000, 0.5);
  std::vector<uint8_t> outcomes(2000, 0);
  EXPECT_EQ(check_performance({}, {scores, scores, outcomes}).back().verdict, Verdict::inconclusive);
}

TEST(Performance, MinImprovementMustBeProven) {
  World world(8000, 3);
  EXPECT_EQ(against({.min_improvement = 0.01}, world, 0.1, 2.0).verdict, Verdict::pass);
  EXPECT_NE(against({.min_improvement = 0.01}, world, 0.3, 0.3).verdict, Verdict::pass);
}

TEST(Performance, TheFloorHoldsWithoutAChampion) {
  World world(3000, 4);
  auto scores = world.scores(0.3);
  auto checks = check_performance({.floor = 0.99}, {scores, {}, world.outcomes});
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].verdict, Verdict::fail);
  EXPECT_EQ(check_performance({.floor = 0.6}, {scores, {}, world.outcomes})[0].verdict, Verdict::pass);
}

TEST(Fairness, GoldenRatesMissingGroupAndSmallGroups) {
  // Group a: 100 positives of which 80 selected; group b: 100 of which 50; "(missing)": 100 of which 60; c is too
  // small.
  stats::Column group{.name = "g", .numeric = false};
  std::vector<double> scores;
  std::vector<uint8_t> outcomes;
  auto add = [&](const std::string& name, bool missing, int positives, int selected) {
    for (int i = 0; i < 2 * positives; ++i) {
      group.categories.push_back(name);
      group.missing.push_back(missing);
      outcomes.push_back(i < positives);
      scores.push_back(i < selected ? 0.9 : 0.1);
    }
  };
  add("a", false, 100, 80);
  add("b", false, 100, 50);
  add("", true, 100, 60);
  add("c", false, 5, 0);
  auto check = check_fairness({.group = "g"}, group, {scores, {}, outcomes}).front();
  EXPECT_NEAR(*check.value, 0.3, 1e-12);
  EXPECT_EQ(check.verdict, Verdict::fail);
  EXPECT_NE(check.message.find("left out: c"), std::string::npos);
  auto parity = check_fairness({.group = "g", .measure = FairnessMeasure::demographic_parity_difference, .bound = 0.2},
                               group, {scores, {}, outcomes})
                    .front();
  EXPECT_NEAR(*parity.value, 0.15, 1e-12);
  EXPECT_EQ(parity.verdict, Verdict::pass);
  EXPECT_EQ(check_fairness({.group = "g", .measure = FairnessMeasure::equalized_odds_difference}, group,
                           {scores, {}, outcomes})
                .size(),
            2u);
}

TEST(Data, NamesTheWorstFeature) {
  stats::Table table = stats::parse_csv("a,b\n1,x\n,x\n1,x\n2,\n");
  std::vector<uint8_t> outcomes = {1, 0, 0, 0};
  auto checks = check_data({.max_missing_rate = 0.3, .max_duplicate_rate = 0.2, .min_class_rows = 2}, table, outcomes);
  ASSERT_EQ(checks.size(), 3u);
  EXPECT_EQ(checks[0].verdict, Verdict::pass);
  EXPECT_NEAR(*checks[1].value, 0.25, 1e-12);
  EXPECT_EQ(checks[1].verdict, Verdict::fail);
  EXPECT_EQ(checks[2].verdict, Verdict::fail);
}

TEST(Gate, NamesEveryProblemOfItsSpec) {
  auto problems = check_gate(
      R"({"model":"m","performance":{"metric":"f1","confidence_level":0.1,"non_inferiority_margin":0},"fairness":{"measur":1},"x":2})");
  std::vector<std::string> paths;
  for (const auto& problem : problems) paths.push_back(problem.path);
  EXPECT_EQ(paths,
            (std::vector<std::string>{"performance.metric", "performance.non_inferiority_margin",
                                      "performance.confidence_level", "fairness.group", "fairness.measur", "x"}));
}

class FakeSubjects : public Subjects {
 public:
  std::optional<VersionInfo> version(const std::string&, const std::string& reference) override {
    if (reference == "@champion") return has_champion ? std::optional(VersionInfo{"1", "run1"}) : std::nullopt;
    if (reference == "2") return VersionInfo{"2", "run2"};
    return std::nullopt;
  }
  EvaluationData data(const DataRequest&, const Gate&) override {
    EvaluationData data{.outcomes = world.outcomes, .source = "labelled:m/2013-06"};
    data.features.columns.push_back({.name = "x", .numbers = world.signal});
    return data;
  }
  std::vector<double> score(const std::string&, const std::string& version, const stats::Table&) override {
    return world.scores(version == "2" ? candidate_noise : 0.5);
  }
  Cost measure(const std::string&, const std::string&, const stats::Table&, int64_t requests) override {
    return {1.5, 1000, requests};
  }
  World world{4000, 7};
  double candidate_noise = 0.1;
  bool has_champion = true;
};

class ValidationTest : public ::testing::Test {
 protected:
  ValidationTest() {
    sql::migrate(*database, schema::migrations());
    validation.put_gate("g", 4, R"({"model":"m","performance":{},"resources":{"latency_ms_p99":2}})");
  }
  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  ManualClock clock;
  FakeSubjects subjects;
  Validation validation{*database, clock, subjects};
};

TEST_F(ValidationTest, KeepsAReportThatReadsBackTheSame) {
  Report report = validation.run({.gate = "g", .candidate = "2", .data = LabelledWindow{"m"}, .by = "test"});
  EXPECT_EQ(report.verdict, Verdict::pass) << report.reason;
  auto stored = validation.find_report(report.id);
  ASSERT_TRUE(stored);
  EXPECT_EQ(format_checks(stored->checks), format_checks(report.checks));
  EXPECT_EQ(stored->data_hash, report.data_hash);
  EXPECT_EQ(stored->champion_version, "1");
  EXPECT_EQ(validation.list_reports({.model = "m", .version = "2"}).size(), 1u);
  EXPECT_NE(format_markdown(*stored).find("| performance.auc | ✓ pass |"), std::string::npos);
  EXPECT_NE(format_junit(*stored).find("tests=\"2\" failures=\"0\""), std::string::npos);
  EXPECT_EQ(exit_code_of(stored->verdict), 0);
}

TEST_F(ValidationTest, AWorseCandidateFailsWithAJUnitFailure) {
  subjects.candidate_noise = 4;
  Report report = validation.run({.gate = "g", .candidate = "2", .data = LabelledWindow{"m"}});
  EXPECT_EQ(report.verdict, Verdict::fail);
  EXPECT_NE(format_junit(report).find("<failure type=\"fail\""), std::string::npos);
  EXPECT_EQ(exit_code_of(report.verdict), 2);
}

TEST_F(ValidationTest, WithoutAChampionOnlyTheOtherChecksDecide) {
  subjects.has_champion = false;
  Report report = validation.run({.gate = "g", .candidate = "2", .data = LabelledWindow{"m"}});
  EXPECT_EQ(report.verdict, Verdict::pass);
  EXPECT_TRUE(report.champion_version.empty());
}

TEST_F(ValidationTest, UnknownNamesAreNotFound) {
  EXPECT_THROW(validation.run({.gate = "x", .candidate = "2"}), Failure);
  EXPECT_THROW(validation.run({.gate = "g", .candidate = "9"}), Failure);
  EXPECT_THROW(validation.run({.gate = "g", .candidate = "2", .champion = "9"}), Failure);
}

}  // namespace
}  // namespace fettle::validation
