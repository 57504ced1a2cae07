// MLflow's REST, served over the tracking and registry domains: tracking 2.0, logged models, registry, proxied
// artifacts.
//   router.add(api::mlflow::routes(tracking, registry, {.version = "3.17.2"}));
//   for (auto prefix : api::mlflow::kSurfacePrefixes) router.add_error_surface(prefix,
//   api::mlflow::unknown_route_answer);
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/mlflow/errors.h"
#include "http/router.h"
#include "registry/registry.h"
#include "tracking/tracking.h"

namespace fettle::api::mlflow {

struct Config {
  std::string version = "3.17.2";                 // the MLflow version whose API is served; clients ask
  size_t artifact_limit_bytes = size_t{1} << 40;  // one uploaded file
};

inline constexpr std::array<std::string_view, 4> kSurfacePrefixes = {"/api/2.0/", "/ajax-api/", "/api/3.0/",
                                                                     "/api/4.0/"};

// The domains must outlive the routes. Includes `/version`, `/get-artifact` and `/model-versions/get-artifact`;
// `/health` is the server's own.
std::vector<http::Route> routes(tracking::Tracking& tracking, registry::Registry& registry, const Config& config = {});

// What the registry asks about runs and logged models, answered by tracking.
class TrackingSources final : public registry::Sources {
 public:
  explicit TrackingSources(const tracking::Tracking& tracking) : tracking_(tracking) {}
  std::optional<std::string> run_artifact_uri(const std::string& run_id) const override;
  std::optional<Model> logged_model(const std::string& model_id) const override;

 private:
  const tracking::Tracking& tracking_;
};

}  // namespace fettle::api::mlflow
