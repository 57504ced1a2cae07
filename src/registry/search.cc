#include <set>

#include "registry/names.h"
#include "registry/registry.h"
#include "registry/rows.h"
#include "sql/database.h"
#include "sql/statement.h"

namespace fettle::registry {
namespace {

std::string_view column_of(ModelField field) { return field == ModelField::name ? "m.name" : "m.updated_ms"; }

std::string_view column_of(VersionField field) {
  switch (field) {
    case VersionField::name: return "m.name";
    case VersionField::run_id: return "v.run_id";
    case VersionField::version: return "v.version";
    case VersionField::source: return "v.source";
    case VersionField::created: return "v.created_ms";
    case VersionField::updated: return "v.updated_ms";
    case VersionField::tag: break;
  }
  fail(Code::internal, "a tag is no column");
}

// `tags` selects 1 from the tag table joined to the outer row.
template <class Field>
void add_condition(sql::Statement& s, std::string_view tags, const Condition<Field>& condition) {
  s.add(" and ");
  if (condition.field != Field::tag) {
    s.add_condition(column_of(condition.field), condition.compare, condition.operand);
    return;
  }
  s.add("exists (").add(tags).add(" and t.key = ").add(s.bind(condition.key)).add(" and ");
  s.add_condition("t.value", condition.compare, condition.operand);
  s.add(")");
}

void add_prompt_rule(sql::Statement& s, std::string_view tags, bool prompts) {
  s.add(prompts ? " and exists (" : " and not exists (")
      .add(tags)
      .add(" and t.key = ")
      .add(s.bind(std::string(kPromptTag)));
  s.add(" and lower(t.value) = 'true')");
}

template <class Field>
std::vector<sql::SortColumn> sort_columns(const std::vector<OrderBy<Field>>& order,
                                          std::vector<sql::SortColumn> fallback) {
  std::vector<sql::SortColumn> columns;
  std::set<std::string> seen;
  for (const auto& term : order) {
    std::string column(column_of(term.field));
    if (seen.insert(column).second) columns.push_back({column, term.descending});
  }
  for (auto& column : fallback) {
    if (seen.insert(column.expression).second) columns.push_back(std::move(column));
  }
  return columns;
}

template <class Query>
void finish(sql::Statement& s, const Query& query, const std::vector<sql::SortColumn>& columns) {
  if (query.after) {
    s.add(" and ");
    s.add_after(columns, *query.after);
  }
  s.add_order(columns);
  s.add(" limit ").add(s.bind(query.limit + 1));
}

}  // namespace

Page<RegisteredModel> Registry::search_models(const ModelQuery& query) const {
  constexpr std::string_view kTags = "select 1 from registered_model_tags t where t.model_id = m.id";
  auto columns = sort_columns(query.order, {{"m.name", false}});
  sql::Statement s("select m.id");
  for (const auto& column : columns) s.add(", ").add(column.expression);
  s.add(" from registered_models m where 1 = 1");
  add_prompt_rule(s, kTags, query.prompts);
  for (const auto& condition : query.conditions) add_condition(s, kTags, condition);
  finish(s, query, columns);
  return database_.read([&](sql::Connection& c) {
    std::vector<sql::Row> rows;
    c.query_each(s.text(), s.values(), [&](const sql::Row& row) { rows.push_back(row); });
    Page<RegisteredModel> page;
    auto shown = std::min(rows.size(), static_cast<size_t>(query.limit));
    for (size_t i = 0; i < shown; ++i) page.items.push_back(load_model(c, rows[i].text(0)));
    if (rows.size() > shown && shown > 0) page.next = sql::cursor_from(rows[shown - 1], 1, columns.size());
    return page;
  });
}

Page<ModelVersion> Registry::search_versions(const VersionQuery& query) const {
  constexpr std::string_view kTags =
      "select 1 from model_version_tags t where t.model_id = v.model_id and t.version = v.version";
  std::vector<sql::SortColumn> fallback = {{"m.name", false}, {"v.version", true}};
  if (query.order.empty()) fallback.insert(fallback.begin(), {"v.updated_ms", true});
  auto columns = sort_columns(query.order, fallback);
  sql::Statement s("select v.model_id, v.version");
  for (const auto& column : columns) s.add(", ").add(column.expression);
  s.add(" from model_versions v join registered_models m on m.id = v.model_id where v.deleted = ")
      .add(s.bind(int64_t{0}));
  add_prompt_rule(s, kTags, query.prompts);
  for (const auto& condition : query.conditions) add_condition(s, kTags, condition);
  finish(s, query, columns);
  return database_.read([&](sql::Connection& c) {
    std::vector<sql::Row> rows;
    c.query_each(s.text(), s.values(), [&](const sql::Row& row) { rows.push_back(row); });
    Page<ModelVersion> page;
    auto shown = std::min(rows.size(), static_cast<size_t>(query.limit));
    for (size_t i = 0; i < shown; ++i) {
      page.items.push_back(*find_model_version(c, rows[i].text(0), rows[i].integer(1), Aliases::leave));
    }
    if (rows.size() > shown && shown > 0) page.next = sql::cursor_from(rows[shown - 1], 2, columns.size());
    return page;
  });
}

}  // namespace fettle::registry
