#include "api/mlflow/resources.h"

namespace fettle::api::mlflow {
namespace {

std::string server_info() {
  return R"({"store_type":"SqlStore","workspaces_enabled":false,"trace_archival_enabled":false,)"
         R"("multipart_uploads_enabled":false,"multipart_downloads_enabled":false,"artifact_serving_enabled":true,)"
         R"("skill_content_max_size":26214400,"skill_content_max_files":10000,"presigned_upload_run_id_supported":false,)"
         R"("presigned_upload_model_id_supported":false,"model_artifact_presigned_downloads_supported":false,)"
         R"("features_enabled":{"gateway":false,"scheduled_issue_detection":false},"tracking_auth":"","artifacts_presigned_only":false})";
}

struct Planned {
  std::string_view method;
  std::string_view path;  // below /{api,ajax-api}
  std::string_view what;
};
// Endpoints of the reference server that are known here and not served yet.
constexpr Planned kPlanned[] = {
    {"POST", "/2.0/mlflow/runs/log-model", "logging a model onto a run (the way of MLflow 2)"},
    {"POST", "/2.0/mlflow/artifacts/presigned-upload-url", "a presigned upload URL"},
    {"POST", "/2.0/mlflow/artifacts/presigned-download-url", "a presigned download URL"},
    {"POST", "/2.0/mlflow/webhooks", "registry webhooks"},
    {"GET", "/2.0/mlflow/webhooks", "registry webhooks"},
    {"POST", "/3.0/mlflow/traces", "traces"},
    {"GET", "/3.0/mlflow/traces/{id}", "traces"},
    {"POST", "/3.0/mlflow/traces/search", "traces"},
    {"GET", "/3.0/mlflow/traces/batchGet", "traces"},
    {"POST", "/3.0/mlflow/datasets/create", "evaluation datasets"},
    {"POST", "/3.0/mlflow/datasets/search", "evaluation datasets"},
};

}  // namespace

void add_server_routes(Table& table, const std::string& version) {
  table.one({.method = "GET",
             .path = "/version",
             .permission = http::Permission::open,
             .handler = http::Handler([version](http::Request&) { return http::Response::text(200, version); }),
             .run = http::Run::inline_});
  table.raw("GET", "/3.0/mlflow/server-info", http::Permission::open,
            [](http::Request&) { return http::Response::json(server_info()); });
  for (const auto& planned : kPlanned) {
    auto permission = planned.method == "GET" ? http::Permission::read : http::Permission::write;
    table.raw(planned.method, planned.path, permission,
              [what = std::string(planned.what)](http::Request&) -> http::Response {
                fail(Code::unimplemented, "this server does not serve {} yet", what);
              });
  }
}

}  // namespace fettle::api::mlflow
