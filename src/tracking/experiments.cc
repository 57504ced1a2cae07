#include "tracking/experiments.h"

#include <set>

#include "sql/database.h"
#include "sql/statement.h"
#include "tracking/names.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

Experiment active_experiment(sql::Connection& c, int64_t id) {
  auto found = find_experiment(c, id);
  if (!found) fail(Code::not_found, "No Experiment with id={} exists", id);
  return *found;
}

void check_tag(const KeyValue& tag) {
  check_key(tag.key, "Tag key", "key");
  if (utf8_length(tag.value) > kExperimentTagValueLimit) {
    fail(Code::invalid_argument, "'Tag value' exceeds the maximum length of {} characters", kExperimentTagValueLimit);
  }
}

void put_tag(sql::Connection& c, int64_t id, const KeyValue& tag) {
  c.exec(
      "insert into experiment_tags (experiment_id, key, value) values ($1, $2, $3) "
      "on conflict (experiment_id, key) do update set value = excluded.value",
      id, tag.key, tag.value);
}

void insert_experiment(sql::Connection& c, const Experiment& e) {
  auto same = c.query_one("select id, deleted from experiments where name = $1", e.name);
  if (same && same->boolean(1)) {
    fail(Code::already_exists,
         "Experiment(name={}) already exists. It has id {} and is deleted: restore it, or choose another name.", e.name,
         same->integer(0));
  }
  if (same) fail(Code::already_exists, "Experiment(name={}) already exists. It has id {}.", e.name, same->integer(0));
  c.exec(
      "insert into experiments (id, name, artifact_location, deleted, created_ms, updated_ms) values ($1, $2, $3, $4, "
      "$5, $5)",
      e.id, e.name, e.artifact_location, false, e.created_ms);
  for (const auto& tag : e.tags) put_tag(c, e.id, tag);
}

std::string_view column_of(ExperimentField field) {
  switch (field) {
    case ExperimentField::id: return "e.id";
    case ExperimentField::name: return "e.name";
    case ExperimentField::created: return "e.created_ms";
    case ExperimentField::updated: return "e.updated_ms";
    case ExperimentField::tag: break;
  }
  fail(Code::internal, "a tag is no column");
}

void add_tag_condition(sql::Statement& s, const Condition<ExperimentField>& condition) {
  bool absent = condition.compare == Compare::is_null;
  s.add(absent ? "not exists" : "exists");
  s.add(" (select 1 from experiment_tags t where t.experiment_id = e.id and t.key = ").add(s.bind(condition.key));
  if (!absent && condition.compare != Compare::is_not_null) {
    s.add(" and ");
    s.add_condition("t.value", condition.compare, condition.operand);
  }
  s.add(")");
}

std::vector<sql::SortColumn> sort_columns(const std::vector<OrderBy<ExperimentField>>& order) {
  if (order.empty()) return {{"e.created_ms", true}, {"e.id", false}};
  std::vector<sql::SortColumn> columns;
  std::set<std::string_view> seen;
  for (const auto& term : order) {
    if (seen.insert(column_of(term.field)).second)
      columns.push_back({std::string(column_of(term.field)), term.descending});
  }
  if (!seen.contains("e.id")) columns.push_back({"e.id", true});
  return columns;
}

}  // namespace

Experiments::Experiments(sql::Database& database, const Clock& clock, Config config)
    : database_(database), clock_(clock), config_(std::move(config)) {}

void Experiments::ensure_default() {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    if (find_experiment(c, 0)) return;
    insert_experiment(
        c, {.id = 0, .name = "Default", .artifact_location = config_.artifact_root + "/0", .created_ms = now});
  });
}

int64_t Experiments::create(const Create& request) {
  check_experiment_name(request.name);
  std::set<std::string_view> keys;
  for (const auto& tag : request.tags) {
    check_tag(tag);
    if (!keys.insert(tag.key).second) fail(Code::invalid_argument, "duplicate tag key '{}'", tag.key);
  }
  if (!request.artifact_location.empty()) check_artifact_location(request.artifact_location);
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    int64_t id = c.query("select coalesce(max(id), 0) + 1 from experiments")[0].integer(0);
    std::string location = request.artifact_location;
    if (location.empty()) location = fmt::format("{}/{}", config_.artifact_root, id);
    insert_experiment(
        c, {.id = id, .name = request.name, .artifact_location = location, .created_ms = now, .tags = request.tags});
    return id;
  });
}

