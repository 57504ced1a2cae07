#include "gateway/contract.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "stats/profile.h"

namespace fettle::gateway {
namespace {

using tensor::DType;

bool is_column_shape(const tensor::Shape& shape) { return shape.size() == 1 || (shape.size() == 2 && shape[1] == 1); }

bool is_floating(DType dtype) {
  return dtype == DType::fp32 || dtype == DType::fp64 || dtype == DType::fp16 || dtype == DType::bf16;
}

bool is_ignored(const ContractInputs& in, const std::string& name) {
  std::span<const std::string> ignore = in.spec != nullptr ? std::span<const std::string>(in.spec->ignore) : in.ignore;
  return std::find(ignore.begin(), ignore.end(), name) != ignore.end();
}

std::vector<const stats::Column*> reference_columns(const ContractInputs& in) {
  std::vector<const stats::Column*> columns;
  if (in.reference == nullptr) return columns;
  for (const auto& column : in.reference->columns) {
    if (!is_ignored(in, column.name)) columns.push_back(&column);
  }
  return columns;
}

std::optional<double> truth_value(std::string_view text) {
  if (iequals(text, "true")) return 1.0;
  if (iequals(text, "false")) return 0.0;
  return std::nullopt;
}

std::vector<double> sorted_numbers(const Feature& feature, const stats::Column& column, const std::string& origin) {
  std::vector<double> numbers;
  if (column.numeric) {
    std::copy_if(column.numbers.begin(), column.numbers.end(), std::back_inserter(numbers),
                 [](double x) { return std::isfinite(x); });
  } else {
    for (size_t i = 0; i < column.size(); ++i) {
      if (column.missing[i] != 0) continue;
      auto value = truth_value(column.categories[i]);
      if (!value) {
        fail(Code::failed_precondition, "column '{}' of the reference of {} holds text, the model takes {}",
             feature.name, origin, tensor::dtype_name(feature.dtype));
      }
      numbers.push_back(*value);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Soft bounds [p0.1 - k IQR, p99.9 + k IQR] (spec gateway.md 5.1): min and max of a sample would reject honest
// extremes. Where most values are equal the IQR is 0, and a third of the width between the outer quantiles stands for
// it.
void learn_numbers(Feature& feature, const stats::Column& column, double k, const std::string& origin) {
  std::vector<double> sorted = sorted_numbers(feature, column, origin);
  feature.missing_rate =
      column.size() == 0 ? 0 : 1 - static_cast<double>(sorted.size()) / static_cast<double>(column.size());
  if (sorted.empty()) return;
  double outer_low = stats::sorted_quantile(sorted, 0.001);
  double outer_high = stats::sorted_quantile(sorted, 0.999);
  double iqr = stats::sorted_quantile(sorted, 0.75) - stats::sorted_quantile(sorted, 0.25);
  if (iqr <= 0) iqr = (outer_high - outer_low) / 3;
  feature.low = outer_low - k * iqr;
  feature.high = outer_high + k * iqr;
  feature.bounds_origin = fmt::format("p0.1 - {0:g} IQR to p99.9 + {0:g} IQR of the reference of {1}", k, origin);
  feature.impute_number = stats::sorted_quantile(sorted, 0.5);
  if (!is_floating(feature.dtype)) feature.impute_number = std::round(feature.impute_number);
}

void learn_categories(Feature& feature, const stats::Column& column) {
  size_t missing = 0;
  for (size_t i = 0; i < column.size(); ++i) {
    bool absent = column.numeric ? std::isnan(column.numbers[i]) : column.missing[i] != 0;
    if (absent) {
      ++missing;
    } else {
      ++feature.categories[column.numeric ? category_text(column.numbers[i]) : column.categories[i]];
    }
  }
  feature.missing_rate = column.size() == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(column.size());
  const std::pair<const std::string, uint32_t>* best = nullptr;
  for (const auto& entry : feature.categories) {
    if (best == nullptr || entry.second > best->second || (entry.second == best->second && entry.first < best->first))
      best = &entry;
  }
  if (best != nullptr) feature.impute_category = best->first;
}

void apply_override(Feature& feature, const FeatureOverride& change) {
  feature.missing = change.missing.value_or(feature.missing);
  feature.type = change.type.value_or(feature.type);
  feature.range = change.range.value_or(feature.range);
  feature.unseen = change.unseen.value_or(feature.unseen);
  if (change.min) feature.low = *change.min;
  if (change.max) feature.high = *change.max;
  if (feature.low > feature.high) {
    fail(Code::invalid_argument, "feature '{}': no value is between min {:g} and max {:g}", feature.name, feature.low,
         feature.high);
  }
  if (change.min && change.max) {
    feature.bounds_origin = "set in the contract";
  } else if (change.min || change.max) {
    std::string set = fmt::format("{} set in the contract", change.min ? "min" : "max");
    feature.bounds_origin = feature.bounds_origin.empty() ? set : fmt::format("{}; {}", feature.bounds_origin, set);
  }
  if (change.values) {
    feature.categories.clear();
    for (const auto& value : *change.values) feature.categories[value] = 1;
  }
  if (!change.impute) return;
  if (const auto* text = std::get_if<std::string>(&*change.impute)) feature.impute_category = *text;
  if (const auto* number = std::get_if<double>(&*change.impute)) feature.impute_number = *number;
  if (const auto* number = std::get_if<int64_t>(&*change.impute)) feature.impute_number = static_cast<double>(*number);
  if (const auto* flag = std::get_if<bool>(&*change.impute)) feature.impute_number = *flag ? 1 : 0;
}

Feature make_feature(const ContractInputs& in, std::string name, const serving::TensorSpec& spec,
                     const stats::Column* column) {
  Feature feature;
  feature.name = std::move(name);
  feature.dtype = spec.dtype;
  feature.numeric = spec.dtype != DType::bytes;
  feature.optional = spec.optional;
  if (in.spec != nullptr) {
    feature.missing = in.spec->missing;
    feature.type = in.spec->type;
    feature.range = in.spec->range;
    feature.unseen = in.spec->unseen;
  }
  if (column == nullptr) return feature;
  if (feature.numeric) {
    learn_numbers(feature, *column, in.spec != nullptr ? in.spec->range_k : 3.0, in.origin);
  } else {
    learn_categories(feature, *column);
  }
  return feature;
}

void add_matrix(const ContractInputs& in, const serving::TensorSpec& spec, Contract& contract) {
  auto columns = reference_columns(in);
  int64_t width = spec.shape[1];
  if (!columns.empty() && width > 0 && static_cast<int64_t>(columns.size()) != width) {
    fail(Code::failed_precondition,
         "the reference of {} has {} columns that are not ignored, input '{}' has {}: name the others in `ignore`",
         in.origin, columns.size(), spec.name, width);
  }
  contract.matrix = spec.name;
  contract.matrix_dtype = spec.dtype;
  size_t count = columns.empty() ? static_cast<size_t>(width) : columns.size();
  for (size_t i = 0; i < count; ++i) {
    std::string name = columns.empty() ? fmt::format("{}_{}", spec.name, i) : columns[i]->name;
    contract.features.push_back(make_feature(in, std::move(name), spec, columns.empty() ? nullptr : columns[i]));
  }
}

bool is_matrix_model(const ContractInputs& in, size_t columns) {
  if (in.inputs.size() != 1 || in.inputs[0].shape.size() != 2) return false;
  int64_t width = in.inputs[0].shape[1];
  if (width > kMaxColumns) return false;
  bool column_of_that_name = in.reference != nullptr && in.reference->find(in.inputs[0].name) != nullptr;
  return width > 1 || (!column_of_that_name && columns > 0);
}

void index_features(Contract& contract) {
  auto schema = std::make_shared<FeatureSchema>();
  for (size_t i = 0; i < contract.features.size(); ++i) {
    Feature& feature = contract.features[i];
    contract.by_name[feature.name] = i;
    auto& names = feature.numeric ? schema->numeric : schema->categorical;
    feature.slot = names.size();
    names.push_back(feature.name);
  }
  contract.numeric_count = schema->numeric.size();
  contract.categorical_count = schema->categorical.size();
  contract.schema = std::move(schema);
}

void apply_overrides(const ContractInputs& in, Contract& contract) {
  if (in.spec == nullptr) return;
  std::vector<std::string> names;
  for (const auto& feature : contract.features) names.push_back(feature.name);
  for (const auto& change : in.spec->features) {
    auto found = contract.by_name.find(change.name);
    if (found == contract.by_name.end()) {
      auto near = nearest(change.name, names);
      fail(Code::invalid_argument, "the contract sets rules for feature '{}', which {} does not take{}", change.name,
           in.origin, near ? fmt::format("; did you mean '{}'?", *near) : "");
    }
    apply_override(contract.features[found->second], change);
  }
}

}  // namespace

std::string category_text(double number) {
  if (std::trunc(number) == number && std::fabs(number) < 9e15) return fmt::format("{}", static_cast<int64_t>(number));
  return fmt::format("{}", number);
}

const char* rule_name(Rule rule) {
  constexpr const char* kNames[] = {"missing", "type", "range", "unseen", "extra"};
  return kNames[static_cast<size_t>(rule)];
}

Contract build_contract(const ContractInputs& in) {
  Contract contract;
  contract.inputs.assign(in.inputs.begin(), in.inputs.end());
  if (in.spec != nullptr) {
    contract.extra = in.spec->extra;
    contract.observe_only_requests = in.spec->observe_only_requests;
  }
  if (is_matrix_model(in, reference_columns(in).size())) {
    add_matrix(in, in.inputs[0], contract);
  } else {
    for (const auto& spec : in.inputs) {
      if (!is_column_shape(spec.shape)) {
        contract.opaque.push_back(spec.name);
        continue;
      }
      const stats::Column* column =
          in.reference != nullptr && !is_ignored(in, spec.name) ? in.reference->find(spec.name) : nullptr;
      contract.features.push_back(make_feature(in, spec.name, spec, column));
    }
  }
  index_features(contract);
  apply_overrides(in, contract);
  return contract;
}

}  // namespace fettle::gateway
