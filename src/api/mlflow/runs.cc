#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"
#include "api/mlflow/searches.h"

namespace fettle::api::mlflow {
namespace {

constexpr int64_t kPageLimit = 50'000;
constexpr size_t kExperimentLimit = 1000;  // experiments of one search

std::optional<tracking::RunStatus> read_status(const Message& in) {
  const json::Value* value = in.find("status");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    if (auto status = tracking::parse_status(value->get_string())) return status;
  } else if (value->is_int64() && value->get_int64() >= 1 && value->get_int64() <= 5) {
    return static_cast<tracking::RunStatus>(value->get_int64());
  }
  in.fail_type("status", *value);
}

std::string create(tracking::Runs& runs, const Message& in) {
  tracking::Runs::Create request{.user_id = in.string_or("user_id"),
                                 .name = in.string_or("run_name"),
                                 .start_ms = in.find_integer("start_time").value_or(0),
                                 .tags = read_tags(in)};
  if (in.has("experiment_id")) request.experiment_id = in.experiment_id();
  auto run = runs.create(request);
  return wrapped("run", run, [](json::Writer& out, const tracking::Run& made) { write_run(out, made, Outputs::omit); });
}

std::string update(tracking::Runs& runs, const Message& in) {
  auto info = runs.update({in.run_id(), read_status(in), in.find_integer("end_time"), in.string_or("run_name")});
  return wrapped("run_info", info, write_run_info);
}

tracking::Metric read_metric(const Message& in) {
  return {.key = in.string("key"),
          .value = in.number("value"),
          .timestamp_ms = in.integer("timestamp"),
          .step = in.find_integer("step").value_or(0),
          .model_id = in.string_or("model_id"),
          .dataset_name = in.string_or("dataset_name"),
          .dataset_digest = in.string_or("dataset_digest")};
}

std::string log_batch(tracking::Runs& runs, const Message& in) {
  tracking::LogBatch batch{.run_id = in.run_id()};
  for (const auto& metric : in.messages("metrics")) batch.metrics.push_back(read_metric(metric));
  batch.params = read_tags(in, "params");
  batch.tags = read_tags(in);
  runs.log(std::move(batch));
  return "";
}

std::string log_inputs(tracking::Runs& runs, const Message& in) {
  std::vector<tracking::DatasetInput> inputs;
  for (const auto& item : in.messages("datasets")) {
    auto dataset = item.find_message("dataset");
    if (!dataset) item.fail_missing("dataset");
    inputs.push_back({.tags = read_tags(item),
                      .dataset = {.name = dataset->string("name"),
                                  .digest = dataset->string("digest"),
                                  .source_type = dataset->string("source_type"),
                                  .source = dataset->string("source"),
                                  .schema = dataset->string_or("schema"),
                                  .profile = dataset->string_or("profile")}});
  }
  std::vector<std::string> models;
  for (const auto& model : in.messages("models")) models.push_back(model.string("model_id"));
  runs.log_inputs(in.run_id(), inputs, models);
  return "";
}

std::string log_outputs(tracking::Runs& runs, const Message& in) {
  std::vector<tracking::ModelOutput> outputs;
  for (const auto& model : in.messages("models")) {
    outputs.push_back({model.string("model_id"), model.find_integer("step").value_or(0)});
  }
  runs.log_outputs(in.run_id(), outputs);
  return "";
}

std::string search(const tracking::Runs& runs, const Message& in) {
  tracking::RunQuery query;
  for (const auto& id : in.strings("experiment_ids")) query.experiment_ids.push_back(parse_experiment_id(id));
  if (query.experiment_ids.size() > kExperimentLimit) {
    fail(Code::invalid_argument, "a search can name at most {} experiments, got {}", kExperimentLimit,
         query.experiment_ids.size());
  }
  query.view = read_view(in, "run_view_type");
  query.limit = read_max_results(in, 1000, kPageLimit);
  query.conditions = run_conditions(in.string_or("filter"));
  query.order = run_order(in.strings("order_by"));
  query.after = read_page_token(in);
  auto page = runs.search(query);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "runs", page.items, [](json::Writer& w, const tracking::Run& run) { write_run(w, run); });
  if (page.next) out.key("next_page_token").string(format_page_token(*page.next));
  out.end_object();
  return body;
}

void add_logging(Table& table, tracking::Runs& runs) {
  table.write("POST", "/runs/log-metric", [&](const Message& in, const http::Request&) {
    runs.log({.run_id = in.run_id(), .metrics = {read_metric(in)}}, tracking::Runs::Wording::single);
    return "";
  });
  table.write("POST", "/runs/log-parameter", [&](const Message& in, const http::Request&) {
    runs.log({.run_id = in.run_id(), .params = {{in.string("key"), in.string_or("value")}}},
             tracking::Runs::Wording::single);
    return "";
  });
  table.write("POST", "/runs/set-tag", [&](const Message& in, const http::Request&) {
    runs.log({.run_id = in.run_id(), .tags = {{in.string("key"), in.string_or("value")}}},
             tracking::Runs::Wording::single);
    return "";
  });
  table.write("POST", "/runs/delete-tag", [&](const Message& in, const http::Request&) {
    runs.delete_tag(in.run_id(), in.string("key"));
    return "";
  });
  table.write("POST", "/runs/log-batch", [&](const Message& in, const http::Request&) { return log_batch(runs, in); });
  table.write("POST", "/runs/log-inputs",
              [&](const Message& in, const http::Request&) { return log_inputs(runs, in); });
  table.write("POST", "/runs/outputs", [&](const Message& in, const http::Request&) { return log_outputs(runs, in); });
}

}  // namespace

void add_run_routes(Table& table, tracking::Tracking& tracking) {
  auto& runs = tracking.runs;
  table.write("POST", "/runs/create", [&](const Message& in, const http::Request&) { return create(runs, in); });
  table.write("POST", "/runs/update", [&](const Message& in, const http::Request&) { return update(runs, in); });
  table.read("GET", "/runs/get", [&](const Message& in, const http::Request&) {
    return wrapped("run", runs.get(in.run_id()),
                   [](json::Writer& out, const tracking::Run& run) { write_run(out, run); });
  });
  table.write("POST", "/runs/delete", [&](const Message& in, const http::Request&) {
    runs.remove(in.run_id());
    return "";
  });
  table.write("POST", "/runs/restore", [&](const Message& in, const http::Request&) {
    runs.restore(in.run_id());
    return "";
  });
  table.read("POST", "/runs/search", [&](const Message& in, const http::Request&) { return search(runs, in); });
  add_logging(table, runs);
  table.read("GET", "/artifacts/list", [&tracking](const Message& in, const http::Request&) {
    std::string root = tracking.runs.get(in.run_id()).info.artifact_uri;
    std::string below = in.string_or("path");
    std::string directory = tracking::Artifacts::path_of(root, below);
    std::string prefix = directory.substr(tracking::Artifacts::path_of(root).size());
    if (prefix.starts_with('/')) prefix.erase(0, 1);
    return write_files(tracking.artifacts.list(directory), prefix.empty() ? "" : prefix + "/", &root);
  });
}

}  // namespace fettle::api::mlflow
