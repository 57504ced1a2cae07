// What every domain module writes beside its own tables, in the same transaction: lineage edges, decisions with the
// observations that they saw, and audit events (design.md 10, 10.1). Append-only; never updated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace fettle::journal {

// A node of the lineage graph. Kinds and their ids (docs/rest.md 1.2 and 6): data ("md5:HEX", a directory's with
// ".dir"), pipeline_run, job, run (32 hex digits), model_version ("NAME/VERSION"), gate_report, rollout, endpoint
// (name), endpoint_revision, prediction ("01J…/ROW"), label (as its prediction), window ("MONITOR/ID"), alert (name),
// decision, retraining_run. Edge relations are those of docs/rest.md 6.
struct Node {
  std::string kind;
  std::string id;
  friend bool operator==(const Node&, const Node&) = default;
};

struct Edge {
  Node from;             // the cause: it existed before
  Node to;               // the effect
  std::string relation;  // "input", "output", "registered", "judged", "serves" …
  int64_t at_ms = 0;
};

// Idempotent per (from, to, relation).
void add_edge(sql::Connection& connection, const Edge& edge);

enum class Direction { up, down };
// Edges that touch the node, newest first, at most `limit`.
std::vector<Edge> edges(sql::Connection& connection, const Node& node, Direction direction, int64_t limit);

// An automatic (or overridden) decision: replayable, back-testable, explainable.
struct Decision {
  std::string id;              // made by record_decision when empty
  std::string kind;            // "gate", "rollout", "retrain", "alert"
  std::string subject;         // "rollout/01J…", "retrain_policy/flights" …
  std::string verdict;         // closed list of the kind
  std::string reason;          // one sentence for people
  std::string policy_version;  // content hash or generation of the policy that decided
  std::string observations;    // JSON: everything that the pure function saw
  std::string actor;           // "system" or the principal
  int64_t at_ms = 0;
};
// Returns the id.
std::string record_decision(sql::Connection& connection, Decision decision);

struct DecisionFilter {
  std::string kind;     // empty: all
  std::string subject;  // empty: all
  std::string verdict;  // empty: all
  std::string before;   // id for paging: older than this; empty: from the newest
  int64_t limit = 100;
};
std::vector<Decision> list_decisions(sql::Connection& connection, const DecisionFilter& filter);
// Of the whole filter, `before` and `limit` apart.
int64_t count_decisions(sql::Connection& connection, const DecisionFilter& filter);
std::optional<Decision> find_decision(sql::Connection& connection, std::string_view id);

// Who did what: one row for each change that a person or the system made.
struct AuditEvent {
  std::string id;
  std::string actor;
  std::string action;   // "model_version.create", "alias.set", "rollout.abort" …
  std::string subject;  // "flights-delay/3"
  std::string detail;   // JSON, no secrets
  int64_t at_ms = 0;
};
void record_audit(sql::Connection& connection, AuditEvent event);
std::vector<AuditEvent> list_audit(sql::Connection& connection, std::string_view subject, int64_t limit);

}  // namespace fettle::journal
