// Every table of the product, in one ordered, checksummed migration list: src/schema/NNNN_*.sql, embedded at build
// time.
#pragma once

#include <span>

#include "sql/database.h"

namespace fettle::schema {

std::span<const sql::Migration> migrations();

}  // namespace fettle::schema
