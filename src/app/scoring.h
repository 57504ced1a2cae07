// Runs a loaded model over a table: how gates and rollouts score candidate and champion on the same rows.
#pragma once

#include <string>
#include <vector>

#include "serving/runtime.h"
#include "stats/table.h"

namespace fettle::app {

// Tensors of the model's inputs for rows [first, first + rows), from the columns of the same names. An absent column is
// missing everywhere.
std::vector<tensor::Tensor> make_inputs(const std::vector<serving::TensorSpec>& inputs, const stats::Table& table,
                                        size_t first, size_t rows);

// The score of the positive class for each row. Waits. Errors as the model's own; failed_precondition when it gives no
// score.
std::vector<double> score(serving::ModelPin& model, const stats::Table& table);

}  // namespace fettle::app
