#include "gateway/store.h"

#include "base/id.h"
#include "journal/journal.h"
#include "sql/database.h"

namespace fettle::gateway {
namespace {

constexpr int64_t kOrdinalLimit = int64_t{1} << 20;
constexpr std::string_view kRevisionColumns =
    "id, endpoint, number, at_ms, reason, author, rollout, fingerprint, model, stable_version, candidate_version, "
    "candidate_weight";

Revision revision_from(const sql::Row& row) {
  return {.id = row.text(0),
          .endpoint = row.text(1),
          .number = static_cast<uint32_t>(row.integer(2)),
          .at_ms = row.integer(3),
          .reason = row.text(4),
          .by = row.text(5),
          .rollout = row.text(6),
          .fingerprint = row.text(7),
          .model = row.text(8),
          .stable = row.text(9),
          .candidate = row.text(10),
          .weight = static_cast<int32_t>(row.integer(11))};
}

std::vector<Rollout> rollouts_from(const sql::Rows& rows) {
  std::vector<Rollout> rollouts;
  for (const auto& row : rows) rollouts.push_back(parse_rollout(row.view(0)));
  return rollouts;
}

}  // namespace

std::vector<StoredEndpoint> load_endpoints(sql::Connection& connection) {
  std::vector<StoredEndpoint> endpoints;
  for (const auto& row : connection.query(
           "select name, ordinal, spec, generation from gateway_endpoints where not removed order by name")) {
    endpoints.push_back({row.text(0), static_cast<uint32_t>(row.integer(1)), row.text(2), row.integer(3)});
  }
  return endpoints;
}

std::vector<StoredContract> load_contracts(sql::Connection& connection) {
  std::vector<StoredContract> contracts;
  for (const auto& row : connection.query("select name, spec, generation from gateway_contracts order by name")) {
    contracts.push_back({row.text(0), row.text(1), row.integer(2)});
  }
  return contracts;
}

StoredEndpoint put_endpoint_row(sql::Connection& connection, const StoredEndpoint& endpoint) {
  StoredEndpoint stored = endpoint;
  if (auto row = connection.query_one("select ordinal from gateway_endpoints where name = $1", endpoint.name)) {
    stored.ordinal = static_cast<uint32_t>(row->integer(0));
  } else {
    int64_t next = connection.query("select coalesce(max(ordinal), 0) + 1 from gateway_endpoints")[0].integer(0);
    if (next >= kOrdinalLimit)
      fail(Code::resource_exhausted, "{} endpoint names were used, no more fit into prediction ids", next - 1);
    stored.ordinal = static_cast<uint32_t>(next);
  }
  connection.exec(
      "insert into gateway_endpoints (name, ordinal, spec, generation, removed) values ($1, $2, $3, $4, false) "
      "on conflict (name) do update set spec = excluded.spec, generation = excluded.generation, removed = false",
      stored.name, stored.ordinal, stored.spec, stored.generation);
  return stored;
}

void remove_endpoint_row(sql::Connection& connection, std::string_view name) {
  connection.exec("update gateway_endpoints set removed = true where name = $1", name);
}

void put_contract_row(sql::Connection& connection, const StoredContract& contract) {
  connection.exec(
      "insert into gateway_contracts (name, spec, generation) values ($1, $2, $3) "
      "on conflict (name) do update set spec = excluded.spec, generation = excluded.generation",
      contract.name, contract.spec, contract.generation);
}

void remove_contract_row(sql::Connection& connection, std::string_view name) {
  connection.exec("delete from gateway_contracts where name = $1", name);
}

std::optional<std::string> endpoint_of_ordinal(sql::Connection& connection, uint32_t ordinal) {
  auto row = connection.query_one("select name from gateway_endpoints where ordinal = $1", ordinal);
  if (!row) return std::nullopt;
  return row->text(0);
}

Revision add_revision(sql::Connection& connection, Revision revision) {
  revision.id = new_id(revision.at_ms);
  int64_t next = connection
                     .query("select coalesce(max(number), 0) + 1 from endpoint_revisions where endpoint = $1",
                            revision.endpoint)[0]
                     .integer(0);
  // 20 bits of a prediction id: beyond a million revisions the number starts again in ids, the row keeps its own.
  revision.number = static_cast<uint32_t>(next);
  connection.exec(
      fmt::format("insert into endpoint_revisions ({}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                  kRevisionColumns),
      revision.id, revision.endpoint, revision.number, revision.at_ms, revision.reason, revision.by, revision.rollout,
      revision.fingerprint, revision.model, revision.stable, revision.candidate, revision.weight);
  journal::Node node{"endpoint_revision", revision.id};
  journal::add_edge(connection, {{"endpoint", revision.endpoint}, node, "revision", revision.at_ms});
  for (const std::string& version : {revision.stable, revision.candidate}) {
    if (version.empty()) continue;
    journal::add_edge(connection, {{"model_version", revision.model + "/" + version}, node, "serves", revision.at_ms});
  }
  if (!revision.rollout.empty())
    journal::add_edge(connection, {{"rollout", revision.rollout}, node, "made", revision.at_ms});
  return revision;
}

std::optional<Revision> newest_revision(sql::Connection& connection, std::string_view endpoint) {
  auto found = list_revisions(connection, endpoint, 0, 1);
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::vector<Revision> list_revisions(sql::Connection& connection, std::string_view endpoint, int64_t before_number,
                                     int64_t limit) {
  std::vector<Revision> revisions;
  for (const auto& row :
       connection.query(fmt::format("select {} from endpoint_revisions where endpoint = $1 and ($2 = 0 or number < $2) "
                                    "order by number desc limit $3",
                                    kRevisionColumns),
                        endpoint, before_number, limit)) {
    revisions.push_back(revision_from(row));
  }
  return revisions;
}

int64_t count_revisions(sql::Connection& connection, std::string_view endpoint) {
  return connection.query("select count(*) from endpoint_revisions where endpoint = $1", endpoint)[0].integer(0);
}

void add_rollout(sql::Connection& connection, const Rollout& rollout) {
  connection.exec(
      "insert into rollouts (id, endpoint, state, generation, document, started_at_ms, ended_at_ms) values ($1, $2, "
      "$3, $4, $5, $6, $7)",
      rollout.id, rollout.endpoint, state_name(rollout.state), rollout.generation, format_rollout(rollout),
      rollout.started_at_ms, rollout.ended_at_ms);
}

void update_rollout(sql::Connection& connection, const Rollout& rollout, int64_t seen_generation) {
  int64_t changed = connection.exec(
      "update rollouts set state = $1, generation = $2, document = $3, ended_at_ms = $4 where id = $5 and generation = "
      "$6",
      state_name(rollout.state), rollout.generation, format_rollout(rollout), rollout.ended_at_ms, rollout.id,
      seen_generation);
  if (changed != 1) fail(Code::aborted, "rollout '{}' moved on from generation {}", rollout.id, seen_generation);
}

std::vector<Rollout> running_rollouts(sql::Connection& connection) {
  return rollouts_from(connection.query("select document from rollouts where ended_at_ms is null order by id"));
}

std::optional<Rollout> load_rollout(sql::Connection& connection, std::string_view id) {
  auto row = connection.query_one("select document from rollouts where id = $1", id);
  if (!row) return std::nullopt;
  return parse_rollout(row->view(0));
}

std::vector<Rollout> list_rollouts(sql::Connection& connection, const RolloutFilter& filter) {
  return rollouts_from(
      connection.query("select document from rollouts where ($1 = '' or endpoint = $1) and ($2 = '' or state = $2) and "
                       "($3 = '' or id < $3) "
                       "order by id desc limit $4",
                       filter.endpoint, filter.state, filter.before, filter.limit));
}

int64_t count_rollouts(sql::Connection& connection, const RolloutFilter& filter) {
  return connection
      .query("select count(*) from rollouts where ($1 = '' or endpoint = $1) and ($2 = '' or state = $2)",
             filter.endpoint, filter.state)[0]
      .integer(0);
}

void add_history(sql::Connection& connection, std::string_view rollout, const RolloutHistory& entry) {
  int64_t next =
      connection.query("select coalesce(max(number), 0) + 1 from rollout_history where rollout = $1", rollout)[0]
          .integer(0);
  connection.exec(
      "insert into rollout_history (rollout, number, at_ms, from_state, to_state, step, weight, verdict, reason, "
      "author, decision, observations) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
      rollout, next, entry.at_ms, entry.from, entry.to, entry.step, entry.weight, entry.verdict, entry.reason, entry.by,
      entry.decision, entry.observations);
}

std::vector<RolloutHistory> list_history(sql::Connection& connection, std::string_view rollout) {
  std::vector<RolloutHistory> history;
  for (const auto& row : connection.query(
           "select number, at_ms, from_state, to_state, step, weight, verdict, reason, author, decision, observations "
           "from rollout_history where rollout = $1 order by number",
           rollout)) {
    history.push_back({.number = row.integer(0),
                       .at_ms = row.integer(1),
                       .from = row.text(2),
                       .to = row.text(3),
                       .step = static_cast<size_t>(row.integer(4)),
                       .weight = static_cast<int32_t>(row.integer(5)),
                       .verdict = row.text(6),
                       .reason = row.text(7),
                       .by = row.text(8),
                       .decision = row.text(9),
                       .observations = row.text(10)});
  }
  return history;
}

}  // namespace fettle::gateway
