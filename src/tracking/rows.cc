#include "tracking/rows.h"

#include <unordered_map>

#include "sql/statement.h"
#include "tracking/metric_codec.h"

namespace fettle::tracking {
namespace {

// Run ids in one `in` list. Few sizes, filled up with ids that nobody has: few texts to prepare.
constexpr size_t kIdListSizes[] = {1, 16, 128};
constexpr size_t kIdsPerQuery = 128;

size_t list_size(size_t ids) {
  for (size_t size : kIdListSizes) {
    if (ids <= size) return size;
  }
  return kIdsPerQuery;
}

// Calls `body(run, row)` for the rows of `select` (whose first column is the run) that belong to the runs of one chunk.
template <class Body>
void each_row(sql::Connection& c, std::string_view select, std::string_view order, std::span<Run> runs,
              const Body& body) {
  std::unordered_map<std::string_view, Run*> by_id;
  std::vector<std::string> ids;
  for (auto& run : runs) {
    by_id.emplace(run.info.id, &run);
    ids.push_back(run.info.id);
  }
  ids.resize(list_size(ids.size()));
  sql::Statement s(select);
  s.add("(").add(s.bind_list(ids)).add(")").add(order);
  c.query_each(s.text(), s.values(), [&](const sql::Row& row) { body(*by_id.at(row.view(0)), row); });
}

void load_metrics(sql::Connection& c, std::span<Run> runs) {
  each_row(c, "select run_id, latest from run_metrics where run_id in ", "", runs, [](Run& run, const sql::Row& row) {
    for (auto& one : decode_latest(row.view(1))) {
      run.metrics.push_back({.key = std::move(one.key),
                             .value = one.point.value,
                             .timestamp_ms = one.point.timestamp_ms,
                             .step = one.point.step});
    }
  });
}

void load_inputs(sql::Connection& c, std::span<Run> runs) {
  std::unordered_map<std::string, std::pair<Run*, size_t>> by_input;
  each_row(c,
           "select i.run_id, i.dataset_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile "
           "from run_datasets i join datasets d on d.id = i.dataset_id where i.run_id in ",
           " order by i.run_id, i.position", runs, [&](Run& run, const sql::Row& row) {
             by_input[row.text(0) + "/" + row.text(1)] = {&run, run.dataset_inputs.size()};
             run.dataset_inputs.push_back(
                 {.dataset = {row.text(2), row.text(3), row.text(4), row.text(5), row.text(6), row.text(7)}});
           });
  if (by_input.empty()) return;
  each_row(c, "select run_id, dataset_id, key, value from run_dataset_tags where run_id in ",
           " order by run_id, position", runs, [&](Run& run, const sql::Row& row) {
             auto found = by_input.find(row.text(0) + "/" + row.text(1));
             if (found == by_input.end()) return;
             run.dataset_inputs[found->second.second].tags.push_back({row.text(2), row.text(3)});
           });
}

void load_models(sql::Connection& c, std::span<Run> runs) {
  each_row(c, "select run_id, direction, model_id, step from run_models where run_id in ", " order by run_id, model_id",
           runs, [](Run& run, const sql::Row& row) {
             if (row.view(1) == "input") {
               run.model_inputs.push_back(row.text(2));
             } else {
               run.model_outputs.push_back({row.text(2), row.integer(3)});
             }
           });
}

void load_chunk(sql::Connection& c, std::span<Run> runs) {
  load_metrics(c, runs);
  each_row(c, "select run_id, key, value from run_params where run_id in ", " order by run_id, key", runs,
           [](Run& run, const sql::Row& row) { run.params.push_back({row.text(1), row.text(2)}); });
  each_row(c, "select run_id, key, value from run_tags where run_id in ", " order by run_id, key", runs,
           [](Run& run, const sql::Row& row) { run.tags.push_back({row.text(1), row.text(2)}); });
  load_inputs(c, runs);
  load_models(c, runs);
}

constexpr std::pair<RunStatus, std::string_view> kStatusNames[] = {{RunStatus::running, "RUNNING"},
                                                                   {RunStatus::scheduled, "SCHEDULED"},
                                                                   {RunStatus::finished, "FINISHED"},
                                                                   {RunStatus::failed, "FAILED"},
                                                                   {RunStatus::killed, "KILLED"}};

}  // namespace

std::string_view format_status(RunStatus status) {
  for (auto [value, name] : kStatusNames) {
    if (value == status) return name;
  }
  fail(Code::internal, "unknown run status {}", static_cast<int>(status));
}

std::optional<RunStatus> parse_status(std::string_view name) {
  for (auto [value, known] : kStatusNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::vector<KeyValue> key_values(sql::Connection& c, std::string_view text, const std::string& owner) {
  std::vector<KeyValue> found;
  for (const auto& row : c.query(text, owner)) found.push_back({row.text(0), row.text(1)});
  return found;
}

std::optional<Experiment> find_experiment(sql::Connection& c, int64_t id) {
  auto row = c.query_one(
      "select id, name, artifact_location, deleted, created_ms, updated_ms from experiments where id = $1", id);
  if (!row) return std::nullopt;
  Experiment e{.id = row->integer(0),
               .name = row->text(1),
               .artifact_location = row->text(2),
               .deleted = row->boolean(3),
               .created_ms = row->integer(4),
               .updated_ms = row->integer(5)};
  for (const auto& tag : c.query("select key, value from experiment_tags where experiment_id = $1 order by key", id)) {
    e.tags.push_back({tag.text(0), tag.text(1)});
  }
  return e;
}

RunInfo run_from(const sql::Row& row) {
  return {.id = row.text(0),
          .experiment_id = row.integer(1),
          .name = row.text(2),
          .user_id = row.text(3),
          .status = parse_status(row.view(4)).value_or(RunStatus::running),
          .start_ms = row.integer(5),
          .end_ms = row.find_integer(6),
          .artifact_uri = row.text(7),
          .deleted = row.boolean(8)};
}

std::optional<RunInfo> find_run(sql::Connection& c, const std::string& id) {
  static const std::string kText = fmt::format("select {} from runs r where r.id = $1", kRunColumns);
  auto row = c.query_one(kText, id);
  if (!row) return std::nullopt;
  return run_from(*row);
}

RunInfo get_run(sql::Connection& c, const std::string& id) {
  auto found = find_run(c, id);
  if (!found) fail(Code::not_found, "Run with id={:.100} not found", id);
  return *found;
}

RunInfo get_active_run(sql::Connection& c, const std::string& id) {
  RunInfo run = get_run(c, id);
  if (run.deleted)
    fail(Code::invalid_argument, "The run {} must be in the 'active' state. Current state is deleted.", id);
  return run;
}

std::vector<Run> load_runs(sql::Connection& c, std::vector<RunInfo> infos) {
  std::vector<Run> runs(infos.size());
  for (size_t i = 0; i < infos.size(); ++i) runs[i].info = std::move(infos[i]);
  std::span<Run> all(runs);
  for (size_t at = 0; at < all.size(); at += kIdsPerQuery) {
    load_chunk(c, all.subspan(at, std::min(kIdsPerQuery, all.size() - at)));
  }
  return runs;
}

void put_run_tag(sql::Connection& c, const std::string& run_id, const KeyValue& tag) {
  c.exec(
      "insert into run_tags (run_id, key, value) values ($1, $2, $3) "
      "on conflict (run_id, key) do update set value = excluded.value",
      run_id, tag.key, tag.value);
}

std::optional<LoggedModel> find_logged_model(sql::Connection& c, const std::string& id) {
  auto row = c.query_one(
      "select id, experiment_id, name, model_type, source_run_id, status, artifact_uri, created_ms, updated_ms, "
      "deleted "
      "from logged_models where id = $1",
      id);
  if (!row) return std::nullopt;
  LoggedModel model{.id = row->text(0),
                    .experiment_id = row->integer(1),
                    .name = row->text(2),
                    .model_type = row->text(3),
                    .source_run_id = row->text(4),
                    .status = static_cast<ModelStatus>(row->integer(5)),
                    .artifact_uri = row->text(6),
                    .created_ms = row->integer(7),
                    .updated_ms = row->integer(8),
                    .deleted = row->boolean(9)};
  model.tags = key_values(c, "select key, value from logged_model_tags where model_id = $1 order by key", id);
  model.params = key_values(c, "select key, value from logged_model_params where model_id = $1 order by key", id);
  auto metrics = c.query(
      "select key, value, timestamp_ms, step, run_id, dataset_name, dataset_digest from logged_model_metrics "
      "where model_id = $1 order by key, timestamp_ms, step",
      id);
  for (const auto& m : metrics) {
    model.metrics.push_back({.key = m.text(0),
                             .value = m.find_real(1).value_or(std::nan("")),
                             .timestamp_ms = m.integer(2),
                             .step = m.integer(3),
                             .model_id = id,
                             .dataset_name = m.text(5),
                             .dataset_digest = m.text(6),
                             .run_id = m.text(4)});
  }
  return model;
}

LoggedModel get_logged_model(sql::Connection& c, const std::string& id) {
  auto model = find_logged_model(c, id);
  if (!model || model->deleted) fail(Code::not_found, "Logged model with ID '{}' not found.", id);
  return *model;
}

}  // namespace fettle::tracking
