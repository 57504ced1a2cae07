#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"
#include "api/mlflow/searches.h"

namespace fettle::api::mlflow {
namespace {

constexpr int64_t kPageLimit = 1000;

std::string id_of(const http::Request& request) { return std::string(request.param("id")); }

tracking::ModelStatus read_status(const Message& in) {
  const json::Value* value = in.find("status");
  if (value == nullptr) in.fail_missing("status");
  std::string_view text = value->is_string() ? std::string_view(value->get_string()) : std::string_view();
  int64_t number = value->is_int64() ? value->get_int64() : 0;
  if (text == "LOGGED_MODEL_PENDING" || number == 1) return tracking::ModelStatus::pending;
  if (text == "LOGGED_MODEL_READY" || number == 2) return tracking::ModelStatus::ready;
  if (text == "LOGGED_MODEL_UPLOAD_FAILED" || number == 3) return tracking::ModelStatus::upload_failed;
  in.fail_type("status", *value);
}

std::string create(tracking::LoggedModels& models, const Message& in) {
  auto model = models.create({.experiment_id = in.experiment_id(),
                              .name = in.string_or("name"),
                              .model_type = in.string_or("model_type"),
                              .source_run_id = in.string_or("source_run_id"),
                              .params = read_tags(in, "params"),
                              .tags = read_tags(in)});
  return wrapped("model", model, write_logged_model);
}

std::string search(const tracking::LoggedModels& models, const Message& in) {
  tracking::LoggedModelQuery query;
  for (const auto& id : in.strings("experiment_ids")) query.experiment_ids.push_back(parse_experiment_id(id));
  if (query.experiment_ids.empty()) in.fail_missing("experiment_ids");
  query.conditions = logged_model_conditions(in.string_or("filter"));
  for (const auto& dataset : in.messages("datasets")) {
    query.datasets.push_back({dataset.string("dataset_name"), dataset.string_or("dataset_digest")});
  }
  for (const auto& term : in.messages("order_by")) {
    query.order.push_back(logged_model_order(term.string("field_name"), term.boolean_or("ascending", true)));
  }
  // 0 means the default here.
  if (in.find_integer("max_results").value_or(0) != 0) query.limit = read_max_results(in, query.limit, kPageLimit);
  query.after = read_page_token(in);
  auto page = models.search(query);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "models", page.items, write_logged_model);
  if (page.next) out.key("next_page_token").string(format_page_token(*page.next));
  out.end_object();
  return body;
}

}  // namespace

void add_logged_model_routes(Table& table, tracking::Tracking& tracking) {
  auto& models = tracking.models;
  using Deleted = tracking::LoggedModels::Deleted;
  table.write("POST", "/logged-models", [&](const Message& in, const http::Request&) { return create(models, in); });
  table.read("POST", "/logged-models/search",
             [&](const Message& in, const http::Request&) { return search(models, in); });
  table.read("GET", "/logged-models/{id}", [&](const Message& in, const http::Request& request) {
    auto deleted = in.boolean_or("allow_deleted", false) ? Deleted::allow : Deleted::refuse;
    return wrapped("model", models.get(id_of(request), deleted), write_logged_model);
  });
  table.write("PATCH", "/logged-models/{id}", [&](const Message& in, const http::Request& request) {
    return wrapped("model", models.finalise(id_of(request), read_status(in)), write_logged_model);
  });
  table.write("DELETE", "/logged-models/{id}", [&](const Message&, const http::Request& request) {
    models.remove(id_of(request));
    return "";
  });
  table.write("PATCH", "/logged-models/{id}/tags", [&](const Message& in, const http::Request& request) {
    models.set_tags(id_of(request), read_tags(in));
    return "";
  });
  table.write("DELETE", "/logged-models/{id}/tags/{key}", [&](const Message&, const http::Request& request) {
    models.delete_tag(id_of(request), std::string(request.param("key")));
    return "";
  });
  table.write("POST", "/logged-models/{id}/params", [&](const Message& in, const http::Request& request) {
    models.add_params(id_of(request), read_tags(in, "params"));
    return "";
  });
  table.read("GET", "/logged-models/{id}/artifacts/directories",
             [&tracking](const Message& in, const http::Request& request) {
               std::string root = tracking.models.get(id_of(request)).artifact_uri;
               std::string directory = tracking::Artifacts::path_of(root, in.string_or("artifact_directory_path"));
               std::string prefix = directory.substr(tracking::Artifacts::path_of(root).size());
               if (prefix.starts_with('/')) prefix.erase(0, 1);
               return write_files(tracking.artifacts.list(directory), prefix.empty() ? "" : prefix + "/", &root);
             });
}

}  // namespace fettle::api::mlflow
