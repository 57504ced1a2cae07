// One loaded model that can run: the seam between batching and the libraries that evaluate models.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "serving/ort_api.h"
#include "serving/runtime.h"
#include "tensor/tensor.h"

namespace fettle::serving {

// run() is safe from several threads at a time.
class Backend {
 public:
  virtual ~Backend() = default;
  // Full shapes, with the batch dimension where there is one.
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  // `inputs` in the order of inputs(), of the right types and ranks; the answer holds the outputs with these indexes,
  // in their order. Errors: invalid_argument when the model cannot process these values; internal. The text is fit for
  // clients.
  virtual Outcome<std::vector<tensor::Tensor>> run(std::span<const tensor::Tensor> inputs,
                                                   std::span<const size_t> outputs) const = 0;
};

// Scans, then opens an ONNX model. Throws as Runtime::load.
std::unique_ptr<Backend> open_onnx_model(std::shared_ptr<OrtLibrary> library, const ModelSource& source,
                                         uint64_t limit_bytes);

// True when every input and output has a leading free dimension, so that requests may share a run.
bool takes_batches(const Backend& backend);

}  // namespace fettle::serving
