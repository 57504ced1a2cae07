#include "cli/dvc_stage_reports.h"

#include <cstdlib>
#include <filesystem>

#include "cli/dvc_json_file.h"
#include "http/client.h"

namespace fettle::cli {
namespace {

constexpr int64_t kReportTimeoutMs = 3'000;
constexpr int64_t kConnectTimeoutMs = 500;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_http(const std::string& url) { return url.starts_with("http://") || url.starts_with("https://"); }

}  // namespace

StageReporter::StageReporter() : user_context_(variable("MLFLOW_RUN_CONTEXT")) {
  std::string tracking = variable("MLFLOW_TRACKING_URI");
  has_tracking_uri_ = !tracking.empty();
  server_ = variable("FETTLE_URL");
  if (server_.empty()) server_ = tracking;
  if (!is_http(server_)) server_.clear();
  while (server_.ends_with('/')) server_.pop_back();
}

std::map<std::string, std::string> StageReporter::environment(const pipelines::Stage& stage,
                                                              const std::string& id) const {
  std::map<std::string, std::string> environment;
  if (!active()) return environment;
  if (!has_tracking_uri_) environment["MLFLOW_TRACKING_URI"] = server_;
  environment["MLFLOW_RUN_CONTEXT"] = run_context_json(user_context_, id, stage.name);
  return environment;
}

void StageReporter::report(const pipelines::StageReport& report) {
  if (!active() || !reachable_ || report.exit_code != 0) return;
  http::ClientRequest request;
  request.method = "POST";
  request.url = server_ + "/api/fettle/v1/pipeline-runs";
  request.headers = {{"content-type", "application/json"}};
  std::string token = variable("FETTLE_TOKEN");
  if (token.empty()) token = variable("MLFLOW_TRACKING_TOKEN");
  if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
  request.body = stage_report_json(report, std::filesystem::current_path().string(), variable("FETTLE_JOB_ID"));
  request.timeout_ms = kReportTimeoutMs;
  request.connect_timeout_ms = kConnectTimeoutMs;
  http::Client client;
  Outcome<http::ClientResponse> response = client.send(request);
  reachable_ = response.has_value();
}

}  // namespace fettle::cli
