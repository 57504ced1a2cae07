#include "tracking/logged_models.h"

#include <set>

#include "base/id.h"
#include "journal/journal.h"
#include "sql/database.h"
#include "sql/statement.h"
#include "tracking/names.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

void put_tag(sql::Connection& c, const std::string& id, const KeyValue& tag) {
  c.exec(
      "insert into logged_model_tags (model_id, key, value) values ($1, $2, $3) "
      "on conflict (model_id, key) do update set value = excluded.value",
      id, tag.key, tag.value);
}

void put_param(sql::Connection& c, const std::string& id, const KeyValue& param) {
  c.exec(
      "insert into logged_model_params (model_id, key, value) values ($1, $2, $3) "
      "on conflict (model_id, key) do update set value = excluded.value",
      id, param.key, truncate_utf8(param.value, kParamValueLimit));
}

void insert_model(sql::Connection& c, const LoggedModel& m) {
  c.exec(
      "insert into logged_models (id, experiment_id, name, model_type, source_run_id, status, artifact_uri, "
      "created_ms, updated_ms, "
      "deleted) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
      m.id, m.experiment_id, m.name, m.model_type, m.source_run_id, static_cast<int64_t>(m.status), m.artifact_uri,
      m.created_ms, false);
  for (const auto& tag : m.tags) put_tag(c, m.id, tag);
  for (const auto& param : m.params) put_param(c, m.id, param);
}

std::string_view column_of(LoggedModelField field) {
  switch (field) {
    case LoggedModelField::name: return "m.name";
    case LoggedModelField::id: return "m.id";
    case LoggedModelField::experiment_id: return "cast(m.experiment_id as text)";
    case LoggedModelField::model_type: return "m.model_type";
    case LoggedModelField::status: return "m.status";
    case LoggedModelField::source_run_id: return "m.source_run_id";
    case LoggedModelField::created: return "m.created_ms";
    case LoggedModelField::updated: return "m.updated_ms";
    default: fail(Code::internal, "a keyed field is no column");
  }
}

void add_dataset_scope(sql::Statement& s, const std::vector<LoggedModelQuery::DatasetRef>& datasets) {
  if (datasets.empty()) return;
  s.add(" and (");
  std::string_view separator;
  for (const auto& dataset : datasets) {
    s.add(separator).add("(k.dataset_name = ").add(s.bind(dataset.name));
    if (!dataset.digest.empty()) s.add(" and k.dataset_digest = ").add(s.bind(dataset.digest));
    s.add(")");
    separator = " or ";
  }
  s.add(")");
}

// The newest value of a metric of a model, by timestamp and step.
constexpr std::string_view kIsNewest =
    " and not exists (select 1 from logged_model_metrics n where n.model_id = k.model_id and n.key = k.key and "
    "(n.timestamp_ms > k.timestamp_ms or (n.timestamp_ms = k.timestamp_ms and n.step > k.step)))";

void add_condition(sql::Statement& s, const LoggedModelQuery& query, const Condition<LoggedModelField>& condition) {
  std::string_view table;
  if (condition.field == LoggedModelField::metric) table = "logged_model_metrics";
  if (condition.field == LoggedModelField::param) table = "logged_model_params";
  if (condition.field == LoggedModelField::tag) table = "logged_model_tags";
  if (table.empty()) {
    s.add_condition(column_of(condition.field), condition.compare, condition.operand);
    return;
  }
  bool absent = condition.compare == Compare::is_null;
  s.add(absent ? "m.id not in (select k.model_id from " : "m.id in (select k.model_id from ").add(table);
  s.add(" k where k.key = ").add(s.bind(condition.key));
  if (condition.field == LoggedModelField::metric) {
    add_dataset_scope(s, query.datasets);
    s.add(kIsNewest);
  }
  if (!absent && condition.compare != Compare::is_not_null) {
    s.add(" and ");
    s.add_condition("k.value", condition.compare, condition.operand);
  }
  s.add(")");
}

std::vector<sql::SortColumn> sort_columns(sql::Statement& s, const LoggedModelQuery& query) {
  std::vector<sql::SortColumn> columns;
  std::set<std::pair<LoggedModelField, std::string>> seen;
  for (const auto& term : query.order) {
    if (!seen.emplace(term.field, term.key).second) continue;
    if (term.field == LoggedModelField::metric) {
      std::string value = fmt::format(
          "(select k.value from logged_model_metrics k where k.model_id = m.id and k.key = {} order by k.timestamp_ms "
          "desc, k.step "
          "desc limit 1)",
          s.bind(term.key));
      columns.push_back({fmt::format("case when {} is null then 1 else 0 end", value)});
      columns.push_back({fmt::format("coalesce({}, 0)", value), term.descending});
    } else {
      columns.push_back({std::string(column_of(term.field)), term.descending});
    }
  }
  if (!seen.contains({LoggedModelField::created, ""})) columns.push_back({"m.created_ms", true});
  if (!seen.contains({LoggedModelField::id, ""})) columns.push_back({"m.id", false});
  return columns;
}

}  // namespace

