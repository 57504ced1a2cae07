// The embedded engine. Only sqlite.cc knows the driver.
#pragma once

#include <filesystem>
#include <memory>

#include "sql/database.h"

namespace fettle::sql {

std::unique_ptr<Database> open_sqlite(const std::filesystem::path& file, const Config& config);
// In a temporary directory that goes with the database.
std::unique_ptr<Database> open_sqlite_temporary(const Config& config);

}  // namespace fettle::sql
