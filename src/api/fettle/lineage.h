// lineage and decisions (docs/rest.md 6 and 11).
#pragma once

#include <vector>

#include "http/router.h"
#include "platform/lineage.h"
#include "sql/database.h"

namespace fettle::api {

std::vector<http::Route> lineage_routes(platform::Lineage& lineage, sql::Database& database);

}  // namespace fettle::api
