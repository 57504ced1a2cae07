// Reading of this module's tables inside a transaction; shared by its .cc files only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/database.h"
#include "tracking/types.h"

namespace fettle::tracking {

std::optional<Experiment> find_experiment(sql::Connection& c, int64_t id);

inline constexpr std::string_view kRunColumns =
    "r.id, r.experiment_id, r.name, r.user_id, r.status, r.start_ms, r.end_ms, r.artifact_uri, r.deleted";
RunInfo run_from(const sql::Row& row);

std::optional<RunInfo> find_run(sql::Connection& c, const std::string& id);
// not_found `Run with id=… not found`.
RunInfo get_run(sql::Connection& c, const std::string& id);
// Also invalid_argument unless it is in the 'active' state.
RunInfo get_active_run(sql::Connection& c, const std::string& id);

// Newest metrics, params, tags, inputs and outputs of each, in the same order.
std::vector<Run> load_runs(sql::Connection& c, std::vector<RunInfo> infos);

void put_run_tag(sql::Connection& c, const std::string& run_id, const KeyValue& tag);

std::optional<LoggedModel> find_logged_model(sql::Connection& c, const std::string& id);
// not_found `Logged model with ID '…' not found.`, also for a deleted one.
LoggedModel get_logged_model(sql::Connection& c, const std::string& id);

// Key/value rows of one owner in the order of keys. `text` selects key and value where $1 is the owner.
std::vector<KeyValue> key_values(sql::Connection& c, std::string_view text, const std::string& owner);

}  // namespace fettle::tracking
