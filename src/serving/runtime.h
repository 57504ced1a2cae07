// The serving runtime: loaded model versions, their batchers, and inference on them. The edges (HTTP, gRPC, gateway)
// share it.
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
  std::string id;  // the client's, echoed
  std::vector<tensor::Tensor> inputs;
  std::vector<RequestedOutput> outputs;  // empty: all
  Parameters parameters;
  int64_t deadline_ns = 0;  // steady clock; 0: none. Expired work is dropped with deadline_exceeded.
  // True when nobody waits for the answer any more: work that has not begun is dropped with aborted. Asked from
  // instance threads.
  std::function<bool()> abandoned = nullptr;
};

struct InferTimes {  // nanoseconds
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

// Called exactly once: on an instance thread, or on the caller's before infer() returns (refusals, and models so cheap
// that a hand-over would cost more than the run). Must not block; hold no lock over infer() that it takes too.
using InferDone = std::function<void(Outcome<InferResponse>)>;

struct TensorSpec {
  std::string name;
  tensor::DType dtype = tensor::DType::fp32;
  tensor::Shape shape;  // -1: any
  bool optional = false;
  std::vector<std::string> dim_names =
      {};  // symbolic names, "" where fixed or unnamed; equal names must have equal sizes in a request
};

enum class Oversize { run_alone, refuse };  // a single request of more rows than max_batch_size

struct BatchingConfig {
  bool enabled = true;
  int64_t max_batch_size = 64;  // rows; 0: the model takes no batch dimension
  int64_t max_delay_us = 0;     // how long the oldest request may wait for company
  std::vector<int64_t> preferred_sizes;
  size_t queue_limit = 4096;  // requests; beyond it: unavailable
  size_t instances = 1;       // threads that run the model
  Oversize oversize = Oversize::run_alone;
};

// What to load. The content is a file, or bytes that the registry's artifact gave.
struct ModelSource {
  std::string name;
  std::string version = "1";
  std::string platform = "onnxruntime_onnx";
  std::string file;                          // path of model.onnx, or empty
  std::shared_ptr<const std::string> bytes;  // else the content
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
  virtual int64_t max_batch_size() const = 0;  // rows that share a run; 0: the model takes no batches
  virtual const BatchingConfig& batching() const {
    static const BatchingConfig kDefault;
    return kDefault;
  }
  virtual void infer(InferRequest request, InferDone done) = 0;
};

struct ModelStatus {
  std::string name;
  std::string version;
  std::string state;  // "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
  std::string reason;
};

struct DurationStatistics {
  uint64_t count = 0;
  uint64_t ns = 0;
};

// What a version did since it was loaded. Durations are summed per request: a run of a batch of n requests adds its
// time n times.
struct ModelStatistics {
  std::string name;
  std::string version;
  int64_t last_inference_ms = 0;  // since 1970; 0: never
  uint64_t inference_count = 0;   // rows
  uint64_t execution_count = 0;   // runs of the model
  DurationStatistics success;     // from submission to answer
  DurationStatistics fail;
  DurationStatistics queue;
  DurationStatistics compute_input;
  DurationStatistics compute_infer;
  DurationStatistics compute_output;
  struct Batch {
    int64_t rows = 0;
    DurationStatistics compute_input;
    DurationStatistics compute_infer;
    DurationStatistics compute_output;
  };
  std::vector<Batch> batches;  // by rows
};

// What a model costs, measured by running it (validation gates use it).
struct ModelCost {
  double load_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  int64_t memory_bytes = 0;  // resident growth by loading and running
  int64_t size_bytes = 0;    // of the model's content
};

struct CostLimits {
  int64_t max_runs = 1000;
  int64_t max_time_ms = 2000;  // no further run starts after it
};

// Thread-safe. pin() and infer() read an immutable snapshot; load() and unload() block until done.
class Runtime {
 public:
  virtual ~Runtime() = default;

  // Loads, warms up and swaps in. A failed load keeps what served before. Errors: invalid_argument (corrupt or
  // unsupported model), failed_precondition (ONNX Runtime is missing; the message says how to get it).
  virtual void load(const ModelSource& source) = 0;
  // Waits for pinned requests. not_found when it is not loaded. Empty version: all versions.
  virtual void unload(std::string_view name, std::string_view version) = 0;

  // The version named, or the highest number when empty. not_found, or unavailable when it is known but not ready.
  virtual Outcome<std::shared_ptr<ModelPin>> pin(std::string_view name, std::string_view version) const = 0;
  virtual std::vector<ModelStatus> models() const = 0;

  // Of the loaded versions, in order of name and version.
  virtual std::vector<ModelStatistics> statistics() const { return {}; }
  // Loads the model beside what serves, runs `sample` (all inputs, any number of rows) again and again, and unloads it.
  // Blocks for up to limits.max_time_ms and a run. Errors as load()'s, and those of the sample's first run.
  virtual ModelCost measure_cost(const ModelSource& source, const std::vector<tensor::Tensor>& sample,
                                 const CostLimits& limits) {
    static_cast<void>(sample), static_cast<void>(limits);
    fail(Code::unimplemented, "this runtime cannot measure model '{}'", source.name);
  }
};

struct RuntimeConfig {
  std::string
      onnxruntime_library;       // a path named by FETTLE_ONNXRUNTIME or the configuration; empty: searched (ort_api.h)
  std::string binary_directory;  // searched next; empty: that of the running program
  size_t run_threads = 0;        // runs at one moment, over all models; 0: one a core
  int intra_op_threads = 1;      // threads inside one run, of one pool for all models
  uint64_t model_limit_bytes = uint64_t{2} << 30;
  int64_t unload_wait_ms = 10'000;  // for requests in flight; what still holds a version then keeps it until it is done
  int64_t inline_cost_us = 50;  // a model cheaper than this runs on the caller's thread when nothing waits; 0: never
};

// The runtime of the product. `clock` and `registry` must outlive it, and all pins must be released before it is
// destroyed. ONNX Runtime is opened by the first load that needs it.
std::unique_ptr<Runtime> make_runtime(RuntimeConfig config, const Clock& clock, metrics::Registry& registry);

}  // namespace fettle::serving
