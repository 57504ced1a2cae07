#include "base/text.h"
#include "journal/journal.h"
#include "registry/detail_file.h"
#include "registry/names.h"
#include "registry/registry.h"
#include "registry/rows.h"
#include "sql/database.h"

namespace fettle::registry {
namespace {

void touch_model(sql::Connection& c, const std::string& id, int64_t now) {
  c.exec("update registered_models set updated_ms = $2 where id = $1", id, now);
}

void audit_version(sql::Connection& c, const std::string& by, std::string_view action, const std::string& model,
                   int64_t version, int64_t now, std::string detail = "{}") {
  journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                            .action = std::string(action),
                            .subject = fmt::format("{}/{}", model, version),
                            .detail = std::move(detail),
                            .at_ms = now});
}

// The last value of the tag counts, in any case.
bool is_prompt(const std::vector<KeyValue>& tags) {
  bool prompt = false;
  for (const auto& tag : tags) {
    if (tag.key == kPromptTag) prompt = iequals(tag.value, "true");
  }
  return prompt;
}

int64_t insert_version(sql::Connection& c, const std::string& id, const Registry::CreateVersion& request,
                       const SourceLocation& location, const std::string& by, int64_t now) {
  int64_t version = c.query(
                         "update registered_models set last_version = last_version + 1, updated_ms = $2 where id = $1 "
                         "returning last_version",
                         id, now)[0]
                        .integer(0);
  c.exec(
      "insert into model_versions (model_id, version, description, user_id, stage, source, storage_location, run_id, "
      "logged_model_id, "
      "run_link, created_ms, updated_ms, deleted) values ($1, $2, $3, $4, 'None', $5, $6, $7, $8, $9, $10, $10, $11)",
      id, version, request.description, by, location.source, location.storage_location, location.run_id,
      location.model_id, request.run_link, now, false);
  for (const auto& tag : request.tags) {
    c.exec(
        "insert into model_version_tags (model_id, version, key, value) values ($1, $2, $3, $4) "
        "on conflict (model_id, version, key) do update set value = excluded.value",
        id, version, tag.key, tag.value);
  }
  return version;
}

}  // namespace

ModelVersion Registry::create_version(const CreateVersion& request, const std::string& by) {
  for (const auto& tag : request.tags) check_tag(tag.key, tag.value);
  SourceRequest asked{request.source, request.run_id, request.model_id, is_prompt(request.tags)};
  SourceLocation location;
  auto reference = request.source.starts_with("models:/") ? parse_model_reference(request.source) : std::nullopt;
  if (reference && !reference->name.empty() && !asked.is_prompt) {
    auto origin = resolve(request.source);
    if (!origin) fail(Code::not_found, "Model Version (source={}) not found", request.source);
    if (origin->source == "dummy-source" || origin->source == "prompt-template") {
      fail(Code::invalid_argument, "Invalid model version source: '{}'. A prompt is no model.", request.source);
    }
    bool same_run = request.run_id.empty() || request.run_id == origin->run_id;
    bool same_model = request.model_id.empty() || request.model_id == origin->logged_model_id;
    if (!same_run || !same_model) {
      fail(Code::invalid_argument,
           "Invalid model version source: '{}'. The {} request parameter must identify the resource that contains the "
           "source.",
           request.source, same_run ? "model_id" : "run_id");
    }
    location = {fmt::format("models:/{}/{}", origin->model, origin->version), origin->storage_location, origin->run_id,
                origin->logged_model_id};
  } else {
    location = resolve_source(asked, sources_);
  }
  int64_t now = clock_.now_ms();
  auto made = database_.write([&](sql::Connection& c) {
    std::string id = model_id_of(c, request.model);
    int64_t version = insert_version(c, id, request, location, by, now);
    std::string node = fmt::format("{}/{}", request.model, version);
    if (!location.run_id.empty())
      journal::add_edge(c, {{"run", location.run_id}, {"model_version", node}, "registered", now});
    audit_version(c, by, "model_version.create", request.model, version, now);
    return *find_model_version(c, id, version, Aliases::load);
  });
  notify(request.model);
  return made;
}

