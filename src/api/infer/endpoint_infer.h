// What the inference surfaces need of endpoints; the gateway answers it (connected in app/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "serving/runtime.h"

namespace fettle::api::infer {

// Who asked, and what routing may look at.
struct Caller {
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case; without credentials and cookies
  std::string principal;
  std::string remote_address;
  std::string request_id;
  int64_t received_ns = 0;  // steady clock
};

struct ModelDescription {
  std::string name;
  std::vector<std::string> versions;
  std::string platform = "onnxruntime_onnx";
  std::vector<serving::TensorSpec> inputs;  // full shapes
  std::vector<serving::TensorSpec> outputs;
  int64_t max_batch_size = 0;
  serving::BatchingConfig batching = {};
};

// Thread-safe.
class EndpointInfer {
 public:
  virtual ~EndpointInfer() = default;
  virtual bool has(std::string_view name) const = 0;
  // Its own name, the inputs and outputs of the model that it serves now, and the versions it may route to. unavailable
  // while it does not serve. Readiness is whether this succeeds.
  virtual Outcome<ModelDescription> describe(std::string_view name) const = 0;
  // Answers `done` as ModelPin::infer does. The answer's parameter `prediction_id` becomes the header x-prediction-id.
  virtual void infer(std::string_view name, serving::InferRequest request, const Caller& caller,
                     serving::InferDone done) = 0;
};

}  // namespace fettle::api::infer
