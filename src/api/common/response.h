// JSON answers of Fettle's own REST.
#pragma once

#include "http/message.h"
#include "json/json.h"

namespace fettle::api {

// `application/json` with `cache-control: no-store`. Non-finite numbers are quoted.
http::Response json_response(const json::Value& value, int status = 200);
// The same for text that is JSON already.
http::Response json_text_response(std::string text, int status = 200);
// 204.
http::Response no_content();

}  // namespace fettle::api
