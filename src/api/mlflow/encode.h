// Entities as MLflow's JSON: snake_case, int64 as numbers, unset fields absent, empty lists absent
// (spec/mlflow.md 1.1, 2.1).
#pragma once

#include "json/json.h"
#include "registry/types.h"
#include "tracking/types.h"

namespace fettle::api::mlflow {

void write_experiment(json::Writer& out, const tracking::Experiment& experiment);
void write_run_info(json::Writer& out, const tracking::RunInfo& info);
// A run just created has no `outputs`.
enum class Outputs { write, omit };
void write_run(json::Writer& out, const tracking::Run& run, Outputs outputs = Outputs::write);
void write_metric(json::Writer& out, const tracking::Metric& metric);
void write_logged_model(json::Writer& out, const tracking::LoggedModel& model);
void write_model_version(json::Writer& out, const registry::ModelVersion& version);
void write_registered_model(json::Writer& out, const registry::RegisteredModel& model);

// `"name": [ … ]`, absent when empty. `write(out, item)` writes each.
template <class Items, class Write>
void write_list(json::Writer& out, std::string_view name, const Items& items, const Write& write) {
  if (items.empty()) return;
  out.key(name).begin_array();
  for (const auto& item : items) write(out, item);
  out.end_array();
}

// {"<name>": {…}}
template <class Item, class Write>
std::string wrapped(std::string_view name, const Item& item, const Write& write) {
  std::string body;
  json::Writer out(body);
  out.begin_object().key(name);
  write(out, item);
  out.end_object();
  return body;
}

}  // namespace fettle::api::mlflow
