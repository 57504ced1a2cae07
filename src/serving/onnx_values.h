// Between tensors and ONNX Runtime's values and types.
#pragma once

#include <memory>
#include <string>

#include "serving/ort_api.h"
#include "serving/runtime.h"
#include "tensor/tensor.h"

namespace fettle::serving {

// A session with the library it came from. Outputs of runs live in the session's memory and hold it.
struct OnnxSession {
  OnnxSession() = default;
  ~OnnxSession();
  OnnxSession(const OnnxSession&) = delete;
  OnnxSession& operator=(const OnnxSession&) = delete;
  std::shared_ptr<OrtLibrary> library;
  OrtSession* session = nullptr;
};

struct OnnxRelease {
  void (*release)(OrtValue*) = nullptr;
  void operator()(OrtValue* value) const { release(value); }
};
using OnnxValue = std::unique_ptr<OrtValue, OnnxRelease>;

enum class IoRole { input, output };

// The protocol's view of an input or output. A classifier's sequence of maps (label -> probability) is offered as FP32
// [rows, classes]. Throws invalid_argument for a type that the protocol cannot carry, with the way out.
TensorSpec describe_type(const OrtLibrary& library, const OrtTypeInfo* type, IoRole role, const std::string& name);

// Borrows `from.data`, which must outlive the value; strings are copied.
OnnxValue to_onnx_value(const OrtLibrary& library, const tensor::Tensor& from);

// The result borrows the value's memory and holds it; strings and maps are copied.
tensor::Tensor from_onnx_value(const std::shared_ptr<OnnxSession>& session, OnnxValue value, const TensorSpec& spec);

}  // namespace fettle::serving
