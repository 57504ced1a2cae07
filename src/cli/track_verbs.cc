// runs, models, jobs.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/uri.h"
#include "cli/verb.h"

namespace fettle::cli {
namespace {

// MLflow's lists of {key, value} as objects, so that paths reach them.
json::Object keyed(const json::Value* list) {
  json::Object object;
  if (list == nullptr || !list->is_array()) return object;
  for (const auto& item : list->get_array()) {
    const auto& fields = item.as_object();
    if (fields.contains("key") && fields.contains("value")) object[fields.at("key").as_string()] = fields.at("value");
  }
  return object;
}

int list_runs(const Context& context) {
  json::Value experiments = context.api.post("/api/2.0/mlflow/experiments/search", json::Object{{"max_results", 1000}});
  json::Array ids;
  if (const json::Value* found = find_path(experiments, "experiments")) {
    for (const auto& experiment : found->as_array()) ids.push_back(experiment.at("experiment_id"));
  }
  json::Object query{{"experiment_ids", ids}, {"max_results", context.parsed.integer("--limit").value_or(20)}};
  if (context.parsed.has("--filter")) query["filter"] = context.parsed.get("--filter");
  json::Value answer = context.api.post("/api/2.0/mlflow/runs/search", query);
  json::Array items;
  if (const json::Value* runs = find_path(answer, "runs")) {
    for (const auto& run : runs->as_array()) {
      json::Object item{{"id", run.at("info").at("run_id")}};
      item["name"] = run.at("info").at("run_name");
      item["status"] = run.at("info").at("status");
      if (const json::Value* start = find_path(run, "info.start_time")) item["started_at_ms"] = *start;
      item["metrics"] = keyed(find_path(run, "data.metrics"));
      item["params"] = keyed(find_path(run, "data.params"));
      item["metric_list"] = format_cell(&item["metrics"], CellKind::text, {});
      items.push_back(item);
    }
  }
  context.print(json::Object{{"items", items}}, {{"RUN", "id"},
                                                 {"NAME", "name"},
                                                 {"STATUS", "status"},
                                                 {"STARTED", "started_at_ms", CellKind::time},
                                                 {"METRICS", "metric_list"}});
  return kDone;
}

int list_models(const Context& context) {
  json::Value answer = context.api.get("/api/2.0/mlflow/model-versions/search?max_results=1000");
  json::Array items;
  if (const json::Value* versions = find_path(answer, "model_versions")) items = versions->as_array();
  for (auto& item : items) {
    const json::Value* found = find_path(item, "creation_timestamp");
    json::Value created = found == nullptr ? json::Value() : *found;  // a new key moves what `found` points to
    item.as_object()["created_at_ms"] = std::move(created);
  }
  context.print(json::Object{{"items", items}}, {{"MODEL", "name"},
                                                 {"VERSION", "version"},
                                                 {"ALIASES", "aliases"},
                                                 {"RUN", "run_id"},
                                                 {"CREATED", "created_at_ms", CellKind::time}});
  return kDone;
}

int set_alias(const Context& context) {
  json::Object body{{"name", context.name(0, "a model")},
                    {"alias", context.name(1, "an alias")},
                    {"version", context.name(2, "a version")}};
  context.api.post("/api/2.0/mlflow/registered-models/alias", body);
  context.say(fmt::format("{}@{} is version {}", context.name(0, ""), context.name(1, ""), context.name(2, "")));
  return kDone;
}

const std::vector<ColumnSpec> kJobs = {{"ID", "id"},
                                       {"NAME", "name"},
                                       {"STATE", "state"},
                                       {"CREATED", "created_at_ms", CellKind::time},
                                       {"CPU", "cpu_ms", CellKind::duration},
                                       {"MEMORY", "peak_memory_bytes", CellKind::bytes},
                                       {"REASON", "reason"}};

int list_jobs(const Context& context) {
  std::string state = context.parsed.get("--state");
  context.print(context.api.get("/jobs" + (state.empty() ? "" : "?state=" + percent_encode(state))), kJobs);
  return kDone;
}

int show_job(const Context& context) {
  context.print(context.api.get("/jobs/" + percent_encode(context.name(0, "a job's id"))));
  return kDone;
}

int exit_of_job(const json::Value& job) { return job.at("state").as_string() == "succeeded" ? kDone : kNeedsYou; }

int follow(const Context& context, const std::string& id) {
  for (int64_t offset = 0;;) {
    json::Value piece = context.api.get(fmt::format("/jobs/{}/logs?offset={}&wait_ms=10000&limit=1048576", id, offset));
    std::fputs(piece.at("text").as_string().c_str(), stdout);
    std::fflush(stdout);
    offset = piece.at("next_offset").to_number<int64_t>();
    if (piece.at("end").as_bool()) return exit_of_job(context.api.get("/jobs/" + id));
  }
}

int job_logs(const Context& context) {
  std::string id = percent_encode(context.name(0, "a job's id"));
  if (context.parsed.has("--follow")) return follow(context, id);
  json::Value piece = context.api.get(fmt::format("/jobs/{}/logs?limit=1048576", id));
  std::fputs(piece.at("text").as_string().c_str(), stdout);
  return kDone;
}

int cancel_job(const Context& context) {
  context.print(context.api.post("/jobs/" + percent_encode(context.name(0, "a job's id")) + "/cancel",
                                 json::Object{{"by", "cli"}}));
  return kDone;
}

int submit_job(const Context& context) {
  if (context.parsed.names.empty())
    fail(Error{Code::invalid_argument, "which command?", {}, "fettle jobs submit --name train -- python train.py"});
  json::Array command(context.parsed.names.begin(), context.parsed.names.end());
  std::string directory = context.parsed.get("--directory", std::filesystem::current_path().string());
  json::Object body{{"name", context.parsed.get("--name", context.parsed.names[0])},
                    {"command", command},
                    {"directory", directory},
                    {"by", "cli"}};
  if (auto timeout = context.parsed.integer("--timeout-ms")) body["timeout_ms"] = *timeout;
  json::Value job = context.api.post("/jobs", body);
  if (context.parsed.has("--wait")) return follow(context, std::string(job.at("id").as_string()));
  if (context.json) {
    context.print(job);
  } else {
    context.say(fmt::format("job/{}", job.at("id").as_string().c_str()));
    context.hint(fmt::format("fettle jobs logs {} --follow", job.at("id").as_string().c_str()));
  }
  return kDone;
}

}  // namespace

std::span<const Verb> track_verbs() {
  static const Verb kVerbs[] = {
      {"runs list",
       "",
       "experiment runs, newest first",
       "  fettle runs list --filter \"metrics.auc > 0.7\"",
       {{"--filter", "", true, "MLflow's filter grammar"}, {"--limit", "", true, "at most so many (20)"}},
       list_runs},
      {"models list", "", "registered model versions and their aliases", "", {}, list_models},
      {"models alias",
       "MODEL ALIAS VERSION",
       "move an alias",
       "  fettle models alias flights-delay champion 2",
       {},
       set_alias},
      {"jobs list",
       "",
       "jobs, newest first",
       "",
       {{"--state", "", true, "queued, running, succeeded, failed, cancelled, timed_out or lost"}},
       list_jobs},
      {"jobs show", "JOB", "one job", "", {}, show_job},
      {"jobs logs",
       "JOB",
       "what it wrote",
       "",
       {{"--follow", "-f", false, "until it ends; exit code 2 when it ended badly"}},
       job_logs},
      {"jobs submit",
       "[--name N] -- COMMAND…",
       "run a command as a job of the server",
       "  fettle jobs submit --name train --wait -- python train.py",
       {{"--name", "", true, "of the job"},
        {"--directory", "", true, "where it runs (here)"},
        {"--timeout-ms", "", true, "milliseconds (one hour)"},
        {"--wait", "", false, "follow it; its end is the exit code"}},
       submit_job},
      {"jobs cancel", "JOB", "end it", "", {}, cancel_job},
  };
  return kVerbs;
}

}  // namespace fettle::cli