LoggedModels::LoggedModels(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

LoggedModel LoggedModels::create(const Create& request) {
  if (!request.name.empty()) check_logged_model_name(request.name);
  for (const auto& tag : request.tags) check_key(tag.key, "Tag key");
  for (const auto& param : request.params) check_key(param.key, "Param key");
  LoggedModel model{.id = "m-" + new_run_id(),
                    .experiment_id = request.experiment_id,
                    .name = request.name.empty() ? random_run_name() : request.name,
                    .model_type = request.model_type,
                    .source_run_id = request.source_run_id,
                    .created_ms = clock_.now_ms(),
                    .tags = request.tags,
                    .params = request.params};
  model.updated_ms = model.created_ms;
  return database_.write([&](sql::Connection& c) {
    auto experiment = find_experiment(c, model.experiment_id);
    if (!experiment) fail(Code::not_found, "No Experiment with id={} exists", model.experiment_id);
    if (experiment->deleted) {
      fail(Code::invalid_argument, "The experiment {} must be in the 'active' state. Current state is deleted.",
           model.experiment_id);
    }
    LoggedModel made = model;
    std::string root = experiment->artifact_location;
    while (root.ends_with('/')) root.pop_back();
    made.artifact_uri = fmt::format("{}/models/{}/artifacts", root, made.id);
    insert_model(c, made);
    if (!made.source_run_id.empty()) {
      get_run(c, made.source_run_id);
      journal::add_edge(c, {{"run", made.source_run_id}, {"artifact", made.id}, "produced", made.created_ms});
    }
    return made;
  });
}

LoggedModel LoggedModels::get(const std::string& id, Deleted deleted) const {
  auto model = find(id);
  if (!model || (model->deleted && deleted == Deleted::refuse)) {
    fail(Code::not_found, "Logged model with ID '{}' not found.", id);
  }
  return *model;
}

std::optional<LoggedModel> LoggedModels::find(const std::string& id) const {
  return database_.read([&](sql::Connection& c) { return find_logged_model(c, id); });
}

LoggedModel LoggedModels::finalise(const std::string& id, ModelStatus status) {
  int64_t now = clock_.now_ms();
  return database_.write([&](sql::Connection& c) {
    get_logged_model(c, id);
    c.exec("update logged_models set status = $2, updated_ms = $3 where id = $1", id, static_cast<int64_t>(status),
           now);
    return get_logged_model(c, id);
  });
}

void LoggedModels::remove(const std::string& id) {
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    if (c.exec("update logged_models set deleted = $2, updated_ms = $3 where id = $1", id, true, now) == 0) {
      fail(Code::not_found, "Logged model with ID '{}' not found.", id);
    }
  });
}

void LoggedModels::set_tags(const std::string& id, const std::vector<KeyValue>& tags) {
  for (const auto& tag : tags) check_key(tag.key, "Tag key");
  database_.write([&](sql::Connection& c) {
    get_logged_model(c, id);
    for (const auto& tag : tags) put_tag(c, id, tag);
  });
}

void LoggedModels::delete_tag(const std::string& id, const std::string& key) {
  database_.write([&](sql::Connection& c) {
    get_logged_model(c, id);
    if (c.exec("delete from logged_model_tags where model_id = $1 and key = $2", id, key) == 0) {
      fail(Code::not_found, "No tag with key '{}' found for model with ID '{}'.", key, id);
    }
  });
}

void LoggedModels::add_params(const std::string& id, const std::vector<KeyValue>& params) {
  for (const auto& param : params) check_key(param.key, "Param key");
  database_.write([&](sql::Connection& c) {
    get_logged_model(c, id);
    for (const auto& param : params) put_param(c, id, param);
  });
}

Page<LoggedModel> LoggedModels::search(const LoggedModelQuery& query) const {
  sql::Statement s;
  auto columns = sort_columns(s, query);
  s.add("select m.id");
  for (const auto& column : columns) s.add(", ").add(column.expression);
  s.add(" from logged_models m where m.deleted = ").add(s.bind(int64_t{0})).add(" and m.experiment_id in (");
  std::string_view separator;
  for (int64_t id : query.experiment_ids) {
    s.add(separator).add(s.bind(id));
    separator = ", ";
  }
  s.add(")");
  for (const auto& condition : query.conditions) {
    s.add(" and ");
    add_condition(s, query, condition);
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
    Page<LoggedModel> page;
    auto shown = std::min(rows.size(), static_cast<size_t>(query.limit));
    for (size_t i = 0; i < shown; ++i) page.items.push_back(*find_logged_model(c, rows[i].text(0)));
    if (rows.size() > shown && shown > 0) page.next = sql::cursor_from(rows[shown - 1], 1, columns.size());
    return page;
  });
}

}  // namespace fettle::tracking
