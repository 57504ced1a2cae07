// Holds a request against a model's inputs and outputs before anything is queued: the library below does not notice a
// missing input before it runs, nor that equal symbolic dimensions differ. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "serving/runtime.h"
#include "tensor/tensor.h"

namespace fettle::serving {

struct ModelShape {
  std::string name;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  int64_t max_batch_size = 0;  // 0: requests are never merged
  Oversize oversize = Oversize::run_alone;
};

// A request that fits its model.
struct CheckedRequest {
  std::vector<tensor::Tensor> inputs;  // in the model's order, aligned for their element type
  std::vector<size_t> outputs;         // indexes into the model's outputs, in the order asked for
  int64_t rows = 1;
  std::string group;  // requests with equal groups may share a run
};

// Moves the inputs out of `request`. invalid_argument with the texts that users of the protocol search for, prefixed by
// `[request id: <id>] `.
Outcome<CheckedRequest> check_request(const ModelShape& model, InferRequest& request);

}  // namespace fettle::serving
