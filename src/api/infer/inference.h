// The calls of the Open Inference Protocol, free of their wire: HTTP and gRPC decode, call one of these, and encode.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "api/infer/endpoint_infer.h"
#include "base/clock.h"
#include "serving/model_repository.h"
#include "serving/runtime.h"

namespace fettle::api::infer {

struct InferenceConfig {
  std::string server_name = "fettle";  // Triton's own samples assert "triton"
  std::string server_version;
  int not_ready_status = 400;  // HTTP; some probes prefer 503
};

// Thread-safe. Collaborators must outlive it; `repository` and `endpoints` may be null.
class Inference {
 public:
  struct Parts {
    serving::Runtime& runtime;
    const Clock& clock;
    serving::ModelRepository* repository = nullptr;
    EndpointInfer* endpoints = nullptr;
  };
  Inference(InferenceConfig config, Parts parts) : config_(std::move(config)), parts_(parts) {}

  const InferenceConfig& config() const { return config_; }
  static std::vector<std::string> extensions();

  // From now on neither live nor ready, and new inference is refused.
  void stop() { stopping_ = true; }
  bool live() const { return !stopping_; }
  // Every model that should be loaded answers with some version; those that were unloaded on purpose do not count.
  bool ready() const;

  // not_found with the protocol's text, unavailable, invalid_argument (name or version malformed).
  ModelDescription describe(std::string_view name, std::string_view version) const;
  // False while known but not ready; throws not_found.
  bool model_ready(std::string_view name, std::string_view version) const;
  // `done` gets the same errors as value. The answer always holds the parameter `prediction_id`.
  void infer(std::string_view name, std::string_view version, serving::InferRequest request, const Caller& caller,
             serving::InferDone done) const;

  // All versions of all models when `name` is empty; invalid_argument `requested model 'x' is not available`.
  std::vector<serving::ModelStatistics> statistics(std::string_view name, std::string_view version) const;
  enum class IndexFilter { all, ready };
  std::vector<serving::ModelStatus> index(IndexFilter filter) const;
  // unavailable unless models are controlled explicitly; otherwise failures say `failed to load 'x', <reason>`.
  void load(std::string_view name) const;
  void unload(std::string_view name) const;

  const Clock& clock() const { return parts_.clock; }

 private:
  void check_address(std::string_view name, std::string_view version) const;
  bool is_endpoint(std::string_view name, std::string_view version) const;
  serving::ModelRepository& repository_for(std::string_view name) const;

  const InferenceConfig config_;
  const Parts parts_;
  std::atomic<bool> stopping_{false};
};

}  // namespace fettle::api::infer
