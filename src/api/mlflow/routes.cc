#include "api/mlflow/routes.h"

#include "api/mlflow/resources.h"

namespace fettle::api::mlflow {

std::vector<http::Route> routes(tracking::Tracking& tracking, registry::Registry& registry, const Config& config) {
  Table table;
  add_experiment_routes(table, tracking);
  add_run_routes(table, tracking);
  add_metric_routes(table, tracking);
  add_logged_model_routes(table, tracking);
  add_registered_model_routes(table, registry);
  add_model_version_routes(table, registry);
  add_artifact_routes(table, tracking, registry, config.artifact_limit_bytes);
  add_server_routes(table, config.version);
  return table.take();
}

std::optional<std::string> TrackingSources::run_artifact_uri(const std::string& run_id) const {
  auto run = tracking_.runs.find(run_id);
  if (!run) return std::nullopt;
  return run->artifact_uri;
}

std::optional<registry::Sources::Model> TrackingSources::logged_model(const std::string& model_id) const {
  auto model = tracking_.models.find(model_id);
  if (!model || model->deleted) return std::nullopt;
  return Model{model->artifact_uri, model->source_run_id};
}

}  // namespace fettle::api::mlflow
