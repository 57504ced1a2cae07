#include "registry/rows.h"

#include <algorithm>

namespace fettle::registry {

std::string model_id_of(sql::Connection& c, const std::string& name) {
  auto row = c.query_one("select id from registered_models where name = $1", name);
  if (!row) fail(Code::not_found, "Registered Model with name={} not found", name);
  return row->text(0);
}

RegisteredModel load_model(sql::Connection& c, const std::string& model_id) {
  auto row = c.query("select name, description, user_id, created_ms, updated_ms from registered_models where id = $1",
                     model_id)
                 .at(0);
  RegisteredModel model{.name = row.text(0),
                        .description = row.find_text(1),
                        .user_id = row.text(2),
                        .created_ms = row.integer(3),
                        .updated_ms = row.integer(4)};
  for (const auto& tag :
       c.query("select key, value from registered_model_tags where model_id = $1 order by key", model_id)) {
    model.tags.push_back({tag.text(0), tag.text(1)});
  }
  for (const auto& alias :
       c.query("select alias, version from model_aliases where model_id = $1 order by alias", model_id)) {
    model.aliases.push_back({alias.text(0), alias.integer(1)});
  }
  model.latest_versions = load_latest(c, model_id, {}, Aliases::leave);
  return model;
}

std::optional<ModelVersion> find_model_version(sql::Connection& c, const std::string& model_id, int64_t version,
                                               Aliases aliases) {
  auto row = c.query_one(
      "select m.name, v.version, v.description, v.user_id, v.stage, v.source, v.storage_location, v.run_id, "
      "v.logged_model_id, "
      "v.run_link, v.created_ms, v.updated_ms from model_versions v join registered_models m on m.id = v.model_id "
      "where v.model_id = $1 and v.version = $2 and v.deleted = $3",
      model_id, version, false);
  if (!row) return std::nullopt;
  ModelVersion found{.model = row->text(0),
                     .version = row->integer(1),
                     .description = row->find_text(2).value_or(""),
                     .user_id = row->text(3),
                     .stage = row->text(4),
                     .source = row->text(5),
                     .storage_location = row->text(6),
                     .run_id = row->text(7),
                     .logged_model_id = row->text(8),
                     .run_link = row->text(9),
                     .created_ms = row->integer(10),
                     .updated_ms = row->integer(11)};
  for (const auto& tag :
       c.query("select key, value from model_version_tags where model_id = $1 and version = $2 order by key", model_id,
               version)) {
    found.tags.push_back({tag.text(0), tag.text(1)});
  }
  if (aliases == Aliases::leave) return found;
  for (const auto& alias : c.query(
           "select alias from model_aliases where model_id = $1 and version = $2 order by alias", model_id, version)) {
    found.aliases.push_back(alias.text(0));
  }
  return found;
}

ModelVersion get_model_version(sql::Connection& c, const std::string& model, int64_t version, Aliases aliases) {
  auto row = c.query_one("select id from registered_models where name = $1", model);
  std::optional<ModelVersion> found;
  if (row) found = find_model_version(c, row->text(0), version, aliases);
  if (!found) fail(Code::not_found, "Model Version (name={}, version={}) not found", model, version);
  return *found;
}

std::vector<ModelVersion> load_latest(sql::Connection& c, const std::string& model_id,
                                      const std::vector<std::string>& stages, Aliases aliases) {
  auto rows = c.query(
      "select stage, max(version) from model_versions where model_id = $1 and deleted = $2 group by stage order by "
      "stage",
      model_id, false);
  std::vector<ModelVersion> latest;
  for (const auto& row : rows) {
    if (!stages.empty() && std::find(stages.begin(), stages.end(), row.text(0)) == stages.end()) continue;
    latest.push_back(*find_model_version(c, model_id, row.integer(1), aliases));
  }
  return latest;
}

}  // namespace fettle::registry
