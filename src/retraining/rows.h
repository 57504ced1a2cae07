// Rows of retraining runs and transitions; private to this module.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "retraining/retraining.h"
#include "sql/database.h"

namespace fettle::retraining {

// `condition`: SQL after `where`, with order and limit.
std::vector<Run> read_runs(sql::Connection& connection, const std::string& condition,
                           std::span<const sql::Value> values);
void insert_run(sql::Connection& connection, const Run& run);
void update_run(sql::Connection& connection, const Run& run);
void add_transition(sql::Connection& connection, const std::string& run, const Transition& transition);

}  // namespace fettle::retraining
