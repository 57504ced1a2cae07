// JSON bodies of requests.
#pragma once

#include <string_view>

#include "http/message.h"
#include "json/json.h"

namespace fettle::api {

enum class EmptyBody {
  refused,
  object,  // reads as {}
};

struct BodyOptions {
  json::ParseLimits limits = {};
  EmptyBody empty = EmptyBody::refused;
};

// True for `application/json`, `…+json`, `text/json`, with or without parameters, and for no content type at all.
bool is_json_type(std::string_view content_type);

// The body as JSON. invalid_argument when the content type is another one, the body is empty, or it is not exactly one
// JSON value.
json::Value read_json(const http::Request& request, BodyOptions options = {});
// As read_json, and invalid_argument unless it is an object.
json::Object read_json_object(const http::Request& request, BodyOptions options = {});

}  // namespace fettle::api
