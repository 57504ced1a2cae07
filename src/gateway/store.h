// Rows of endpoints, contracts, revisions and rollouts. Functions run in the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/rollout.h"

namespace fettle::sql {
class Connection;
}

namespace fettle::gateway {

struct StoredEndpoint {
  std::string name;
  uint32_t ordinal = 0;
  std::string spec;  // JSON
  int64_t generation = 0;
};

struct StoredContract {
  std::string name;
  std::string spec;
  int64_t generation = 0;
};

// What an endpoint served from `at_ms` on; never changed.
struct Revision {
  std::string id;
  std::string endpoint;
  uint32_t number = 0;  // 1, 2, …; stands in prediction ids
  int64_t at_ms = 0;
  std::string reason;
  std::string by;
  std::string rollout;      // that made it; empty: none
  std::string fingerprint;  // of the endpoint's and the contract's documents
  std::string model;
  std::string stable;     // version
  std::string candidate;  // version; empty: none
  int32_t weight = 0;     // of the candidate, in 1/10,000
};

struct RolloutHistory {
  int64_t number = 0;
  int64_t at_ms = 0;
  std::string from;
  std::string to;
  size_t step = 0;
  int32_t weight = 0;
  std::string verdict;  // of the decision; empty: a command or the machinery
  std::string reason;
  std::string by;
  std::string decision;      // id; empty: none
  std::string observations;  // JSON
};

std::vector<StoredEndpoint> load_endpoints(sql::Connection& connection);
std::vector<StoredContract> load_contracts(sql::Connection& connection);
// Keeps the ordinal of a name that was there before, else takes the next one (resource_exhausted beyond 2^20 names).
StoredEndpoint put_endpoint_row(sql::Connection& connection, const StoredEndpoint& endpoint);
void remove_endpoint_row(sql::Connection& connection, std::string_view name);
void put_contract_row(sql::Connection& connection, const StoredContract& contract);
void remove_contract_row(sql::Connection& connection, std::string_view name);
// The endpoint with that ordinal, removed ones too.
std::optional<std::string> endpoint_of_ordinal(sql::Connection& connection, uint32_t ordinal);

// Writes the revision with the next number, and its lineage: endpoint -> revision, model versions -> revision, rollout
// -> revision.
Revision add_revision(sql::Connection& connection, Revision revision);
std::optional<Revision> newest_revision(sql::Connection& connection, std::string_view endpoint);
std::vector<Revision> list_revisions(sql::Connection& connection, std::string_view endpoint, int64_t before_number,
                                     int64_t limit);
int64_t count_revisions(sql::Connection& connection, std::string_view endpoint);

// already_exists when another rollout runs on the endpoint.
void add_rollout(sql::Connection& connection, const Rollout& rollout);
// Overwrites the stored one if it has `seen_generation`; aborted otherwise.
void update_rollout(sql::Connection& connection, const Rollout& rollout, int64_t seen_generation);
std::vector<Rollout> running_rollouts(sql::Connection& connection);
std::optional<Rollout> load_rollout(sql::Connection& connection, std::string_view id);

struct RolloutFilter {
  std::string endpoint;  // empty: all
  std::string state;     // empty: all
  std::string before;    // id for paging
  int64_t limit = 100;
};
std::vector<Rollout> list_rollouts(sql::Connection& connection, const RolloutFilter& filter);
int64_t count_rollouts(sql::Connection& connection, const RolloutFilter& filter);

void add_history(sql::Connection& connection, std::string_view rollout, const RolloutHistory& entry);
std::vector<RolloutHistory> list_history(sql::Connection& connection, std::string_view rollout);

}  // namespace fettle::gateway
