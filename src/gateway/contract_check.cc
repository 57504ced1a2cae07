#include <algorithm>
#include <cmath>

#include "gateway/contract.h"

namespace fettle::gateway {
namespace {

// Collects what one rule of one feature found.
class Finding {
 public:
  Finding(CheckResult& result, uint32_t feature, Rule rule, Policy policy)
      : result_(result), problem_{.feature = feature, .rule = rule, .policy = policy} {}

  void add(int64_t row) {
    if (problem_.rows++ == 0) problem_.row = row;
    mark(row);
  }
  void add_all(int64_t rows) {
    problem_.rows = rows;
    for (int64_t row = 0; row < rows; ++row) mark(row);
  }
  // True when a value was replaced.
  bool finish(bool changes) {
    if (problem_.rows == 0) return false;
    result_.problems.push_back(problem_);
    return changes;
  }

 private:
  void mark(int64_t row) {
    auto at = static_cast<size_t>(row);
    if (problem_.policy == Policy::reject) {
      if (result_.rejected.empty()) result_.rejected.resize(result_.verdicts.size());
      result_.rejected_rows += result_.rejected[at] == 0 ? 1 : 0;
      result_.rejected[at] = 1;
    } else {
      result_.verdicts[at] |= problem_.policy == Policy::impute ? kImputed : kContractWarning;
    }
  }