ModelVersion Registry::get_version(const std::string& model, int64_t version) const {
  return database_.read([&](sql::Connection& c) { return get_model_version(c, model, version); });
}

std::optional<ModelVersion> Registry::find_version(const std::string& model,
                                                   const std::string& version_or_alias) const {
  return database_.read([&](sql::Connection& c) -> std::optional<ModelVersion> {
    auto row = c.query_one("select id from registered_models where name = $1", model);
    if (!row) return std::nullopt;
    std::string id = row->text(0);
    auto number = parse_int(version_or_alias);
    if (!number) {
      auto found =
          iequals(version_or_alias, "latest")
              ? c.query_one("select max(version) from model_versions where model_id = $1 and deleted = $2", id, false)
              : c.query_one("select version from model_aliases where model_id = $1 and alias = $2", id,
                            version_or_alias);
      if (found) number = found->find_integer(0);
    }
    if (!number) return std::nullopt;
    return find_model_version(c, id, *number, Aliases::load);
  });
}

std::optional<ModelVersion> Registry::resolve(const std::string& text) const {
  auto reference = parse_model_reference(text);
  if (!reference || reference->name.empty()) return std::nullopt;
  if (!reference->alias.empty()) return find_by_alias(reference->name, reference->alias);
  return find_version(reference->name, reference->version);
}

ModelVersion Registry::describe_version(const std::string& model, int64_t version, const std::string& description) {
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    get_model_version(c, model, version, Aliases::leave);
    c.exec("update model_versions set description = $3, updated_ms = $4 where model_id = $1 and version = $2",
           model_id_of(c, model), version, description, now);
    return get_model_version(c, model, version);
  });
}

void Registry::delete_version(const std::string& model, int64_t version, const std::string& by) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    get_model_version(c, model, version, Aliases::leave);
    std::string id = model_id_of(c, model);
    c.exec("delete from model_aliases where model_id = $1 and version = $2", id, version);
    c.exec("delete from model_version_tags where model_id = $1 and version = $2", id, version);
    c.exec(
        "update model_versions set deleted = $3, stage = 'Deleted_Internal', description = null, user_id = '', source "
        "= '', "
        "storage_location = '', run_id = '', logged_model_id = '', run_link = '', updated_ms = $4 where model_id = $1 "
        "and version = $2",
        id, version, true, now);
    touch_model(c, id, now);
    audit_version(c, by, "model_version.delete", model, version, now);
  });
  notify(model);
}

void Registry::set_version_tag(const std::string& model, int64_t version, const KeyValue& tag) {
  check_tag(tag.key, tag.value);
  database_.write([&](sql::Connection& c) {
    get_model_version(c, model, version, Aliases::leave);
    c.exec(
        "insert into model_version_tags (model_id, version, key, value) values ($1, $2, $3, $4) "
        "on conflict (model_id, version, key) do update set value = excluded.value",
        model_id_of(c, model), version, tag.key, tag.value);
  });
}

void Registry::delete_version_tag(const std::string& model, int64_t version, const std::string& key) {
  database_.write([&](sql::Connection& c) {
    get_model_version(c, model, version, Aliases::leave);
    c.exec("delete from model_version_tags where model_id = $1 and version = $2 and key = $3", model_id_of(c, model),
           version, key);
  });
}

