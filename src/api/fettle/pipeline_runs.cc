#include "api/fettle/pipeline_runs.h"

#include "api/fettle/route.h"
#include "platform/pipeline_runs.h"

namespace fettle::api {
namespace {

using platform::PipelineRun;
using platform::StageFile;

constexpr size_t kFilesLimit = 100'000;

std::vector<StageFile> read_files(json::Reader& in, std::string_view key) {
  std::vector<StageFile> files;
  in.each(key, [&](json::Reader& item) {
    StageFile file{item.string("path"), item.string("hash"), item.integer_or("size_bytes", 0)};
    if (!file.hash.empty() && !file.hash.starts_with("md5:")) file.hash = "md5:" + file.hash;
    item.refuse_unknown();
    files.push_back(std::move(file));
  });
  if (files.size() > kFilesLimit)
    in.problem(key, fmt::format("{} files, expected at most {}", files.size(), kFilesLimit));
  return files;
}

PipelineRun read_run(const http::Request& request) {
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  PipelineRun run;
  run.id = in.string("id");
  run.stage = in.string("stage");
  run.command = in.string_or("command", "");
  run.directory = in.string_or("directory", "");
  run.git_commit = in.string_or("git_commit", "");
  run.job = in.string_or("job", "");
  if (const json::Value* params = in.find("params")) run.params = json::format(*params);
  run.started_at_ms = in.integer("started_at_ms");
  run.ended_at_ms = in.integer("ended_at_ms");
  run.inputs = read_files(in, "inputs");
  run.outputs = read_files(in, "outputs");
  in.refuse_unknown();
  problems.check();
  return run;
}

json::Array files_json(const std::vector<StageFile>& files) {
  json::Array array;
  for (const auto& file : files)
    array.push_back(json::Object{{"path", file.path}, {"hash", file.hash}, {"size_bytes", file.size_bytes}});
  return array;
}

json::Object run_json(const PipelineRun& run) {
  return {{"id", run.id},
          {"stage", run.stage},
          {"command", run.command},
          {"directory", run.directory},
          {"git_commit", text_or_null(run.git_commit)},
          {"job", text_or_null(run.job)},
          {"params", json::parse(run.params)},
          {"started_at_ms", run.started_at_ms},
          {"ended_at_ms", run.ended_at_ms},
          {"inputs", files_json(run.inputs)},
          {"outputs", files_json(run.outputs)}};
}

}  // namespace

std::vector<http::Route> pipeline_run_routes(sql::Database& database,
                                             std::function<void(const std::string&, const std::string&)> executed) {
  return {
      rest_route("POST", "/pipeline-runs",
                 [&database, executed](http::Request& request) {
                   PipelineRun run = read_run(request);
                   platform::record_pipeline_run(database, run);
                   if (executed) executed(run.job, run.id);
                   return json_response(run_json(run), 201);
                 }),
      rest_route("GET", "/pipeline-runs/{id}",
                 [&database](http::Request& request) {
                   auto run = platform::find_pipeline_run(database, std::string(request.param("id")));
                   if (!run) fail(Code::not_found, "no pipeline run '{}'", request.param("id"));
                   return json_response(run_json(*run));
                 }),
  };
}

}  // namespace fettle::api
