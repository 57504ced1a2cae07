// Executed pipeline stages as their runner reports them (`fettle repro`): the edges data -> pipeline run -> data of the
// lineage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/database.h"

namespace fettle::platform {

struct StageFile {
  std::string path;  // relative to the repository
  std::string hash;  // "md5:HEX", a directory's with ".dir"
  int64_t size_bytes = 0;
};

struct PipelineRun {
  std::string
      id;  // made by the runner, so that the stage's own tracking runs can carry it as the tag `fettle.pipeline_run`
  std::string stage;
  std::string command;
  std::string directory;
  std::string git_commit;     // empty: none
  std::string job;            // that executed it; empty: none
  std::string params = "{}";  // JSON
  int64_t started_at_ms = 0;
  int64_t ended_at_ms = 0;
  std::vector<StageFile> inputs;
  std::vector<StageFile> outputs;
};

// Idempotent per id. Edges: each input -> run `input`, run -> each output `output`, job -> run `executed`.
void record_pipeline_run(sql::Database& database, const PipelineRun& run);
std::optional<PipelineRun> find_pipeline_run(sql::Database& database, const std::string& id);
// Those of a job, in order of their end.
std::vector<PipelineRun> pipeline_runs_of_job(sql::Database& database, const std::string& job);
// The newest path under which a content was seen.
std::optional<StageFile> find_data(sql::Database& database, const std::string& hash);

}  // namespace fettle::platform
