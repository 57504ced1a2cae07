// The parts of the route table, one resource each.
#pragma once

#include "api/mlflow/table.h"
#include "registry/registry.h"
#include "tracking/tracking.h"

namespace fettle::api::mlflow {

void add_experiment_routes(Table& table, tracking::Tracking& tracking);
void add_run_routes(Table& table, tracking::Tracking& tracking);
void add_metric_routes(Table& table, tracking::Tracking& tracking);
void add_logged_model_routes(Table& table, tracking::Tracking& tracking);
void add_registered_model_routes(Table& table, registry::Registry& registry);
void add_model_version_routes(Table& table, registry::Registry& registry);
void add_artifact_routes(Table& table, tracking::Tracking& tracking, registry::Registry& registry, size_t limit_bytes);
// Version, server-info, and the endpoints that are not there yet.
void add_server_routes(Table& table, const std::string& version);

std::vector<tracking::KeyValue> read_tags(const Message& in, std::string_view name = "tags");
tracking::View read_view(const Message& in, std::string_view name);
// `files` of a directory: entries named `prefix` + base name.
std::string write_files(const std::vector<tracking::ArtifactEntry>& entries, const std::string& prefix,
                        const std::string* root_uri);

}  // namespace fettle::api::mlflow
