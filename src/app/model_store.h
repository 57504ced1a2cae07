// Registered models as the gateway, monitoring and gates need them: resolved, loaded into the runtime, with their
// training sample.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/model_resolver.h"
#include "monitoring/reference.h"
#include "registry/registry.h"
#include "serving/runtime.h"
#include "tracking/tracking.h"

namespace fettle::app {

// Thread-safe.
class ModelStore final : public gateway::ModelResolver, public monitoring::ReferenceSource {
 public:
  ModelStore(registry::Registry& registry, tracking::Tracking& tracking, serving::Runtime& runtime)
      : registry_(registry), tracking_(tracking), runtime_(runtime) {}

  std::optional<std::string> resolve(const gateway::ModelRef& ref) override;
  void ensure_loaded(const std::string& model, const std::string& version) override;
  std::shared_ptr<const stats::Table> reference(const std::string& model, const std::string& version,
                                                const std::string& artifact) override;
  void move_alias(sql::Connection& connection, const gateway::AliasMove& move) override;

  std::optional<monitoring::Reference> reference(const monitoring::ReferenceQuery& query) override;

  // `selector`: a version, or "@alias".
  std::optional<registry::ModelVersion> find(const std::string& model, const std::string& selector) const;
  // The ONNX file among the version's artifacts. failed_precondition when it has none.
  serving::ModelSource source(const std::string& model, const std::string& version) const;

 private:
  registry::Registry& registry_;
  tracking::Tracking& tracking_;
  serving::Runtime& runtime_;
  std::mutex loading_;  // one load at a time
};

}  // namespace fettle::app