  CheckResult& result_;
  Problem problem_;
};

bool replaces(Policy policy) { return policy == Policy::impute || policy == Policy::reject; }

// A NaN is missing; an infinity is outside every range. Written so that NaN fails the comparison.
bool inside(const Feature& feature, double value) { return value >= feature.low && value <= feature.high; }

void check_numbers(const Feature& feature, uint32_t index, FeatureBatch& batch, CheckResult& result) {
  size_t start = feature.slot * static_cast<size_t>(batch.rows);
  std::span<double> values = std::span(batch.numbers).subspan(start, static_cast<size_t>(batch.rows));
  bool checks_range = feature.range != Policy::ignore;
  bool checks_missing = feature.missing != Policy::ignore && !feature.nullable();
  bool all_fine = true;
  for (double value : values) all_fine &= inside(feature, value);
  if (all_fine && !(std::isinf(feature.high) && checks_range)) return;

  Finding missing(result, index, Rule::missing, feature.missing);
  Finding range(result, index, Rule::range, feature.range);
  bool changed = false;
  for (size_t row = 0; row < values.size(); ++row) {
    double& value = values[row];
    if (std::isnan(value)) {
      if (!checks_missing) continue;
      missing.add(static_cast<int64_t>(row));
      if (replaces(feature.missing)) {
        result.replaced_numbers.emplace_back(start + row, value);
        value = feature.impute_number;
        changed = true;
      }
    } else if (checks_range && (!inside(feature, value) || std::isinf(value))) {
      range.add(static_cast<int64_t>(row));
      if (replaces(feature.range)) {
        result.replaced_numbers.emplace_back(start + row, value);
        double clipped = std::clamp(value, feature.low, feature.high);
        value = std::isfinite(clipped) ? clipped : feature.impute_number;
        changed = true;
      }
    }
  }
  missing.finish(false);
  range.finish(false);
  if (changed) result.changed_features.push_back(index);
}

void check_categories(const Feature& feature, uint32_t index, FeatureBatch& batch, CheckResult& result) {
  bool checks_missing = feature.missing != Policy::ignore && !feature.nullable();
  bool checks_unseen = feature.unseen != Policy::ignore && !feature.categories.empty();
  if (!checks_missing && !checks_unseen) return;
  size_t start = feature.slot * static_cast<size_t>(batch.rows);
  std::span<std::string> values = std::span(batch.categories).subspan(start, static_cast<size_t>(batch.rows));
  Finding missing(result, index, Rule::missing, feature.missing);
  Finding unseen(result, index, Rule::unseen, feature.unseen);
  bool changed = false;
  for (size_t row = 0; row < values.size(); ++row) {
    std::string& value = values[row];
    Finding* finding = nullptr;
    Policy policy = Policy::ignore;
    if (value.empty()) {
      if (!checks_missing) continue;
      finding = &missing;
      policy = feature.missing;
    } else if (checks_unseen && feature.categories.find(std::string_view(value)) == feature.categories.end()) {
      finding = &unseen;
      policy = feature.unseen;
    } else {
      continue;
    }
    finding->add(static_cast<int64_t>(row));
    if (replaces(policy)) {
      result.replaced_categories.emplace_back(start + row, std::move(value));
      value = feature.impute_category;
      changed = true;
    }
  }
  missing.finish(false);
  unseen.finish(false);
  if (changed) result.changed_features.push_back(index);
}

void fill_absent(const Feature& feature, FeatureBatch& batch, CheckResult& result) {
  auto rows = static_cast<size_t>(batch.rows);
  for (size_t at = feature.slot * rows; at < (feature.slot + 1) * rows; ++at) {
    if (feature.numeric) {
      result.replaced_numbers.emplace_back(at, batch.numbers[at]);
      batch.numbers[at] = feature.impute_number;
    } else {
      result.replaced_categories.emplace_back(at, std::move(batch.categories[at]));
      batch.categories[at] = feature.impute_category;
    }
  }
}

// A whole tensor that is not there. Where training had missing values the model gets them too; a type that has none is
// imputed.
void check_absent(const Contract& contract, FeatureBatch& batch, CheckResult& result, std::vector<uint8_t>& done) {
  for (uint32_t index : batch.absent) {
    const Feature& feature = contract.features[index];
    done[index] = 1;
    bool floating = feature.dtype == tensor::DType::fp32 || feature.dtype == tensor::DType::fp64 ||
                    feature.dtype == tensor::DType::fp16 || feature.dtype == tensor::DType::bf16;
    bool can_be_missing = floating || !feature.numeric;
    if (feature.optional || feature.missing == Policy::ignore) continue;
    bool accepted = feature.nullable() && can_be_missing;
    Policy policy = feature.nullable() && !can_be_missing ? Policy::impute : feature.missing;
    if (!accepted) {
      Finding finding(result, index, Rule::missing, policy);
      finding.add_all(batch.rows);
      finding.finish(false);
    }
    if (!accepted && (replaces(policy) || !can_be_missing)) fill_absent(feature, batch, result);
    result.changed_features.push_back(index);
  }
}

void check_types(const Contract& contract, const FeatureBatch& batch, CheckResult& result) {
  for (const auto& mistyped : batch.mistyped) {
    const Feature& feature = contract.features[mistyped.feature];
    if (feature.type == Policy::ignore) continue;
    // Text is never turned into a number, nor a number into a category.
    bool convertible = feature.numeric && mistyped.got != tensor::DType::bytes;
    Policy policy = convertible ? feature.type : Policy::reject;
    Finding finding(result, mistyped.feature, Rule::type, policy);
    finding.add_all(batch.rows);
    finding.finish(false);
    result.changed_features.push_back(mistyped.feature);
  }
}

std::string describe(const Contract& contract, const FeatureBatch& batch, const Problem& problem) {
  if (problem.rule == Rule::extra) return "not a feature of this endpoint";
  const Feature& feature = contract.features[problem.feature];
  switch (problem.rule) {
    case Rule::missing: return "missing; required";
    case Rule::type: {
      auto found = std::find_if(batch.mistyped.begin(), batch.mistyped.end(),
                                [&](const auto& m) { return m.feature == problem.feature; });
      return fmt::format("expected {}, got {}", tensor::dtype_name(feature.dtype),
                         found == batch.mistyped.end() ? "another type" : tensor::dtype_name(found->got));
    }
    case Rule::range:
      return fmt::format("outside [{:.6g}, {:.6g}], {}", feature.low, feature.high,
                         feature.bounds_origin.empty() ? "not finite" : feature.bounds_origin);
    default: return fmt::format("not one of the {} known categories", feature.categories.size());
  }
}

std::string_view problem_name(const Contract& contract, const FeatureBatch& batch, const Problem& problem) {
  return problem.rule == Rule::extra ? std::string_view(batch.extra[problem.feature])
                                     : std::string_view(contract.features[problem.feature].name);
}

}  // namespace

CheckResult check_features(const Contract& contract, FeatureBatch& batch) {
  CheckResult result;
  result.verdicts.resize(static_cast<size_t>(batch.rows));
  std::vector<uint8_t> done;
  if (!batch.absent.empty() || !batch.mistyped.empty()) {
    done.resize(contract.features.size());
    check_types(contract, batch, result);
    for (const auto& mistyped : batch.mistyped) {
      done[mistyped.feature] = mistyped.got == tensor::DType::bytes || !contract.features[mistyped.feature].numeric;
    }
    check_absent(contract, batch, result, done);
  }
  for (uint32_t i = 0; i < contract.features.size(); ++i) {
    const Feature& feature = contract.features[i];
    if (!done.empty() && done[i] != 0) continue;
    if (feature.numeric) {
      check_numbers(feature, i, batch, result);
    } else {
      check_categories(feature, i, batch, result);
    }
  }
  for (uint32_t i = 0; i < batch.extra.size() && contract.extra != Policy::ignore; ++i) {
    Finding finding(result, i, Rule::extra, contract.extra);
    finding.add_all(batch.rows);
    finding.finish(false);
  }
  return result;
}

void restore_features(CheckResult& result, FeatureBatch& batch) {
  for (auto& [at, value] : result.replaced_numbers) batch.numbers[at] = value;
  for (auto& [at, value] : result.replaced_categories) batch.categories[at] = std::move(value);
}

Error contract_error(const Contract& contract, const FeatureBatch& batch, const CheckResult& result) {
  Error error{.code = Code::invalid_argument};
  size_t count = 0;
  std::string missing;
  for (const auto& problem : result.problems) {
    if (problem.policy != Policy::reject) continue;
    ++count;
    std::string_view name = problem_name(contract, batch, problem);
    if (problem.rule == Rule::missing && problem.row < 0)
      missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", name);
    if (error.details.size() == kMaxDetails) continue;
    std::string text = describe(contract, batch, problem);
    if (problem.row >= 0 && problem.rows > 1) text += fmt::format(" ({} rows)", problem.rows);
    error.details.push_back(
        {problem.row >= 0 ? fmt::format("/rows/{}/{}", problem.row, name) : fmt::format("/inputs/{}", name), text});
  }
  error.message = fmt::format("{} contract violation{}", count, count == 1 ? "" : "s");
  if (!missing.empty()) error.message += fmt::format(": missing {}", missing);
  error.fix = "send every feature with the type and range that the endpoint's contract names";
  return error;
}

std::string format_warnings(const Contract& contract, const FeatureBatch& batch, const CheckResult& result) {
  std::string text;
  size_t count = 0;
  for (const auto& problem : result.problems) {
    if (count++ == kMaxDetails) break;
    text += fmt::format("{}{}.{}={}", text.empty() ? "" : ",", problem_name(contract, batch, problem),
                        rule_name(problem.rule), problem.rows);
  }
  return text;
}

}  // namespace fettle::gateway
