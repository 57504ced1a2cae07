#include <set>

#include "sql/database.h"
#include "sql/statement.h"
#include "tracking/rows.h"
#include "tracking/runs.h"

namespace fettle::tracking {
namespace {

std::string_view column_of(RunField field) {
  switch (field) {
    case RunField::run_id: return "r.id";
    case RunField::user_id: return "r.user_id";
    case RunField::status: return "r.status";
    case RunField::artifact_uri: return "r.artifact_uri";
    case RunField::start_time: return "r.start_ms";
    case RunField::end_time: return "r.end_ms";
    default: fail(Code::internal, "a keyed field is no column");
  }
}

std::string_view table_of(RunField field) {
  switch (field) {
    case RunField::metric: return "metric_index";
    case RunField::param: return "run_params";
    case RunField::run_name:
    case RunField::tag: return "run_tags";
    default: fail(Code::internal, "a column has no table");
  }
}

bool is_keyed(RunField field) {
  return field == RunField::metric || field == RunField::param || field == RunField::tag || field == RunField::run_name;
}

// run_name is matched through its tag.
std::string key_of(RunField field, const std::string& key) {
  return field == RunField::run_name ? "mlflow.runName" : key;
}

void add_keyed(sql::Statement& s, const Condition<RunField>& condition) {
  bool absent = condition.compare == Compare::is_null;
  s.add(absent ? "r.id not in" : "r.id in")
      .add(" (select k.run_id from ")
      .add(table_of(condition.field))
      .add(" k where k.key = ");
  s.add(s.bind(key_of(condition.field, condition.key)));
  if (condition.field == RunField::metric && condition.compare == Compare::ne) {
    // NaN differs from every number.
    s.add(" and (k.value is null or ");
    s.add_condition("k.value", condition.compare, condition.operand);
    s.add(")");
  } else if (!absent && condition.compare != Compare::is_not_null) {
    s.add(" and ");
    s.add_condition("k.value", condition.compare, condition.operand);
  }
  s.add(")");
}

void add_dataset(sql::Statement& s, const Condition<RunField>& condition) {
  std::string_view column = "i.context";
  if (condition.field == RunField::dataset_name) column = "d.name";
  if (condition.field == RunField::dataset_digest) column = "d.digest";
  s.add("r.id in (select i.run_id from run_datasets i join datasets d on d.id = i.dataset_id where ");
  s.add_condition(column, condition.compare, condition.operand);
  s.add(")");
}

void add_condition(sql::Statement& s, const Condition<RunField>& condition) {
  switch (condition.field) {
    case RunField::metric:
    case RunField::param:
    case RunField::tag:
    case RunField::run_name: add_keyed(s, condition); return;
    case RunField::dataset_name:
    case RunField::dataset_digest:
    case RunField::dataset_context: add_dataset(s, condition); return;
    default: s.add_condition(column_of(condition.field), condition.compare, condition.operand);
  }
}

struct Ordering {
  std::string joins;
  std::vector<sql::SortColumn> columns;
};

// Metrics: numbers, then NaN, then missing, in both directions; other values: missing last (spec/mlflow.md 3.1).
void add_keyed_order(sql::Statement& s, Ordering& ordering, const OrderBy<RunField>& term, size_t index) {
  std::string alias = "o" + std::to_string(index);
  ordering.joins += fmt::format(" left join {} {} on {}.run_id = r.id and {}.key = {}", table_of(term.field), alias,
                                alias, alias, s.bind(key_of(term.field, term.key)));
  if (term.field == RunField::metric) {
    ordering.columns.push_back(
        {fmt::format("case when {0}.run_id is null then 2 when {0}.value is null then 1 else 0 end", alias)});
    ordering.columns.push_back({fmt::format("coalesce({}.value, 0)", alias), term.descending});
  } else {
    ordering.columns.push_back({fmt::format("case when {}.run_id is null then 1 else 0 end", alias)});
    ordering.columns.push_back({fmt::format("coalesce({}.value, '')", alias), term.descending});
  }
}

Ordering ordering_of(sql::Statement& s, const RunQuery& query) {
  Ordering ordering;
  std::set<std::pair<RunField, std::string>> seen;
  for (const auto& term : query.order) {
    if (!seen.emplace(term.field, term.key).second) continue;
    if (is_keyed(term.field)) {
      add_keyed_order(s, ordering, term, seen.size());
    } else if (term.field == RunField::end_time) {
      ordering.columns.push_back({"case when r.end_ms is null then 1 else 0 end"});
      ordering.columns.push_back({"coalesce(r.end_ms, 0)", term.descending});
    } else {
      ordering.columns.push_back({std::string(column_of(term.field)), term.descending});
    }
  }
  if (!seen.contains({RunField::start_time, ""})) ordering.columns.push_back({"r.start_ms", true});
  if (!seen.contains({RunField::run_id, ""})) ordering.columns.push_back({"r.id", false});
  return ordering;
}

void add_scope(sql::Statement& s, const RunQuery& query) {
  s.add(" where r.experiment_id in (");
  std::string_view separator;
  for (int64_t id : query.experiment_ids) {
    s.add(separator).add(s.bind(id));
    separator = ", ";
  }
  s.add(")");
  if (query.view != View::all) s.add(" and r.deleted = ").add(s.bind(int64_t{query.view == View::deleted}));
}

}  // namespace

Page<Run> Runs::search(const RunQuery& query) const {
  if (query.experiment_ids.empty()) return {};
  sql::Statement s;
  Ordering ordering = ordering_of(s, query);
  s.add("select ").add(kRunColumns);
  for (const auto& column : ordering.columns) s.add(", ").add(column.expression);
  s.add(" from runs r").add(ordering.joins);
  add_scope(s, query);
  for (const auto& condition : query.conditions) {
    s.add(" and ");
    add_condition(s, condition);
  }
  if (query.after) {
    s.add(" and ");
    s.add_after(ordering.columns, *query.after);
  }
  s.add_order(ordering.columns);
  s.add(" limit ").add(s.bind(query.limit + 1));
  constexpr size_t kFirstSortColumn = 9;  // after kRunColumns
  return database_.read([&](sql::Connection& c) {
    std::vector<RunInfo> infos;
    Page<Run> page;
    Cursor last;
    c.query_each(s.text(), s.values(), [&](const sql::Row& row) {
      if (infos.size() == static_cast<size_t>(query.limit)) {
        page.next = last;
        return;
      }
      infos.push_back(run_from(row));
      if (infos.size() == static_cast<size_t>(query.limit))
        last = sql::cursor_from(row, kFirstSortColumn, ordering.columns.size());
    });
    page.items = load_runs(c, std::move(infos));
    return page;
  });
}

}  // namespace fettle::tracking
