// The contract of one served model version: its features, learnt from the tensors that it takes and from a sample of
// its training data, with what is done when a request breaks a rule (docs/rest.md, Contract; rows.md H1-H3). Immutable
// after building; checking is pure.
//
//   auto contract = build_contract({.inputs = pin->inputs(), .spec = &spec, .reference = table.get(), .origin =
//   "models:/flights/1"}); auto batch = decode_features(contract, request.inputs);        // Outcome: shapes that can
//   never be read CheckResult result = check_features(contract, *batch); if (result.rejected_rows > 0) return
//   contract_error(contract, *batch, result); if (result.changed()) rebuild_inputs(contract, *batch, request.inputs);
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "gateway/prediction_sink.h"
#include "gateway/spec.h"
#include "serving/runtime.h"
#include "stats/table.h"
#include "tensor/tensor.h"

namespace fettle::gateway {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

// Most wide single-tensor models stay below; a wider tensor is passed through unchecked.
inline constexpr int64_t kMaxColumns = 4096;
// A feature with a larger share of missing values in the reference accepts them silently.
inline constexpr double kNullableRate = 0.001;
inline constexpr size_t kMaxDetails = 20;

struct Feature {
  std::string name;
  bool numeric = true;
  tensor::DType dtype = tensor::DType::fp32;  // the model's
  size_t slot = 0;                            // among the features of its kind
  bool optional = false;                      // the model's own words: may be absent
  double missing_rate = 0;                    // in the reference
  Policy missing = Policy::ignore;
  Policy type = Policy::ignore;
  Policy range = Policy::ignore;
  Policy unseen = Policy::ignore;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::string bounds_origin;     // where low and high come from, in words
  TextMap<uint32_t> categories;  // known ones -> rows in the reference; empty: any is fine
  double impute_number = 0;
  std::string impute_category;

  bool nullable() const { return missing_rate > kNullableRate; }
};

struct Contract {
  std::vector<Feature> features;
  TextMap<size_t> by_name;
  std::shared_ptr<const FeatureSchema> schema;
  // Not empty: the model takes one `[batch, n]` tensor of this name, whose columns are the features in order.
  std::string matrix;
  tensor::DType matrix_dtype = tensor::DType::fp32;
  std::vector<std::string> opaque;  // inputs of other shapes (images, sequences): passed through unread
  std::vector<serving::TensorSpec> inputs;
  Policy extra = Policy::ignore;
  int64_t observe_only_requests = 0;
  size_t numeric_count = 0;
  size_t categorical_count = 0;
};

// The text of a reference number as a client would send it for a BYTES input: "1", "2.5".
std::string category_text(double number);

struct ContractInputs {
  std::span<const serving::TensorSpec> inputs;  // of the model
  const ContractSpec* spec = nullptr;           // nullptr: nothing is enforced
  const stats::Table* reference = nullptr;      // nullptr: no statistics
  std::span<const std::string> ignore;          // columns that are no inputs, if spec is nullptr
  std::string origin;                           // "models:/flights/1": quoted beside bounds
};

// Throws failed_precondition when the reference does not fit the model (a column of text for a number, another count of
// columns than the model's one tensor has), and invalid_argument for overrides of unknown features.
Contract build_contract(const ContractInputs& inputs);

// A decoded request: numbers and categories column-major by Feature::slot.
struct FeatureBatch {
  int64_t rows = 0;
  std::vector<double> numbers;          // [slot * rows + row]; NaN: missing
  std::vector<std::string> categories;  // "": missing
  std::vector<uint32_t> absent;         // features without a tensor
  struct Mistyped {
    uint32_t feature = 0;
    tensor::DType got = tensor::DType::fp32;
  };
  std::vector<Mistyped> mistyped;  // numeric ones were read all the same; text for a number reads as missing
  std::vector<std::string> extra;  // names of tensors that are no feature
};

// Reads tensors named by feature, or the one matrix. invalid_argument: no rows, tensors of different length, a matrix
// of another width. `max_rows` bounds the batch.
Outcome<FeatureBatch> decode_features(const Contract& contract, std::span<const tensor::Tensor> inputs,
                                      int64_t max_rows);

enum class Rule : uint8_t { missing, type, range, unseen, extra };
const char* rule_name(Rule rule);

struct Problem {
  uint32_t feature = 0;  // index into Contract::features, or into FeatureBatch::extra
  Rule rule = Rule::missing;
  Policy policy = Policy::warn;
  int64_t row = -1;  // first row that has it; -1: the whole tensor
  int64_t rows = 0;  // how many rows have it
};

struct CheckResult {
  std::vector<Problem> problems;           // one for each (feature, rule), in order of features
  std::vector<uint8_t> verdicts;           // per row: kContractWarning, kImputed
  std::vector<uint8_t> rejected;           // per row, 1: a `reject` rule is broken; empty: none
  std::vector<uint32_t> changed_features;  // values of these were imputed, clipped or converted
  int64_t rejected_rows = 0;
  // What imputation replaced, so that the log gets the values as they came.
  std::vector<std::pair<size_t, double>> replaced_numbers;
  std::vector<std::pair<size_t, std::string>> replaced_categories;
  bool changed() const { return !changed_features.empty(); }
};

// Applies every rule and imputes in `batch`. Rejected values are imputed too, so that a fallback's rows can travel
// through the model.
CheckResult check_features(const Contract& contract, FeatureBatch& batch);

// Undoes the imputations in `batch` (not in tensors that were rebuilt from it).
void restore_features(CheckResult& result, FeatureBatch& batch);

// invalid_argument, `2 contract violations`, with a detail for each problem that rejects (at most kMaxDetails; names of
// all missing features stand in the message). Bounds are quoted with their origin; the caller's values are not.
Error contract_error(const Contract& contract, const FeatureBatch& batch, const CheckResult& result);

// `temp.range=2,carrier.unseen=1`: at most kMaxDetails problems that warned or imputed.
std::string format_warnings(const Contract& contract, const FeatureBatch& batch, const CheckResult& result);

// Puts absent, changed and mistyped features into the request's tensors, drops extra tensors and adapts `[batch]` to
// `[batch, 1]` as the model has it.
void rebuild_inputs(const Contract& contract, const FeatureBatch& batch, const CheckResult& result,
                    std::vector<tensor::Tensor>& inputs);

}  // namespace fettle::gateway
