#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"
#include "api/mlflow/searches.h"

namespace fettle::api::mlflow {
namespace {

constexpr int64_t kPageLimit = 50'000;

std::string search(const tracking::Experiments& experiments, const Message& in) {
  if (!in.has("max_results")) in.fail_missing("max_results");
  tracking::ExperimentQuery query;
  query.limit = read_max_results(in, kPageLimit, kPageLimit);
  query.view = read_view(in, "view_type");
  query.conditions = experiment_conditions(in.string_or("filter"));
  query.order = experiment_order(in.strings("order_by"));
  query.after = read_page_token(in);
  auto page = experiments.search(query);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "experiments", page.items, write_experiment);
  if (page.next) out.key("next_page_token").string(format_page_token(*page.next));
  out.end_object();
  return body;
}

std::string search_datasets(const tracking::Runs& runs, const Message& in) {
  constexpr size_t kExperimentLimit = 20;
  constexpr int64_t kRowLimit = 1000;
  std::vector<int64_t> ids;
  for (const auto& id : in.strings("experiment_ids")) ids.push_back(parse_experiment_id(id));
  if (ids.empty()) fail(Code::invalid_argument, "SearchDatasets request must specify at least one experiment_id.");
  if (ids.size() > kExperimentLimit) {
    fail(Code::invalid_argument,
         "SearchDatasets request cannot specify more than {} experiment_ids. Received {} experiment_ids.",
         kExperimentLimit, ids.size());
  }
  std::string body;
  json::Writer out(body);
  out.begin_object().key("dataset_summaries").begin_array();
  for (const auto& d : runs.datasets(ids, kRowLimit)) {
    out.begin_object().key("experiment_id").string(std::to_string(d.experiment_id));
    out.key("name").string(d.name).key("digest").string(d.digest);
    if (!d.context.empty()) out.key("context").string(d.context);
    out.end_object();
  }
  out.end_array().end_object();
  return body;
}

}  // namespace

std::vector<tracking::KeyValue> read_tags(const Message& in, std::string_view name) {
  std::vector<tracking::KeyValue> tags;
  for (const auto& tag : in.messages(name)) tags.push_back({tag.string("key"), tag.string_or("value")});
  return tags;
}

tracking::View read_view(const Message& in, std::string_view name) {
  const json::Value* value = in.find(name);
  if (value == nullptr) return tracking::View::active;
  std::string_view text = value->is_string() ? std::string_view(value->get_string()) : std::string_view();
  int64_t number = value->is_int64() ? value->get_int64() : 0;
  if (text == "ACTIVE_ONLY" || text == "1" || number == 1) return tracking::View::active;
  if (text == "DELETED_ONLY" || text == "2" || number == 2) return tracking::View::deleted;
  if (text == "ALL" || text == "3" || number == 3) return tracking::View::all;
  in.fail_type(name, *value);
}

void add_experiment_routes(Table& table, tracking::Tracking& tracking) {
  auto& experiments = tracking.experiments;
  table.write("POST", "/experiments/create", [&](const Message& in, const http::Request&) {
    int64_t id = experiments.create({in.string("name"), in.string_or("artifact_location"), read_tags(in)});
    return fmt::format(R"({{"experiment_id":"{}"}})", id);
  });
  table.read("GET", "/experiments/get", [&](const Message& in, const http::Request&) {
    return wrapped("experiment", experiments.get(in.experiment_id()), write_experiment);
  });
  table.read("GET", "/experiments/get-by-name", [&](const Message& in, const http::Request&) {
    return wrapped("experiment", experiments.get_by_name(in.string("experiment_name")), write_experiment);
  });
  for (std::string_view method : {"POST", "GET"}) {
    table.read(method, "/experiments/search",
               [&](const Message& in, const http::Request&) { return search(experiments, in); });
  }
  table.write("POST", "/experiments/update", [&](const Message& in, const http::Request&) {
    experiments.rename(in.experiment_id(), in.string("new_name"));
    return "";
  });
  table.write("POST", "/experiments/delete", [&](const Message& in, const http::Request&) {
    experiments.remove(in.experiment_id());
    return "";
  });
  table.write("POST", "/experiments/restore", [&](const Message& in, const http::Request&) {
    experiments.restore(in.experiment_id());
    return "";
  });
  table.write("POST", "/experiments/set-experiment-tag", [&](const Message& in, const http::Request&) {
    experiments.set_tag(in.experiment_id(), {in.string("key"), in.string_or("value")});
    return "";
  });
  table.write("POST", "/experiments/delete-experiment-tag", [&](const Message& in, const http::Request&) {
    experiments.delete_tag(in.experiment_id(), in.string("key"));
    return "";
  });
  table.read_ajax("POST", "/experiments/search-datasets",
                  [&](const Message& in, const http::Request&) { return search_datasets(tracking.runs, in); });
}

}  // namespace fettle::api::mlflow
