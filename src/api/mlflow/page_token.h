// Page tokens: opaque to clients; inside, base64 of JSON with the sort values of the last row (spec/mlflow.md 2.3).
#pragma once

#include <optional>
#include <string>

#include "api/mlflow/message.h"
#include "base/condition.h"

namespace fettle::api::mlflow {

std::string format_page_token(const Cursor& cursor);
// invalid_argument `Invalid page token, …`.
Cursor parse_page_token(const std::string& token);
// `page_token` of a request; nothing when absent or empty.
std::optional<Cursor> read_page_token(const Message& in);

}  // namespace fettle::api::mlflow
