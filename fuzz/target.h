// Fuzz targets: one function over bytes per untrusted parser. Each returns when the bytes are refused as bad input, and
// aborts when something that must hold of whatever parsed does not, or when the refusal is not one that a caller may
// see.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"

namespace fettle::fuzz {

void http_parser(std::string_view bytes);
void http_router(std::string_view bytes);
void json_reader(std::string_view bytes);
void infer_body(std::string_view bytes);
void search_filter(std::string_view bytes);
void csv_table(std::string_view bytes);
void yaml_text(std::string_view bytes);
void dvc_files(std::string_view bytes);

struct Target {
  std::string_view name;  // its corpus is fuzz/corpus/NAME
  void (*run)(std::string_view bytes);
};

inline constexpr Target kTargets[] = {
    {"http_parser", http_parser}, {"http_router", http_router},     {"json_reader", json_reader},
    {"infer_body", infer_body},   {"search_filter", search_filter}, {"csv_table", csv_table},
    {"yaml_text", yaml_text},     {"dvc_files", dvc_files},
};

// Runs `body`. False when it refused its input in a way that a user may see: never `internal`, never without words.
template <class Body>
bool accepts(Body&& body) {
  auto outcome = outcome_of(body);
  if (outcome) return true;
  const Error& error = outcome.error();
  FETTLE_CHECK(error.code != Code::internal && error.code != Code::unavailable, error.message);
  FETTLE_CHECK(!error.message.empty(), "a refusal without words");
  return false;
}

}  // namespace fettle::fuzz
