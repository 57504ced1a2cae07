#include "api/mlflow/encode.h"

namespace fettle::api::mlflow {
namespace {

template <class KeyValue>
void write_key_value(json::Writer& out, const KeyValue& item) {
  out.begin_object().key("key").string(item.key).key("value").string(item.value).end_object();
}

template <class Items>
void write_key_values(json::Writer& out, std::string_view name, const Items& items) {
  write_list(out, name, items, [](json::Writer& w, const auto& item) { write_key_value(w, item); });
}

// Absent when empty.
void write_text(json::Writer& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.key(name).string(text);
}

void write_dataset_input(json::Writer& out, const tracking::DatasetInput& input) {
  out.begin_object();
  write_key_values(out, "tags", input.tags);
  out.key("dataset").begin_object();
  out.key("name").string(input.dataset.name).key("digest").string(input.dataset.digest);
  out.key("source_type").string(input.dataset.source_type).key("source").string(input.dataset.source);
  write_text(out, "schema", input.dataset.schema);
  write_text(out, "profile", input.dataset.profile);
  out.end_object().end_object();
}

void write_inputs(json::Writer& out, const tracking::Run& run) {
  out.key("inputs").begin_object();
  write_list(out, "dataset_inputs", run.dataset_inputs, write_dataset_input);
  write_list(out, "model_inputs", run.model_inputs,
             [](json::Writer& w, const std::string& id) { w.begin_object().key("model_id").string(id).end_object(); });
  out.end_object();
}

std::string_view status_name(tracking::ModelStatus status) {
  switch (status) {
    case tracking::ModelStatus::unspecified: return "LOGGED_MODEL_STATUS_UNSPECIFIED";
    case tracking::ModelStatus::pending: return "LOGGED_MODEL_PENDING";
    case tracking::ModelStatus::ready: return "LOGGED_MODEL_READY";
    case tracking::ModelStatus::upload_failed: return "LOGGED_MODEL_UPLOAD_FAILED";
  }
  return "";
}

}  // namespace

void write_experiment(json::Writer& out, const tracking::Experiment& e) {
  out.begin_object();
  out.key("experiment_id").string(std::to_string(e.id)).key("name").string(e.name);
  out.key("artifact_location").string(e.artifact_location);
  out.key("lifecycle_stage").string(e.deleted ? "deleted" : "active");
  out.key("last_update_time").integer(e.updated_ms).key("creation_time").integer(e.created_ms);
  write_key_values(out, "tags", e.tags);
  out.key("workspace").string("default").end_object();
}

void write_run_info(json::Writer& out, const tracking::RunInfo& info) {
  out.begin_object();
  out.key("run_uuid").string(info.id).key("experiment_id").string(std::to_string(info.experiment_id));
  out.key("run_name").string(info.name).key("user_id").string(info.user_id);
  out.key("status").string(tracking::format_status(info.status)).key("start_time").integer(info.start_ms);
  if (info.end_ms) out.key("end_time").integer(*info.end_ms);
  out.key("artifact_uri").string(info.artifact_uri);
  out.key("lifecycle_stage").string(info.deleted ? "deleted" : "active");
  out.key("run_id").string(info.id).end_object();
}

void write_metric(json::Writer& out, const tracking::Metric& m) {
  out.begin_object().key("key").string(m.key).key("value").number(m.value);
  out.key("timestamp").integer(m.timestamp_ms).key("step").integer(m.step);
  write_text(out, "dataset_name", m.dataset_name);
  write_text(out, "dataset_digest", m.dataset_digest);
  write_text(out, "model_id", m.model_id);
  write_text(out, "run_id", m.run_id);
  out.end_object();
}

void write_run(json::Writer& out, const tracking::Run& run, Outputs outputs) {
  out.begin_object().key("info");
  write_run_info(out, run.info);
  out.key("data").begin_object();
  write_list(out, "metrics", run.metrics, write_metric);
  write_key_values(out, "params", run.params);
  write_key_values(out, "tags", run.tags);
  out.end_object();
  write_inputs(out, run);
  if (outputs == Outputs::write) {
    out.key("outputs").begin_object();
    write_list(out, "model_outputs", run.model_outputs, [](json::Writer& w, const tracking::ModelOutput& output) {
      w.begin_object().key("model_id").string(output.model_id).key("step").integer(output.step).end_object();
    });
    out.end_object();
  }
  out.end_object();
}

void write_logged_model(json::Writer& out, const tracking::LoggedModel& m) {
  out.begin_object().key("info").begin_object();
  out.key("model_id")
      .string(m.id)
      .key("experiment_id")
      .string(std::to_string(m.experiment_id))
      .key("name")
      .string(m.name);
  out.key("creation_timestamp_ms").integer(m.created_ms).key("last_updated_timestamp_ms").integer(m.updated_ms);
  out.key("artifact_uri").string(m.artifact_uri).key("status").string(status_name(m.status));
  write_text(out, "model_type", m.model_type);
  write_text(out, "source_run_id", m.source_run_id);
  write_key_values(out, "tags", m.tags);
  out.end_object().key("data").begin_object();
  write_key_values(out, "params", m.params);
  write_list(out, "metrics", m.metrics, write_metric);
  out.end_object().end_object();
}

void write_model_version(json::Writer& out, const registry::ModelVersion& v) {
  out.begin_object();
  out.key("name").string(v.model).key("version").string(std::to_string(v.version));
  out.key("creation_timestamp").integer(v.created_ms).key("last_updated_timestamp").integer(v.updated_ms);
  out.key("user_id").string(v.user_id).key("current_stage").string(v.stage).key("description").string(v.description);
  out.key("source").string(v.source).key("run_id").string(v.run_id).key("status").string("READY");
  write_key_values(out, "tags", v.tags);
  out.key("run_link").string(v.run_link);
  write_list(out, "aliases", v.aliases, [](json::Writer& w, const std::string& alias) { w.string(alias); });
  out.end_object();
}

void write_registered_model(json::Writer& out, const registry::RegisteredModel& m) {
  out.begin_object().key("name").string(m.name);
  out.key("creation_timestamp").integer(m.created_ms).key("last_updated_timestamp").integer(m.updated_ms);
  out.key("user_id").string(m.user_id);
  if (m.description) out.key("description").string(*m.description);
  write_list(out, "latest_versions", m.latest_versions, write_model_version);
  write_key_values(out, "tags", m.tags);
  write_list(out, "aliases", m.aliases, [](json::Writer& w, const registry::Alias& alias) {
    w.begin_object().key("alias").string(alias.name).key("version").string(std::to_string(alias.version)).end_object();
  });
  out.end_object();
}

}  // namespace fettle::api::mlflow
