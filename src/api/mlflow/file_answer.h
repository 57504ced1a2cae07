// Bytes of an artifact as an HTTP answer: type by name, attachment, ranges (spec/mlflow.md 1.6, 4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "tracking/artifacts.h"

namespace fettle::api::mlflow {

// "text/plain; charset=utf-8" for what people read, else by extension. Never reflects what a client sent.
std::string content_type_of(std::string_view path);

// `attachment; filename="…"`, with an ASCII fallback.
std::string content_disposition(std::string_view base_name);

struct ByteRange {
  uint64_t first = 0;
  uint64_t count = 0;
};
enum class RangeKind { whole, part, unsatisfiable };
// One `bytes=` range; anything else is the whole.
RangeKind parse_range(std::string_view header, uint64_t size_bytes, ByteRange& range);

http::Response file_answer(const tracking::Artifacts& artifacts, const tracking::ArtifactInfo& info,
                           const http::Request& request);

}  // namespace fettle::api::mlflow
