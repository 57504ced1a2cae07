#include "tracking/runs.h"

#include <map>
#include <set>

#include "base/id.h"
#include "journal/journal.h"
#include "sql/database.h"
#include "tracking/metric_store.h"
#include "tracking/names.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

constexpr std::string_view kNameTag = "mlflow.runName";
// Set by `fettle repro` and by jobs through MLFLOW_RUN_CONTEXT: the stage run that this run is an effect of.
constexpr std::string_view kCauseTag = "fettle.pipeline_run";

// The run's name and its tag must agree; returns the name.
std::string settle_name(const std::string& name, std::map<std::string, std::string>& tags) {
  auto tag = tags.find(std::string(kNameTag));
  if (!name.empty() && tag != tags.end() && tag->second != name) {
    fail(Code::invalid_argument,
         "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
         "(run_name='{}', mlflow.runName='{}').",
         name, tag->second);
  }
  std::string settled = name;
  if (settled.empty() && tag != tags.end()) settled = tag->second;
  if (settled.empty()) settled = random_run_name();
  tags[std::string(kNameTag)] = settled;
  return settled;
}

std::map<std::string, std::string> unique_tags(const std::vector<KeyValue>& tags) {
  std::map<std::string, std::string> unique;
  for (const auto& tag : tags) {
    check_key(tag.key, "Tag key");
    if (!unique.emplace(tag.key, truncate_utf8(tag.value, kRunTagValueLimit)).second) {
      fail(Code::invalid_argument, "duplicate tag key '{}'", tag.key);
    }
  }
  return unique;
}

void insert_run(sql::Connection& c, const RunInfo& run) {
  c.exec(
      "insert into runs (id, experiment_id, name, user_id, status, start_ms, end_ms, artifact_uri, deleted) "
      "values ($1, $2, $3, $4, $5, $6, null, $7, $8)",
      run.id, run.experiment_id, run.name, run.user_id, format_status(run.status), run.start_ms, run.artifact_uri,
      false);
}

// A query string of the root stays at the end (spec/mlflow.md 4.1).
std::string append_to_location(const std::string& location, std::string_view suffix) {
  size_t question = location.find('?');
  std::string base = location.substr(0, question);
  while (base.ends_with('/')) base.pop_back();
  return base + std::string(suffix) + (question == std::string::npos ? "" : location.substr(question));
}

}  // namespace

Runs::Runs(sql::Database& database, const Clock& clock, Config config)
    : database_(database), clock_(clock), config_(std::move(config)) {}

Run Runs::create(const Create& request) {
  if (!request.experiment_id)
    fail(Code::invalid_argument, "missing experiment_id: create the run in an experiment, \"0\" is the default one");
  auto tags = unique_tags(request.tags);
  RunInfo info{.id = new_run_id(),
               .experiment_id = *request.experiment_id,
               .name = settle_name(request.name, tags),
               .user_id = request.user_id,
               .start_ms = request.start_ms};
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    auto experiment = find_experiment(c, info.experiment_id);
    if (!experiment) fail(Code::not_found, "No Experiment with id={} exists", info.experiment_id);
    if (experiment->deleted) {
      fail(Code::invalid_argument, "The experiment {} must be in the 'active' state. Current state is deleted.",
           info.experiment_id);
    }
    RunInfo run = info;
    run.artifact_uri = append_to_location(experiment->artifact_location, fmt::format("/{}/artifacts", run.id));
    insert_run(c, run);
    Run made{.info = run};
    for (const auto& [key, value] : tags) {
      put_run_tag(c, run.id, {key, value});
      made.tags.push_back({key, value});
    }
    if (auto cause = tags.find(std::string(kCauseTag)); cause != tags.end()) {
      journal::add_edge(c, {{"pipeline_run", cause->second}, {"run", run.id}, "logged", now});
    }
    return made;
  });
}

Run Runs::get(const std::string& id) const {
  return database_.read([&](sql::Connection& c) { return std::move(load_runs(c, {get_run(c, id)}).front()); });
}

std::optional<RunInfo> Runs::find(const std::string& id) const {
  return database_.read([&](sql::Connection& c) { return find_run(c, id); });
}

RunInfo Runs::update(const Update& request) {
  return database_.write([&](sql::Connection& c) {
    RunInfo run = get_active_run(c, request.id);
    if (request.status) run.status = *request.status;
    if (request.end_ms) run.end_ms = request.end_ms;
    if (!request.name.empty()) {
      run.name = request.name;
      put_run_tag(c, run.id, {std::string(kNameTag), run.name});
    }
    c.exec("update runs set status = $2, end_ms = $3, name = $4 where id = $1", run.id, format_status(run.status),
           run.end_ms, run.name);
    return run;
  });
}

void Runs::remove(const std::string& id) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    get_run(c, id);
    c.exec("update runs set deleted = $2, deleted_ms = $3 where id = $1 and deleted = $4", id, true, now, false);
  });
}

void Runs::restore(const std::string& id) {
  database_.write([&](sql::Connection& c) {
    get_run(c, id);
    c.exec("update runs set deleted = $2, deleted_ms = null where id = $1", id, false);
  });
}

void Runs::delete_tag(const std::string& id, const std::string& key) {
  database_.write([&](sql::Connection& c) {
    get_active_run(c, id);
    if (c.exec("delete from run_tags where run_id = $1 and key = $2", id, key) == 0) {
      fail(Code::not_found, "No tag with name: {} in run with id {}", key, id);
    }
  });
}

std::vector<Metric> Runs::history(const std::string& id, const std::string& key) const {
  auto points = database_.read([&](sql::Connection& c) { return read_history(c, id, key); });
  std::vector<Metric> metrics;
  metrics.reserve(points.size());
  for (const auto& p : points) {
    metrics.push_back({.key = key, .value = p.value, .timestamp_ms = p.timestamp_ms, .step = p.step, .run_id = id});
  }
  return metrics;
}

std::vector<size_t> sample_indexes(size_t count, size_t limit) {
  std::vector<size_t> indexes;
  size_t buckets = std::min(count, limit);
  if (buckets == 0) return indexes;
  for (size_t bucket = 0, at = 0; bucket < buckets; ++bucket) {
    indexes.push_back(at);
    at += count / buckets + (bucket < count % buckets ? 1 : 0);
  }
  if (indexes.back() != count - 1) {
    if (indexes.size() == limit) indexes.pop_back();
    indexes.push_back(count - 1);
  }
  return indexes;
}

std::vector<Metric> Runs::sampled_history(std::span<const std::string> ids, const std::string& key,
                                          const Sample& sample) const {
  std::vector<Metric> metrics;
  for (const auto& id : ids) {
    auto points = history(id, key);
    std::erase_if(points, [&](const Metric& m) {
      return (sample.start_step && m.step < *sample.start_step) || (sample.end_step && m.step > *sample.end_step);
    });
    std::stable_sort(points.begin(), points.end(), [](const Metric& a, const Metric& b) { return a.step < b.step; });
    for (size_t index : sample_indexes(points.size(), sample.limit)) metrics.push_back(std::move(points[index]));
  }
  return metrics;
}

}  // namespace fettle::tracking
