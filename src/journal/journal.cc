#include "journal/journal.h"

#include "base/id.h"

namespace fettle::journal {
namespace {

constexpr std::string_view kDecisionColumns =
    "id, kind, subject, verdict, reason, policy_version, observations, actor, at_ms";

Decision decision_from(const sql::Row& row) {
  return {.id = row.text(0),
          .kind = row.text(1),
          .subject = row.text(2),
          .verdict = row.text(3),
          .reason = row.text(4),
          .policy_version = row.text(5),
          .observations = row.text(6),
          .actor = row.text(7),
          .at_ms = row.integer(8)};
}

}  // namespace

void add_edge(sql::Connection& connection, const Edge& edge) {
  connection.exec(
      "insert into lineage_edges (from_kind, from_id, to_kind, to_id, relation, at_ms) values ($1, $2, $3, $4, $5, $6) "
      "on conflict do nothing",
      edge.from.kind, edge.from.id, edge.to.kind, edge.to.id, edge.relation, edge.at_ms);
}

std::vector<Edge> edges(sql::Connection& connection, const Node& node, Direction direction, int64_t limit) {
  constexpr std::string_view kUp =
      "select from_kind, from_id, to_kind, to_id, relation, at_ms from lineage_edges "
      "where to_kind = $1 and to_id = $2 order by at_ms desc, from_kind, from_id limit $3";
  constexpr std::string_view kDown =
      "select from_kind, from_id, to_kind, to_id, relation, at_ms from lineage_edges "
      "where from_kind = $1 and from_id = $2 order by at_ms desc, to_kind, to_id limit $3";
  std::vector<Edge> found;
  for (const auto& row : connection.query(direction == Direction::up ? kUp : kDown, node.kind, node.id, limit)) {
    found.push_back({.from = {row.text(0), row.text(1)},
                     .to = {row.text(2), row.text(3)},
                     .relation = row.text(4),
                     .at_ms = row.integer(5)});
  }
  return found;
}

std::string record_decision(sql::Connection& connection, Decision decision) {
  if (decision.id.empty()) decision.id = new_id(decision.at_ms);
  connection.exec(
      "insert into decisions (id, kind, subject, verdict, reason, policy_version, observations, actor, at_ms) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      decision.id, decision.kind, decision.subject, decision.verdict, decision.reason, decision.policy_version,
      decision.observations, decision.actor, decision.at_ms);
  return decision.id;
}

std::vector<Decision> list_decisions(sql::Connection& connection, const DecisionFilter& filter) {
  std::string text = fmt::format(
      "select {} from decisions where ($1 = '' or kind = $1) and ($2 = '' or subject = $2) and ($3 = '' or verdict = "
      "$3) "
      "and ($4 = '' or id < $4) order by id desc limit $5",
      kDecisionColumns);
  std::vector<Decision> found;
  for (const auto& row :
       connection.query(text, filter.kind, filter.subject, filter.verdict, filter.before, filter.limit)) {
    found.push_back(decision_from(row));
  }
  return found;
}

int64_t count_decisions(sql::Connection& connection, const DecisionFilter& filter) {
  return connection
      .query_one(
          "select count(*) from decisions where ($1 = '' or kind = $1) and ($2 = '' or subject = $2) and "
          "($3 = '' or verdict = $3)",
          filter.kind, filter.subject, filter.verdict)
      ->integer(0);
}

std::optional<Decision> find_decision(sql::Connection& connection, std::string_view id) {
  auto row = connection.query_one(fmt::format("select {} from decisions where id = $1", kDecisionColumns), id);
  if (!row) return std::nullopt;
  return decision_from(*row);
}

void record_audit(sql::Connection& connection, AuditEvent event) {
  if (event.id.empty()) event.id = new_id(event.at_ms);
  connection.exec(
      "insert into audit_events (id, actor, action, subject, detail, at_ms) values ($1, $2, $3, $4, $5, $6)", event.id,
      event.actor, event.action, event.subject, event.detail, event.at_ms);
}

std::vector<AuditEvent> list_audit(sql::Connection& connection, std::string_view subject, int64_t limit) {
  std::vector<AuditEvent> events;
  auto rows = connection.query(
      "select id, actor, action, subject, detail, at_ms from audit_events where $1 = '' or subject = $1 "
      "order by id desc limit $2",
      subject, limit);
  for (const auto& row : rows) {
    events.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.integer(5)});
  }
  return events;
}

}  // namespace fettle::journal
