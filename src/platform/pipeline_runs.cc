#include "platform/pipeline_runs.h"

#include "base/error.h"
#include "base/id.h"
#include "journal/journal.h"

namespace fettle::platform {
namespace {

PipelineRun run_from(sql::Connection& connection, const sql::Row& row) {
  PipelineRun run{row.text(0), row.text(1),    row.text(2),    row.text(3), row.text(4), row.text(5),
                  row.text(6), row.integer(7), row.integer(8), {},          {}};
  for (const auto& file : connection.query(
           "select direction, path, hash, size_bytes from pipeline_run_files where pipeline_run = $1 order by path",
           run.id)) {
    auto& list = file.view(0) == "input" ? run.inputs : run.outputs;
    list.push_back({file.text(1), file.text(2), file.integer(3)});
  }
  return run;
}

constexpr std::string_view kSelect =
    "select id, stage, command, directory, git_commit, job, params, started_at_ms, ended_at_ms from pipeline_runs "
    "where ";

}  // namespace

void record_pipeline_run(sql::Database& database, const PipelineRun& run) {
  if (!is_id(run.id)) fail(Code::invalid_argument, "id '{}': expected 26 characters of a time-ordered id", run.id);
  database.write([&](sql::Connection& connection) {
    int64_t rows = connection.exec(
        "insert into pipeline_runs (id, stage, command, directory, git_commit, job, params, started_at_ms, "
        "ended_at_ms) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing",
        run.id, run.stage, run.command, run.directory, run.git_commit, run.job, run.params, run.started_at_ms,
        run.ended_at_ms);
    if (rows == 0) return;
    journal::Node node{"pipeline_run", run.id};
    auto add_files = [&](const std::vector<StageFile>& files, std::string_view direction) {
      for (const auto& file : files) {
        connection.exec(
            "insert into pipeline_run_files (pipeline_run, direction, path, hash, size_bytes) values ($1, $2, $3, $4, "
            "$5) on conflict do nothing",
            run.id, direction, file.path, file.hash, file.size_bytes);
        journal::Node data{"data", file.hash};
        if (direction == "input") {
          journal::add_edge(connection, {data, node, "input", run.ended_at_ms});
        } else {
          journal::add_edge(connection, {node, data, "output", run.ended_at_ms});
        }
      }
    };
    add_files(run.inputs, "input");
    add_files(run.outputs, "output");
    if (!run.job.empty()) journal::add_edge(connection, {{"job", run.job}, node, "executed", run.ended_at_ms});
  });
}

std::optional<PipelineRun> find_pipeline_run(sql::Database& database, const std::string& id) {
  return database.read([&](sql::Connection& connection) -> std::optional<PipelineRun> {
    auto row = connection.query_one(std::string(kSelect) + "id = $1", id);
    if (!row) return std::nullopt;
    return run_from(connection, *row);
  });
}

std::vector<PipelineRun> pipeline_runs_of_job(sql::Database& database, const std::string& job) {
  return database.read([&](sql::Connection& connection) {
    std::vector<PipelineRun> runs;
    for (const auto& row : connection.query(std::string(kSelect) + "job = $1 order by ended_at_ms, id", job)) {
      runs.push_back(run_from(connection, row));
    }
    return runs;
  });
}

std::optional<StageFile> find_data(sql::Database& database, const std::string& hash) {
  return database.read([&](sql::Connection& connection) -> std::optional<StageFile> {
    auto row = connection.query_one(
        "select path, hash, size_bytes from pipeline_run_files where hash = $1 order by pipeline_run desc limit 1",
        hash);
    if (!row) return std::nullopt;
    return StageFile{row->text(0), row->text(1), row->integer(2)};
  });
}

}  // namespace fettle::platform