Experiment Experiments::get(int64_t id) const {
  auto found = database_.read([&](sql::Connection& c) { return find_experiment(c, id); });
  if (!found) fail(Code::not_found, "No Experiment with id={} exists", id);
  return *found;
}

Experiment Experiments::get_by_name(const std::string& name) const {
  auto found = database_.read([&](sql::Connection& c) -> std::optional<Experiment> {
    auto row = c.query_one("select id from experiments where name = $1", name);
    if (!row) return std::nullopt;
    return find_experiment(c, row->integer(0));
  });
  if (!found) fail(Code::not_found, "Could not find experiment with name '{}'", name);
  return *found;
}

void Experiments::rename(int64_t id, const std::string& name) {
  check_experiment_name(name);
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    Experiment experiment = active_experiment(c, id);
    if (experiment.deleted) fail(Code::failed_precondition, "Cannot rename a non-active experiment.");
    auto other = c.query_one("select id from experiments where name = $1 and id <> $2", name, id);
    if (other) fail(Code::already_exists, "Experiment(name={}) already exists. It has id {}.", name, other->integer(0));
    c.exec("update experiments set name = $2, updated_ms = $3 where id = $1", id, name, now);
  });
}

void Experiments::remove(int64_t id) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    if (active_experiment(c, id).deleted) fail(Code::not_found, "No Experiment with id={} exists", id);
    c.exec("update experiments set deleted = $2, updated_ms = $3 where id = $1", id, true, now);
    c.exec("update runs set deleted = $2, deleted_ms = $3 where experiment_id = $1 and deleted = $4", id, true, now,
           false);
  });
}

void Experiments::restore(int64_t id) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    if (!active_experiment(c, id).deleted) fail(Code::not_found, "No deleted Experiment with id={} exists", id);
    c.exec("update experiments set deleted = $2, updated_ms = $3 where id = $1", id, false, now);
    c.exec("update runs set deleted = $2, deleted_ms = null where experiment_id = $1", id, false);
  });
}

void Experiments::set_tag(int64_t id, const KeyValue& tag) {
  check_tag(tag);
  database_.write([&](sql::Connection& c) {
    if (active_experiment(c, id).deleted) {
      fail(Code::invalid_argument, "The experiment {} must be in the 'active' state. Current state is deleted.", id);
    }
    put_tag(c, id, tag);
  });
}

void Experiments::delete_tag(int64_t id, const std::string& key) {
  database_.write([&](sql::Connection& c) {
    if (active_experiment(c, id).deleted) {
      fail(Code::invalid_argument, "The experiment {} must be in the 'active' state. Current state is deleted.", id);
    }
    if (c.exec("delete from experiment_tags where experiment_id = $1 and key = $2", id, key) == 0) {
      fail(Code::not_found, "No tag with name: {} in experiment with id {}", key, id);
    }
  });
}

Page<Experiment> Experiments::search(const ExperimentQuery& query) const {
  auto columns = sort_columns(query.order);
  sql::Statement s("select e.id");
  for (const auto& column : columns) s.add(", ").add(column.expression);
  s.add(" from experiments e where 1 = 1");
  if (query.view != View::all) s.add(" and e.deleted = ").add(s.bind(int64_t{query.view == View::deleted}));
  for (const auto& condition : query.conditions) {
    s.add(" and ");
    if (condition.field == ExperimentField::tag) {
      add_tag_condition(s, condition);
    } else {
      s.add_condition(condition.field == ExperimentField::id ? "cast(e.id as text)" : column_of(condition.field),
                      condition.compare, condition.operand);
    }
  }
  if (query.after) {
    s.add(" and ");
    s.add_after(columns, *query.after);
  }
  s.add_order(columns);
  s.add(" limit ").add(s.bind(query.limit + 1));
  return database_.read([&](sql::Connection& c) {
    std::vector<sql::Row> rows;
    c.query_each(s.text(), s.values(), [&](const sql::Row& row) { rows.push_back(row); });
    Page<Experiment> page;
    auto shown = std::min(rows.size(), static_cast<size_t>(query.limit));
    for (size_t i = 0; i < shown; ++i) page.items.push_back(*find_experiment(c, rows[i].integer(0)));
    if (rows.size() > shown) page.next = sql::cursor_from(rows[shown - 1], 1, columns.size());
    return page;
  });
}

}  // namespace fettle::tracking
