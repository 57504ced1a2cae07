#include "api/mlflow/encode.h"
#include "api/mlflow/errors.h"
#include "api/mlflow/file_answer.h"
#include "api/mlflow/resources.h"
#include "registry/names.h"

namespace fettle::api::mlflow {
namespace {

constexpr std::string_view kProxy = "/2.0/mlflow-artifacts";
constexpr size_t kUiUploadLimit = size_t{10} << 20;

std::string path_of(const http::Request& request) { return std::string(request.param("path")); }

http::Response download(const tracking::Artifacts& artifacts, const std::string& path, const http::Request& request) {
  auto info = artifacts.find(path);
  if (info) return file_answer(artifacts, *info, request);
  if (artifacts.is_directory(path)) {
    return detail_answer(400, fmt::format("Artifact path refers to a directory, not a file: '{}'", path));
  }
  fail(Code::not_found, "No such artifact: '{}'", path);
}

http::Response upload(tracking::Artifacts& artifacts, http::Request& request) {
  std::string path = path_of(request);
  if (path.ends_with('/') || path.empty()) fail(Code::invalid_argument, "Invalid path");
  tracking::Artifacts::path_of("mlflow-artifacts:/", path);  // refuses before the bytes come
  auto incoming = artifacts.begin_upload();
  for (std::string piece = request.stream->read(); !piece.empty(); piece = request.stream->read())
    incoming->append(piece);
  artifacts.put_uploaded(path, incoming->commit());
  return http::Response::text(200, "");
}

http::Response upload_small(tracking::Tracking& tracking, const http::Request& request) {
  auto run_id = request.find_query("run_id");
  if (!run_id) run_id = request.find_query("run_uuid");
  if (!run_id) fail(Code::invalid_argument, "Request must specify run_id or run_uuid.");
  auto path = request.find_query("path");
  if (!path || path->empty()) fail(Code::invalid_argument, "Request must specify path.");
  if (request.body.size() > kUiUploadLimit)
    fail(Code::invalid_argument, "Artifact size is too large. Max size is 10MB.");
  auto run = tracking.runs.get(*run_id);
  if (run.info.deleted)
    fail(Code::invalid_argument, "The run {} must be in the 'active' state. Current state is deleted.", *run_id);
  tracking.artifacts.put(tracking::Artifacts::path_of(run.info.artifact_uri, *path), request.body);
  return http::Response::text(200, "");
}

std::string required_path(const http::Request& request) {
  auto path = request.find_query("path");
  if (!path || path->empty()) fail(Code::invalid_argument, "Request must specify path.");
  return *path;
}

http::Response run_file(const tracking::Tracking& tracking, const http::Request& request) {
  auto run_id = request.find_query("run_id");
  if (!run_id) run_id = request.find_query("run_uuid");
  if (!run_id) fail(Code::invalid_argument, "Request must specify run_id or run_uuid.");
  std::string path = required_path(request);
  std::string root = tracking.runs.get(*run_id).info.artifact_uri;
  return download(tracking.artifacts, tracking::Artifacts::path_of(root, path), request);
}

http::Response version_file(const tracking::Tracking& tracking, const registry::Registry& registry,
                            const http::Request& request) {
  auto name = request.find_query("name");
  auto version = request.find_query("version");
  if (!name || !version) fail(Code::invalid_argument, "Request must specify name and version.");
  std::string root = registry.download_uri(*name, registry::parse_version(*version));
  return download(tracking.artifacts, tracking::Artifacts::path_of(root, required_path(request)), request);
}

http::Response model_file(const tracking::Tracking& tracking, const http::Request& request) {
  auto path = request.find_query("artifact_file_path");
  if (!path || path->empty()) fail(Code::invalid_argument, "Request must specify artifact_file_path.");
  std::string root = tracking.models.get(std::string(request.param("id"))).artifact_uri;
  return download(tracking.artifacts, tracking::Artifacts::path_of(root, *path), request);
}

http::Route get_route(std::string path, http::Handler handler) {
  return {
      .method = "GET", .path = std::move(path), .permission = http::Permission::read, .handler = std::move(handler)};
}

void add_transfer_refusals(Table& table) {
  auto no_upload = [](http::Request&) -> http::Response {
    fail(Code::unimplemented, "Multipart upload is not supported for the current artifact repository");
  };
  for (std::string_view step : {"create", "complete", "abort"}) {
    table.raw("POST", fmt::format("{}/mpu/{}/{{path*}}", kProxy, step), http::Permission::write, no_upload);
  }
  table.raw("GET", fmt::format("{}/presigned/{{path*}}", kProxy), http::Permission::read,
            [](http::Request&) -> http::Response {
              fail(Code::unimplemented, "Multipart download is not supported for the current artifact repository");
            });
}

}  // namespace

std::string write_files(const std::vector<tracking::ArtifactEntry>& entries, const std::string& prefix,
                        const std::string* root_uri) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  if (root_uri != nullptr) out.key("root_uri").string(*root_uri);
  write_list(out, "files", entries, [&](json::Writer& w, const tracking::ArtifactEntry& entry) {
    w.begin_object().key("path").string(prefix + entry.name).key("is_dir").boolean(entry.is_directory);
    if (!entry.is_directory && entry.size_bytes > 0) w.key("file_size").integer(static_cast<int64_t>(entry.size_bytes));
    w.end_object();
  });
  out.end_object();
  return body;
}

void add_artifact_routes(Table& table, tracking::Tracking& tracking, registry::Registry& registry, size_t limit_bytes) {
  auto& artifacts = tracking.artifacts;
  std::string file = fmt::format("{}/artifacts/{{path*}}", kProxy);
  table.raw("GET", file, http::Permission::read,
            [&](http::Request& request) { return download(artifacts, path_of(request), request); });
  table.raw(
      "PUT", file, http::Permission::write, [&](http::Request& request) { return upload(artifacts, request); },
      http::Body::stream, limit_bytes);
  table.raw("DELETE", file, http::Permission::write, [&](http::Request& request) {
    artifacts.remove(path_of(request));
    return http::Response::json("{}");
  });
  table.raw("GET", fmt::format("{}/artifacts", kProxy), http::Permission::read, [&](http::Request& request) {
    return http::Response::json(write_files(artifacts.list(request.find_query("path").value_or("")), "", nullptr));
  });
  add_transfer_refusals(table);
  table.one(get_route("/get-artifact", [&](http::Request& request) { return run_file(tracking, request); }));
  table.one(get_route("/model-versions/get-artifact",
                      [&](http::Request& request) { return version_file(tracking, registry, request); }));
  table.one(get_route("/ajax-api/2.0/mlflow/logged-models/{id}/artifacts/files",
                      [&](http::Request& request) { return model_file(tracking, request); }));
  table.one({.method = "POST",
             .path = "/ajax-api/2.0/mlflow/upload-artifact",
             .permission = http::Permission::write,
             .handler = http::Handler([&](http::Request& request) { return upload_small(tracking, request); })});
}

}  // namespace fettle::api::mlflow
