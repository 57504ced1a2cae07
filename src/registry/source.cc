#include "registry/source.h"

#include "base/error.h"
#include "base/text.h"
#include "base/uri.h"

namespace fettle::registry {
namespace {

constexpr std::string_view kModelScheme = "models:/";
constexpr std::string_view kArtifactScheme = "mlflow-artifacts:";
constexpr std::string_view kProxyRoute = "/2.0/mlflow-artifacts/artifacts/";

bool is_digits(std::string_view text) {
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

[[noreturn]] void fail_identity(const std::string& source, std::string_view parameter) {
  fail(Code::invalid_argument,
       "Invalid model version source: '{}'. The {} request parameter must identify the resource that contains the "
       "source.",
       source, parameter);
}

std::string decode_fully(std::string text) {
  for (int i = 0; i < 10; ++i) {
    auto next = percent_decode(text);
    if (!next || *next == text) break;
    text = std::move(*next);
  }
  return text;
}

bool has_dot_segments(std::string_view path) {
  for (auto part : split(path, '/')) {
    if (part == ".." || part == ".") return true;
  }
  return path.find_first_of("\\#") != std::string_view::npos || path.find('\0') != std::string_view::npos;
}

void refuse_relative_parts(const std::string& source) {
  if (!has_dot_segments(decode_fully(source))) return;
  fail(Code::invalid_argument,
       "Invalid model version source: '{}'. If supplying a source as an http, https, local file path, ftp, "
       "objectstore, or "
       "mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please "
       "provide an absolute "
       "path.",
       source);
}

// "mlflow-artifacts:///a/b/" -> "a/b"
std::string path_in_store(std::string_view uri) {
  std::string path = decode_fully(std::string(uri.substr(kArtifactScheme.size())));
  while (path.starts_with('/')) path.erase(0, 1);
  while (path.ends_with('/')) path.pop_back();
  return path;
}

bool is_inside(const std::string& uri, const std::string& root) {
  if (!uri.starts_with(kArtifactScheme) || !root.starts_with(kArtifactScheme)) return false;
  std::string path = path_in_store(uri);
  std::string base = path_in_store(root);
  return path == base || path.starts_with(base + "/");
}

std::string run_root(const std::string& run_id, const Sources& sources) {
  auto root = sources.run_artifact_uri(run_id);
  if (!root) fail(Code::not_found, "Run with id={} not found", run_id);
  return *root;
}

SourceLocation from_logged_model(const SourceRequest& request, const std::string& model_id, const Sources& sources) {
  if (request.model_id != model_id) fail_identity(request.source, "model_id");
  auto model = sources.logged_model(model_id);
  if (!model) fail(Code::not_found, "Logged model with ID '{}' not found.", model_id);
  if (!request.run_id.empty() && !model->run_id.empty() && request.run_id != model->run_id)
    fail_identity(request.source, "run_id");
  return {request.source, model->artifact_uri, request.run_id.empty() ? model->run_id : request.run_id, model_id};
}

SourceLocation from_run(const SourceRequest& request, const Sources& sources) {
  std::string rest = request.source.substr(std::string_view("runs:").size());
  while (rest.starts_with('/')) rest.erase(0, 1);
  refuse_relative_parts(request.source);
  size_t slash = rest.find('/');
  if (rest.substr(0, slash) != request.run_id || request.run_id.empty()) fail_identity(request.source, "run_id");
  std::string below = slash == std::string::npos ? "" : rest.substr(slash);
  return {request.source, run_root(request.run_id, sources) + below, request.run_id, request.model_id};
}

SourceLocation from_store(const SourceRequest& request, const std::string& uri, const Sources& sources) {
  refuse_relative_parts(uri);
  SourceLocation location{request.source, uri, request.run_id, request.model_id};
  if (!request.model_id.empty()) {
    auto model = sources.logged_model(request.model_id);
    if (!model) fail(Code::not_found, "Logged model with ID '{}' not found.", request.model_id);
    if (!is_inside(uri, model->artifact_uri)) fail_identity(request.source, "model_id");
    if (location.run_id.empty()) location.run_id = model->run_id;
    return location;
  }
  if (request.run_id.empty() || !is_inside(uri, run_root(request.run_id, sources)))
    fail_identity(request.source, "run_id");
  return location;
}

bool is_free_scheme(std::string_view scheme) {
  for (std::string_view free : {"s3", "s3a", "gs", "wasb", "wasbs", "adl", "dbfs"}) {
    if (scheme == free) return true;
  }
  return false;
}

}  // namespace

std::optional<ModelReference> parse_model_reference(std::string_view text) {
  if (text.starts_with(kModelScheme)) text.remove_prefix(kModelScheme.size());
  if (text.starts_with("m-") && text.size() == 34 && text.find_first_of("/@") == std::string_view::npos) {
    return ModelReference{.model_id = std::string(text)};
  }
  ModelReference reference;
  if (size_t at = text.rfind('@'); at != std::string_view::npos) {
    reference.name = text.substr(0, at);
    reference.alias = text.substr(at + 1);
    if (reference.alias.empty()) return std::nullopt;
  } else {
    size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    reference.name = text.substr(0, slash);
    reference.version = text.substr(slash + 1);
    if (!is_digits(reference.version) && !iequals(reference.version, "latest")) return std::nullopt;
  }
  if (reference.name.empty() || reference.name.find_first_of("/:") != std::string::npos) return std::nullopt;
  return reference;
}

SourceLocation resolve_source(const SourceRequest& request, const Sources& sources) {
  const std::string& source = request.source;
  if (request.is_prompt) {
    if (source == "dummy-source" || source == "prompt-template")
      return {source, source, request.run_id, request.model_id};
    fail(Code::invalid_argument, "Invalid prompt source: '{}'. Prompt sources must use an MLflow placeholder.", source);
  }
  if (source.starts_with("models:")) {
    auto reference = parse_model_reference(source);
    if (!reference || reference->model_id.empty()) {
      fail(Code::invalid_argument,
           "Invalid model version source: '{}'. Expected models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-ID.",
           source);
    }
    return from_logged_model(request, reference->model_id, sources);
  }
  if (source.starts_with("runs:")) return from_run(request, sources);
  if (source.starts_with("mlflow-artifacts:/") && !source.starts_with("mlflow-artifacts://")) {
    return from_store(request, source, sources);
  }
  auto uri = parse_uri(source);
  if (uri && (uri->scheme == "http" || uri->scheme == "https")) {
    if (size_t at = uri->path.find(kProxyRoute); at != std::string::npos) {
      std::string inside = "mlflow-artifacts:/" + uri->path.substr(at + kProxyRoute.size());
      return from_store(request, inside, sources);
    }
  }
  if (uri && is_free_scheme(uri->scheme)) {
    refuse_relative_parts(source);
    return {source, source, request.run_id, request.model_id};
  }
  if (uri && uri->scheme != "file") {
    fail(Code::invalid_argument,
         "'source' cannot use the '{0}' scheme: the '{0}' scheme addresses a host other than the tracking server's "
         "configured artifact "
         "storage, register the model from a run, a logged model or object storage instead",
         uri->scheme);
  }
  fail(Code::invalid_argument,
       "Invalid model version source: '{}'. To use a local path as a model version source, the run_id request "
       "parameter has to be "
       "specified and the local path has to be contained within the artifact directory of the run specified by the "
       "run_id.",
       source);
}

}  // namespace fettle::registry
