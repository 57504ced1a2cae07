#include "gateway/contract.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gateway/ood.h"
#include "gateway/testing_fakes.h"

namespace fettle::gateway {
namespace {

using namespace testing;

std::vector<serving::TensorSpec> weather_inputs() {
  return {{"temp", DType::fp32, {-1, 1}},  {"wind", DType::fp32, {-1, 1}},     {"precip", DType::fp32, {-1, 1}},
          {"hour", DType::int64, {-1, 1}}, {"carrier", DType::bytes, {-1, 1}}, {"origin", DType::bytes, {-1, 1}}};
}

stats::Column numbers(std::string name, std::vector<double> values) {
  stats::Column column;
  column.name = std::move(name);
  column.numbers = std::move(values);
  return column;
}

stats::Column categories(std::string name, std::vector<std::string> values) {
  stats::Column column;
  column.name = std::move(name);
  column.numeric = false;
  column.missing.resize(values.size());
  column.categories = std::move(values);
  return column;
}

// Correlated, skewed, mostly constant and categorical columns, with 1 % missing wind: as awkward as real weather.
stats::Table weather(size_t rows, uint64_t seed, double temp_shift = 0) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> temp, wind, precip, hour;
  std::vector<std::string> carrier, origin;
  for (size_t i = 0; i < rows; ++i) {
    double common = normal(random);
    temp.push_back(40 + temp_shift + 12 * common);
    wind.push_back(uniform(random) < 0.01 ? std::nan("") : std::exp(2 + 0.4 * normal(random) - 0.4 * common));
    precip.push_back(uniform(random) < 0.93 ? 0 : 0.1 * -std::log(uniform(random)));
    hour.push_back(std::floor(5 + 19 * uniform(random)));
    double u = uniform(random);
    carrier.emplace_back(u < 0.4 ? "UA" : u < 0.7 ? "B6" : u < 0.9 ? "EV" : u < 0.999 ? "AA" : "OO");
    origin.emplace_back(uniform(random) < 0.5 ? "JFK" : "EWR");
  }
  stats::Table table;
  table.columns = {numbers("temp", temp), numbers("wind", wind),          numbers("precip", precip),
                   numbers("hour", hour), categories("carrier", carrier), categories("origin", origin)};
  return table;
}

class WeatherContract : public ::testing::Test {
 protected:
  WeatherContract() : inputs_(weather_inputs()), reference_(weather(20'000, 1)) {}
  Contract build(const ContractSpec& spec = {}) {
    return build_contract({.inputs = inputs_, .spec = &spec, .reference = &reference_, .origin = "models:/m/1"});
  }
  std::vector<serving::TensorSpec> inputs_;
  stats::Table reference_;
};

TEST_F(WeatherContract, TrainingDataItselfIsHardlyEverRejected) {
  ContractSpec spec{.missing = Policy::reject, .range = Policy::reject, .unseen = Policy::reject};
  Contract contract = build(spec);
  FeatureBatch training = reference_batch(contract, reference_, 100'000);
  // Soft bounds: the far tail of an exponential may fall out, one row in a few thousand at most.
  EXPECT_LE(check_features(contract, training).rejected_rows, 5);
  FeatureBatch fresh = reference_batch(contract, weather(20'000, 2), 100'000);
  EXPECT_LE(check_features(contract, fresh).rejected_rows, 10);
}

TEST_F(WeatherContract, AcceptsMissingWhereTrainingHadIt) {
  ContractSpec spec;
  Contract contract = build(spec);
  std::vector<tensor::Tensor> inputs = {floats("temp", {40}),     floats("wind", {std::nanf("")}),
                                        floats("precip", {0}),    column<int64_t>("hour", DType::int64, {9}),
                                        texts("carrier", {"UA"}), texts("origin", {"JFK"})};
  auto batch = decode_features(contract, inputs, 100);
  ASSERT_TRUE(batch);
  EXPECT_TRUE(check_features(contract, *batch).problems.empty());

  // The whole tensor may be absent too: the model then gets NaN, as in training.
  inputs.erase(inputs.begin() + 1);
  batch = decode_features(contract, inputs, 100);
  auto result = check_features(contract, *batch);
  EXPECT_TRUE(result.problems.empty());
  rebuild_inputs(contract, *batch, result, inputs);
  ASSERT_EQ(inputs.back().name, "wind");
  EXPECT_TRUE(std::isnan(float_values(inputs.back())[0]));
  EXPECT_EQ(inputs.back().shape, (tensor::Shape{1, 1}));
  EXPECT_EQ(inputs.front().shape, (tensor::Shape{1, 1}));  // [batch] became what the model takes
}

TEST_F(WeatherContract, NullMissingAndInfinityAreThreeCases) {
  ContractSpec spec{.range = Policy::reject};
  Contract contract = build(spec);
  auto rules = [&](float temp) {
    std::vector<tensor::Tensor> inputs = {floats("temp", {temp}),   floats("wind", {5}),
                                          floats("precip", {0}),    column<int64_t>("hour", DType::int64, {9}),
                                          texts("carrier", {"UA"}), texts("origin", {"JFK"})};
    auto batch = decode_features(contract, inputs, 100);
    std::string text;
    for (const auto& problem : check_features(contract, *batch).problems) text += rule_name(problem.rule);
    return text;
  };
  EXPECT_EQ(rules(40), "");
  EXPECT_EQ(rules(-0.0F), "");
  EXPECT_EQ(rules(1e-42F), "");  // a denormal
  EXPECT_EQ(rules(std::nanf("")), "missing");
  EXPECT_EQ(rules(INFINITY), "range");
  EXPECT_EQ(rules(-INFINITY), "range");
}

TEST_F(WeatherContract, ConvertsNumbersOnlyWhenToldTo) {
  std::vector<tensor::Tensor> inputs = {
      column<int64_t>("temp", DType::int64, {41}), floats("wind", {5}),      floats("precip", {0}),
      column<int64_t>("hour", DType::int64, {9}),  texts("carrier", {"UA"}), texts("origin", {"JFK"})};
  Contract strict = build();
  auto batch = decode_features(strict, inputs, 100);
  auto error = contract_error(strict, *batch, check_features(strict, *batch));
  EXPECT_EQ(error.details.at(0).message, "expected FP32, got INT64");
  Contract lenient = build({.type = Policy::warn});
  batch = decode_features(lenient, inputs, 100);
  auto result = check_features(lenient, *batch);
  EXPECT_EQ(format_warnings(lenient, *batch, result), "temp.type=1");
  rebuild_inputs(lenient, *batch, result, inputs);
  EXPECT_EQ(inputs[0].dtype, DType::fp32);
  EXPECT_EQ(float_values(inputs[0])[0], 41.0F);
}

TEST_F(WeatherContract, OverridesAreHardAndQuoted) {
  ContractSpec spec;
  spec.features = {{.name = "hour", .range = Policy::reject, .min = 0, .max = 23},
                   {.name = "carrier", .unseen = Policy::reject, .values = {{"UA"}}}};
  Contract contract = build(spec);
  std::vector<tensor::Tensor> inputs = {floats("temp", {40}),     floats("wind", {5}),
                                        floats("precip", {0}),    column<int64_t>("hour", DType::int64, {24}),
                                        texts("carrier", {"AA"}), texts("origin", {"JFK"})};
  auto batch = decode_features(contract, inputs, 100);
  auto error = contract_error(contract, *batch, check_features(contract, *batch));
  ASSERT_EQ(error.details.size(), 2U);
  EXPECT_EQ(error.details[0].message, "outside [0, 23], set in the contract");
  EXPECT_EQ(error.details[1].message, "not one of the 1 known categories");
  spec.features = {{.name = "temperature"}};
  EXPECT_THROW(build(spec), Failure);
}

TEST(MatrixContract, ColumnsOfTheReferenceNameTheMatrix) {
  std::vector<serving::TensorSpec> inputs = {{"X", DType::fp32, {-1, 2}}};
  stats::Table table;
  table.columns = {numbers("a", {1, 2, 3, 4, 5}), numbers("label", {0, 1, 0, 1, 0}),
                   numbers("b", {10, 20, 30, 40, 50})};
  ContractSpec spec{.ignore = {"label"}, .missing = Policy::impute};
  Contract contract = build_contract({.inputs = inputs, .spec = &spec, .reference = &table, .origin = "models:/m/1"});
  EXPECT_EQ(contract.schema->numeric, (std::vector<std::string>{"a", "b"}));
  std::vector<float> values = {1, std::nanf(""), 3, 40};
  std::vector<tensor::Tensor> request = {tensor::make_tensor(
      "X", DType::fp32, {2, 2}, std::string(reinterpret_cast<const char*>(values.data()), values.size() * 4))};
  auto batch = decode_features(contract, request, 10);
  ASSERT_TRUE(batch);
  auto result = check_features(contract, *batch);
  EXPECT_EQ(format_warnings(contract, *batch, result), "b.missing=1");
  rebuild_inputs(contract, *batch, result, request);
  EXPECT_EQ(float_values(request[0]), (std::vector<float>{1, 30, 3, 40}));
  request[0].shape = {4, 1};
  EXPECT_EQ(decode_features(contract, request, 10).error().message, "input 'X' has shape [4,1], expected [batch,2]");
  spec.ignore.clear();
  EXPECT_THROW(build_contract({.inputs = inputs, .spec = &spec, .reference = &table, .origin = "m"}), Failure);
}

TEST(MatrixContract, AnUnknownWidthPassesThrough) {
  std::vector<serving::TensorSpec> inputs = {{"X", DType::fp32, {-1, -1}}};
  Contract contract = build_contract({.inputs = inputs, .origin = "m"});
  std::vector<float> values(6);
  std::vector<tensor::Tensor> request = {tensor::make_tensor("X", DType::fp32, {2, 3}, std::string(24, '\0'))};
  auto batch = decode_features(contract, request, 10);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->rows, 2);
}

class OodTest : public ::testing::Test {
 protected:
  OodTest() : inputs_(weather_inputs()), reference_(weather(20'000, 1)) {
    contract_ = build_contract({.inputs = inputs_, .reference = &reference_, .origin = "m"});
  }
  double flagged(const OodDetector& detector, const stats::Table& table) {
    std::vector<float> p;
    detector.p_values(reference_batch(contract_, table, 1'000'000), p);
    double count = 0;
    for (float value : p) count += detector.flags(value) ? 1 : 0;
    return count / static_cast<double>(p.size());
  }
  std::vector<serving::TensorSpec> inputs_;
  stats::Table reference_;
  Contract contract_;
};

TEST_F(OodTest, FalsePositivesAreWithinHalfOfWhatWasPromised) {
  for (double rate : {0.002, 0.01, 0.05}) {
    OodDetector detector(contract_, reference_batch(contract_, reference_, 1'000'000), {.rate = rate});
    double measured = 0;
    for (uint64_t seed = 10; seed < 15; ++seed) measured += flagged(detector, weather(20'000, seed)) / 5;
    fmt::print("ood: promised {:.3f} %, measured {:.3f} % of 100,000 fresh rows\n", 100 * rate, 100 * measured);
    EXPECT_GE(measured, 0.5 * rate);
    EXPECT_LE(measured, 1.5 * rate);
  }
}

TEST_F(OodTest, PlantedOutliersAreFlagged) {
  OodDetector detector(contract_, reference_batch(contract_, reference_, 1'000'000), {.rate = 0.01});
  auto share = [&](const std::function<void(stats::Table&)>& plant) {
    auto table = weather(2000, 99);
    plant(table);
    return flagged(detector, table);
  };
  double units = share([](stats::Table& t) {
    for (double& x : t.columns[1].numbers) x *= 1000;
  });
  double swapped = share([](stats::Table& t) { std::swap(t.columns[0].numbers, t.columns[1].numbers); });
  double category = share([](stats::Table& t) {
    for (auto& c : t.columns[4].categories) c = "ZZ";
  });
  double shift = share([](stats::Table& t) {
    for (double& x : t.columns[0].numbers) x += 60;
  });
  // Each value is common, the pair is not: warm and stormy at once.
  double correlation = share([](stats::Table& t) {
    for (size_t i = 0; i < t.rows(); ++i) {
      t.columns[0].numbers[i] = 60;
      t.columns[1].numbers[i] = 20;
    }
  });
  fmt::print(
      "ood: wind x 1000 {:.2f}, columns swapped {:.2f}, new category {:.2f}, +5 sd {:.2f}, broken correlation {:.2f}\n",
      units, swapped, category, shift, correlation);
  EXPECT_GE(units, 0.95);
  EXPECT_GE(swapped,
            0.1);  // cold and windy is how these two go together: ten times the false positives is all there is to see
  EXPECT_GE(category, 0.6);
  EXPECT_GE(shift, 0.9);
  EXPECT_GE(correlation, 0.5);
}

TEST_F(OodTest, NeedsEnoughCalibrationRows) {
  auto few = weather(60, 1);
  try {
    OodDetector detector(contract_, reference_batch(contract_, few, 1000), {.rate = 0.01});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("needs at least 99 calibration rows"), std::string::npos);
  }
}

TEST_F(OodTest, ScoringChangesNothing) {
  const OodDetector detector(contract_, reference_batch(contract_, reference_, 1'000'000), {.rate = 0.01});
  FeatureBatch batch = reference_batch(contract_, weather(100, 5), 1000);
  std::vector<float> first, second;
  detector.p_values(batch, first);
  detector.p_values(reference_batch(contract_, weather(5000, 6, 300), 10'000), second);
  detector.p_values(batch, second);
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace fettle::gateway
