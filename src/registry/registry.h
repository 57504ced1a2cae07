// The registry: named models with numbered versions, aliases, tags and stages (spec/mlflow.md 1.5, 2.8). Every change
// is audited in the same transaction; a version is an effect of its run in the lineage.
//   registry::Registry registry(database, sources, clock);
//   auto version = registry.create_version({.model = "flights", .source = "models:/m-…", .model_id = "m-…"}, "ann");
//   registry.set_alias("flights", "champion", version.version, "ann");
#pragma once

#include <functional>

#include "base/clock.h"
#include "registry/source.h"
#include "registry/types.h"

namespace fettle::sql {
class Connection;
class Database;
}  // namespace fettle::sql

namespace fettle::registry {

// Thread-safe; keeps references to its collaborators. Unknown models and versions are not_found. `by` is who asks, for
// the audit.
class Registry {
 public:
  // `changed` is told the model after each committed change to its versions or aliases; it must be quick.
  Registry(sql::Database& database, const Sources& sources, const Clock& clock,
           std::function<void(const std::string& model)> changed = {});

  RegisteredModel create_model(const std::string& name, const std::vector<KeyValue>& tags,
                               std::optional<std::string> description, const std::string& by);
  RegisteredModel get_model(const std::string& name) const;
  // Versions, tags and aliases come along; old lineage stays reachable.
  RegisteredModel rename_model(const std::string& name, const std::string& new_name, const std::string& by);
  RegisteredModel describe_model(const std::string& name, std::optional<std::string> description);
  // For good, with its versions.
  void delete_model(const std::string& name, const std::string& by);
  void set_model_tag(const std::string& name, const KeyValue& tag);
  void delete_model_tag(const std::string& name, const std::string& key);
  Page<RegisteredModel> search_models(const ModelQuery& query) const;

  struct CreateVersion {
    std::string model;
    std::string source;
    std::string run_id;
    std::string model_id;
    std::string run_link;
    std::string description;
    std::vector<KeyValue> tags;
  };
  ModelVersion create_version(const CreateVersion& request, const std::string& by);
  ModelVersion get_version(const std::string& model, int64_t version) const;
  // By number, alias, or "latest" (any case: the highest number); digits are always a number. Nothing when there is
  // none; never throws not_found.
  std::optional<ModelVersion> find_version(const std::string& model, const std::string& version_or_alias) const;
  // `models:/NAME/VERSION`, `NAME@ALIAS`, … (parse_model_reference). Nothing when malformed or absent.
  std::optional<ModelVersion> resolve(const std::string& reference) const;
  ModelVersion describe_version(const std::string& model, int64_t version, const std::string& description);
  // Its number stays taken; its aliases go.
  void delete_version(const std::string& model, int64_t version, const std::string& by);
  void set_version_tag(const std::string& model, int64_t version, const KeyValue& tag);
  void delete_version_tag(const std::string& model, int64_t version, const std::string& key);
  enum class Others { keep, archive };
  ModelVersion transition(const std::string& model, int64_t version, const std::string& stage, Others others,
                          const std::string& by);
  // The highest version of each stage present, or of the stages asked for.
  std::vector<ModelVersion> latest_versions(const std::string& model, const std::vector<std::string>& stages) const;
  Page<ModelVersion> search_versions(const VersionQuery& query) const;
  // Artifact URI of the version's files.
  std::string download_uri(const std::string& model, int64_t version) const;

  // Points the alias at the version, in one step, whatever it pointed at before.
  void set_alias(const std::string& model, const std::string& alias, int64_t version, const std::string& by);
  // The same inside a caller's transaction (a rollout that promotes); the caller tells `notify` after its commit.
  void set_alias_in(sql::Connection& connection, const std::string& model, const std::string& alias, int64_t version,
                    const std::string& by, const std::string& reason) const;
  void notify(const std::string& model) const;
  // Harmless when there is none.
  void delete_alias(const std::string& model, const std::string& alias, const std::string& by);
  // By alias only, which may be digits; "latest" is the highest number.
  std::optional<ModelVersion> find_by_alias(const std::string& model, const std::string& alias) const;
  // invalid_argument `Registered model alias X not found.`
  ModelVersion get_by_alias(const std::string& model, const std::string& alias) const;

 private:
  sql::Database& database_;
  const Sources& sources_;
  const Clock& clock_;
  std::function<void(const std::string&)> changed_;
};

}  // namespace fettle::registry
