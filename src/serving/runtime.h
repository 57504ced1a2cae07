// The serving runtime: loaded model versions, their batchers, and inference on them. The edges (HTTP, gRPC, gateway) share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "metrics/registry.h"
#include "tensor/tensor.h"

namespace fettle::serving {

using Parameter = std::variant<bool, int64_t, double, std::string>;
using Parameters = std::vector<std::pair<std::string, Parameter>>;

struct RequestedOutput {
  std::string name;
  Parameters parameters;
};

struct InferRequest {
  std::string id;                       // the client's, echoed
  std::vector<tensor::Tensor> inputs;
  std::vector<RequestedOutput> outputs; // empty: all
  Parameters parameters;
  int64_t deadline_ns = 0;              // steady clock; 0: none. Expired work is dropped with deadline_exceeded.
};

struct InferTimes {                     // nanoseconds
  int64_t queue_ns = 0;
  int64_t compute_ns = 0;
};

struct InferResponse {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<tensor::Tensor> outputs;
  Parameters parameters;
  InferTimes times;
};

// Called exactly once, on an instance thread (or the caller's, for refusals). Must not block.
using InferDone = std::function<void(Outcome<InferResponse>)>;

struct TensorSpec {
  std::string name;
  tensor::DType dtype = tensor::DType::fp32;
  tensor::Shape shape;  // -1: any
  bool optional = false;
};

struct BatchingConfig {
  bool enabled = true;
  int64_t max_batch_size = 64;     // rows; 0: the model takes no batch dimension
  int64_t max_delay_us = 0;        // how long the oldest request may wait for company
  std::vector<int64_t> preferred_sizes;
  size_t queue_limit = 4096;       // requests; beyond it: unavailable
  size_t instances = 1;            // threads that run the model
};

// What to load. The content is a file, or bytes that the registry's artifact gave.
struct ModelSource {
  std::string name;
  std::string version = "1";
  std::string platform = "onnxruntime_onnx";
  std::string file;                                // path of model.onnx, or empty
  std::shared_ptr<const std::string> bytes;        // else the content
  BatchingConfig batching;
};

// A loaded version that cannot be unloaded while it is held.
class ModelPin {
 public:
  virtual ~ModelPin() = default;
  virtual const std::string& name() const = 0;
  virtual const std::string& version() const = 0;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  virtual const std::string& platform() const = 0;
  virtual int64_t max_batch_size() const = 0;
  virtual void infer(InferRequest request, InferDone done) = 0;
};

struct ModelStatus {
  std::string name;
  std::string version;
  std::string state;   // "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
  std::string reason;
};

// Thread-safe. pin() and infer() read an immutable snapshot; load() and unload() block until done.
class Runtime {
 public:
  virtual ~Runtime() = default;

  // Loads, warms up and swaps in. A failed load keeps what served before. Errors: invalid_argument (corrupt or unsupported model),
  // failed_precondition (ONNX Runtime is missing; the message says how to get it).
  virtual void load(const ModelSource& source) = 0;
  // Waits for pinned requests. not_found when it is not loaded. Empty version: all versions.
  virtual void unload(std::string_view name, std::string_view version) = 0;

  // The version named, or the highest number when empty. not_found, or unavailable when it is known but not ready.
  virtual Outcome<std::shared_ptr<ModelPin>> pin(std::string_view name, std::string_view version) const = 0;
  virtual std::vector<ModelStatus> models() const = 0;
};

// What a model costs, measured by running it (validation gates use it).
struct ModelCost {
  double load_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  int64_t memory_bytes = 0;  // resident growth by loading and running
  int64_t size_bytes = 0;    // of the model's content
};

}  // namespace fettle::serving
