#include "base/id.h"
#include "journal/journal.h"
#include "registry/detail_file.h"
#include "registry/names.h"
#include "registry/registry.h"
#include "registry/rows.h"
#include "sql/database.h"

namespace fettle::registry {

Registry::Registry(sql::Database& database, const Sources& sources, const Clock& clock,
                   std::function<void(const std::string& model)> changed)
    : database_(database), sources_(sources), clock_(clock), changed_(std::move(changed)) {}

void Registry::notify(const std::string& model) const {
  if (changed_) changed_(model);
}

RegisteredModel Registry::create_model(const std::string& name, const std::vector<KeyValue>& tags,
                                       std::optional<std::string> description, const std::string& by) {
  check_model_name(name);
  for (const auto& tag : tags) check_tag(tag.key, tag.value);
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    if (c.query_one("select id from registered_models where name = $1", name)) {
      fail(Code::already_exists, "Registered Model (name={}) already exists.", name);
    }
    std::string id = new_id(now);
    c.exec(
        "insert into registered_models (id, name, description, user_id, created_ms, updated_ms, last_version) "
        "values ($1, $2, $3, $4, $5, $5, 0)",
        id, name, description, by, now);
    for (const auto& tag : tags) {
      c.exec(
          "insert into registered_model_tags (model_id, key, value) values ($1, $2, $3) "
          "on conflict (model_id, key) do update set value = excluded.value",
          id, tag.key, tag.value);
    }
    journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                              .action = "registered_model.create",
                              .subject = name,
                              .detail = "{}",
                              .at_ms = now});
    return load_model(c, id);
  });
}

RegisteredModel Registry::get_model(const std::string& name) const {
  return database_.read([&](sql::Connection& c) { return load_model(c, model_id_of(c, name)); });
}

RegisteredModel Registry::rename_model(const std::string& name, const std::string& new_name, const std::string& by) {
  check_model_name(new_name);
  int64_t now = clock_.now_ms();
  auto model = database_.write([&](sql::Connection& c) {
    std::string id = model_id_of(c, name);
    if (new_name != name && c.query_one("select id from registered_models where name = $1", new_name)) {
      fail(Code::already_exists, "Registered Model (name={}) already exists.", new_name);
    }
    c.exec("update registered_models set name = $2, updated_ms = $3 where id = $1", id, new_name, now);
    c.exec("update model_versions set updated_ms = $2 where model_id = $1 and deleted = $3", id, now, false);
    if (new_name != name) {
      for (const auto& row : c.query("select version from model_versions where model_id = $1", id)) {
        std::string version = row.text(0);
        journal::add_edge(
            c, {{"model_version", name + "/" + version}, {"model_version", new_name + "/" + version}, "renamed", now});
      }
      journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                                .action = "registered_model.rename",
                                .subject = new_name,
                                .detail = rename_detail(name),
                                .at_ms = now});
    }
    return load_model(c, id);
  });
  notify(name);
  notify(new_name);
  return model;
}

RegisteredModel Registry::describe_model(const std::string& name, std::optional<std::string> description) {
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    std::string id = model_id_of(c, name);
    c.exec("update registered_models set description = $2, updated_ms = $3 where id = $1", id, description, now);
    return load_model(c, id);
  });
}

void Registry::delete_model(const std::string& name, const std::string& by) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    std::string id = model_id_of(c, name);
    c.exec("delete from model_aliases where model_id = $1", id);
    c.exec("delete from model_version_tags where model_id = $1", id);
    c.exec("delete from model_versions where model_id = $1", id);
    c.exec("delete from registered_model_tags where model_id = $1", id);
    c.exec("delete from registered_models where id = $1", id);
    journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                              .action = "registered_model.delete",
                              .subject = name,
                              .detail = "{}",
                              .at_ms = now});
  });
  notify(name);
}

void Registry::set_model_tag(const std::string& name, const KeyValue& tag) {
  check_tag(tag.key, tag.value);
  database_.write([&](sql::Connection& c) {
    c.exec(
        "insert into registered_model_tags (model_id, key, value) values ($1, $2, $3) "
        "on conflict (model_id, key) do update set value = excluded.value",
        model_id_of(c, name), tag.key, tag.value);
  });
}

void Registry::delete_model_tag(const std::string& name, const std::string& key) {
  database_.write([&](sql::Connection& c) {
    c.exec("delete from registered_model_tags where model_id = $1 and key = $2", model_id_of(c, name), key);
  });
}

}  // namespace fettle::registry
