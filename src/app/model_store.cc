#include "app/model_store.h"

#include <algorithm>

#include "base/error.h"

namespace fettle::app {
namespace {

constexpr uint64_t kModelLimitBytes = uint64_t{2} << 30;
constexpr uint64_t kReferenceLimitBytes = 256 << 20;
constexpr size_t kReferenceRows = 100'000;
// What training scripts call the model's own answer in the sample; the baseline of the predictions' drift.
constexpr std::string_view kPredictionColumn = "prediction";
constexpr std::string_view kScoreColumn = "fettle_score";
constexpr std::string_view kDefaultReference = "reference.csv";

// MLmodel names the file of its onnx flavour; without one, the only .onnx file of the directory is it.
std::string onnx_path(tracking::Tracking& tracking, const std::string& directory) {
  std::string model_file = directory + "/model.onnx";
  if (tracking.artifacts.find(model_file)) return model_file;
  std::vector<std::string> found;
  for (const auto& file : tracking.artifacts.list_all(directory)) {
    if (file.path.ends_with(".onnx")) found.push_back(file.path);
  }
  if (found.size() == 1) return found.front();
  fail(Error{Code::failed_precondition,
             fmt::format("the version has {} .onnx files among its artifacts, expected one", found.size()),
             {},
             "log the model with mlflow.onnx.log_model"});
}

}  // namespace

std::optional<registry::ModelVersion> ModelStore::find(const std::string& model, const std::string& selector) const {
  std::string name = selector.starts_with('@') ? selector.substr(1) : selector;
  return registry_.find_version(model, name);
}

std::optional<std::string> ModelStore::resolve(const gateway::ModelRef& ref) {
  auto version = registry_.find_version(ref.model, ref.selector);
  if (!version) return std::nullopt;
  return std::to_string(version->version);
}

serving::ModelSource ModelStore::source(const std::string& model, const std::string& version) const {
  auto found = registry_.find_version(model, version);
  if (!found) fail(Code::not_found, "no version '{}' of model '{}'", version, model);
  std::string directory = tracking::Artifacts::path_of(registry_.download_uri(model, found->version));
  serving::ModelSource source;
  source.name = model;
  source.version = version;
  source.bytes =
      std::make_shared<const std::string>(tracking_.artifacts.read(onnx_path(tracking_, directory), kModelLimitBytes));
  return source;
}

void ModelStore::ensure_loaded(const std::string& model, const std::string& version) {
  if (runtime_.pin(model, version)) return;
  std::lock_guard lock(loading_);
  if (runtime_.pin(model, version)) return;
  runtime_.load(source(model, version));
}

std::shared_ptr<const stats::Table> ModelStore::reference(const std::string& model, const std::string& version,
                                                          const std::string& artifact) {
  auto found = registry_.find_version(model, version);
  if (!found || found->run_id.empty()) return nullptr;
  auto run = tracking_.runs.find(found->run_id);
  if (!run) return nullptr;
  std::string path =
      tracking::Artifacts::path_of(run->artifact_uri, artifact.empty() ? std::string(kDefaultReference) : artifact);
  if (!tracking_.artifacts.find(path)) return nullptr;
  return std::make_shared<const stats::Table>(
      stats::parse_csv(tracking_.artifacts.read(path, kReferenceLimitBytes), {.max_rows = kReferenceRows}));
}

void ModelStore::move_alias(sql::Connection& connection, const gateway::AliasMove& move) {
  registry_.set_alias_in(connection, move.model, move.alias, std::stoll(move.version), move.by, move.reason);
}

std::optional<monitoring::Reference> ModelStore::reference(const monitoring::ReferenceQuery& query) {
  auto found = find(query.model, query.version);
  if (!found) return std::nullopt;
  std::string version = std::to_string(found->version);
  auto table = reference(query.model, version, query.artifact);
  if (!table) return std::nullopt;
  if (table->find(kPredictionColumn) != nullptr && table->find(kScoreColumn) == nullptr) {
    auto renamed = std::make_shared<stats::Table>(*table);
    for (auto& column : renamed->columns) {
      if (column.name == kPredictionColumn && column.numeric) column.name = kScoreColumn;
    }
    table = renamed;
  }
  return monitoring::Reference{version, found->run_id, table};
}

}  // namespace fettle::app