ModelVersion Registry::transition(const std::string& model, int64_t version, const std::string& stage, Others others,
                                  const std::string& by) {
  std::string target = canonical_stage(stage);
  bool is_active = target == "Staging" || target == "Production";
  if (others == Others::archive && !is_active) {
    fail(Code::invalid_argument,
         "Model version transition cannot archive existing model versions because '{}' is not an Active stage. Valid "
         "stages are "
         "['Staging', 'Production']",
         target);
  }
  int64_t now = clock_.now_ms();
  auto moved = database_.write([&](sql::Connection& c) {
    get_model_version(c, model, version, Aliases::leave);
    std::string id = model_id_of(c, model);
    if (others == Others::archive) {
      c.exec(
          "update model_versions set stage = 'Archived', updated_ms = $4 where model_id = $1 and stage = $2 and "
          "version <> $3 and deleted = $5",
          id, target, version, now, false);
    }
    c.exec("update model_versions set stage = $3, updated_ms = $4 where model_id = $1 and version = $2", id, version,
           target, now);
    touch_model(c, id, now);
    audit_version(c, by, "model_version.transition", model, version, now, stage_detail(target));
    return get_model_version(c, model, version);
  });
  notify(model);
  return moved;
}

std::vector<ModelVersion> Registry::latest_versions(const std::string& model,
                                                    const std::vector<std::string>& stages) const {
  std::vector<std::string> wanted;
  for (const auto& stage : stages) wanted.push_back(canonical_stage(stage));
  return database_.read(
      [&](sql::Connection& c) { return load_latest(c, model_id_of(c, model), wanted, Aliases::load); });
}

std::string Registry::download_uri(const std::string& model, int64_t version) const {
  return database_.read(
      [&](sql::Connection& c) { return get_model_version(c, model, version, Aliases::leave).storage_location; });
}

void Registry::set_alias_in(sql::Connection& c, const std::string& model, const std::string& alias, int64_t version,
                            const std::string& by, const std::string& reason) const {
  check_alias(alias);
  std::string id = model_id_of(c, model);
  get_model_version(c, model, version, Aliases::leave);
  int64_t now = clock_.now_ms();
  auto before = c.query_one("select version from model_aliases where model_id = $1 and alias = $2", id, alias);
  if (before && before->integer(0) == version) return;
  c.exec(
      "insert into model_aliases (model_id, alias, version, moved_ms) values ($1, $2, $3, $4) "
      "on conflict (model_id, alias) do update set version = excluded.version, moved_ms = excluded.moved_ms",
      id, alias, version, now);
  std::optional<int64_t> from;
  if (before) from = before->integer(0);
  journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                            .action = "alias.set",
                            .subject = model + "@" + alias,
                            .detail = alias_detail(from, version, reason),
                            .at_ms = now});
}

void Registry::set_alias(const std::string& model, const std::string& alias, int64_t version, const std::string& by) {
  database_.write([&](sql::Connection& c) { set_alias_in(c, model, alias, version, by, ""); });
  notify(model);
}

void Registry::delete_alias(const std::string& model, const std::string& alias, const std::string& by) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    if (c.exec("delete from model_aliases where model_id = $1 and alias = $2", model_id_of(c, model), alias) == 0)
      return;
    journal::record_audit(c, {.actor = by.empty() ? "anonymous" : by,
                              .action = "alias.delete",
                              .subject = model + "@" + alias,
                              .detail = "{}",
                              .at_ms = now});
  });
  notify(model);
}

std::optional<ModelVersion> Registry::find_by_alias(const std::string& model, const std::string& alias) const {
  if (iequals(alias, "latest")) return find_version(model, alias);
  return database_.read([&](sql::Connection& c) -> std::optional<ModelVersion> {
    auto row = c.query_one(
        "select a.model_id, a.version from model_aliases a join registered_models m on m.id = a.model_id "
        "where m.name = $1 and a.alias = $2",
        model, alias);
    if (!row) return std::nullopt;
    return find_model_version(c, row->text(0), row->integer(1), Aliases::load);
  });
}

ModelVersion Registry::get_by_alias(const std::string& model, const std::string& alias) const {
  if (auto found = find_by_alias(model, alias)) return *found;
  get_model(model);
  fail(Code::invalid_argument, "Registered model alias {} not found.", alias);
}

}  // namespace fettle::registry
