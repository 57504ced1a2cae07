// What a model's outputs mean: class, probabilities, score and confidence of each row; and the answers of fallbacks in
// the same tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/spec.h"
#include "serving/runtime.h"
#include "tensor/tensor.h"

namespace fettle::gateway {

// Which outputs carry what; chosen once for a served version.
struct OutputBinding {
  std::string label;               // empty: none
  std::string probability;         // empty: none
  bool probability_named = false;  // by the endpoint's spec: then values outside [0, 1] are the model's failure
  std::optional<int64_t> positive_index;
};

// failed_precondition when the spec names an output that the model does not have, or of an unfit type.
OutputBinding bind_outputs(const EndpointSpec& spec, std::span<const serving::TensorSpec> outputs);

// Facts of the rows of one response. Vectors are empty when the model gives no such thing.
struct RowFacts {
  std::vector<double> scores;  // of the positive class; a regression's value. NaN: none
  std::vector<std::string> labels;
  std::vector<float> probabilities;  // classes × rows, column-major
  std::vector<float> confidence;     // largest class probability
};

// Reads the facts and holds the outputs against what was promised: `internal` for NaN or infinity in any floating
// output, another number of rows, probabilities that do not sum to 1 ± 1e-3.
Outcome<RowFacts> read_outputs(const OutputBinding& binding, std::span<const tensor::Tensor> outputs, int64_t rows);

// Writes `answer` into the rows where mask is 1 of `outputs`, making tensors that are missing (typed by `specs`).
// failed_precondition when an output is unknown or has another width than the answer.
Outcome<void> write_answer(const ConstantAnswer& answer, std::span<const uint8_t> mask,
                           std::span<const serving::TensorSpec> specs, std::vector<tensor::Tensor>& outputs);

// Copies the masked rows of `from` into `outputs` (a fallback model's answer). Outputs of another type or width are
// failed_precondition.
Outcome<void> copy_rows(std::span<const tensor::Tensor> from, std::span<const uint8_t> mask,
                        std::vector<tensor::Tensor>& outputs);

// Holds an answer against the outputs of a model when an endpoint is set up. Throws invalid_argument.
void check_answer(const ConstantAnswer& answer, std::span<const serving::TensorSpec> outputs);

}  // namespace fettle::gateway
