// Executed pipeline stages (docs/rest.md 11).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/router.h"
#include "sql/database.h"

namespace fettle::api {

// `executed` is told the job (may be empty) and the pipeline run after it was recorded.
std::vector<http::Route> pipeline_run_routes(
    sql::Database& database, std::function<void(const std::string& job, const std::string& run)> executed);

}  // namespace fettle::api
