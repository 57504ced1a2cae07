// What the registry speaks about. Plain values; times are milliseconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/condition.h"

namespace fettle::registry {

struct KeyValue {
  std::string key;
  std::string value;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

struct Alias {
  std::string name;
  int64_t version = 0;
};

struct ModelVersion {
  std::string model;
  int64_t version = 0;
  std::string description;
  std::string user_id;
  std::string stage;             // "None", "Staging", "Production", "Archived"
  std::string source;            // as the client gave it; `models:/NAME/ALIAS` forms resolved to a number
  std::string storage_location;  // where the files are: an artifact URI
  std::string run_id;            // "" if none
  std::string logged_model_id;   // "m-…", "" if none
  std::string run_link;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  std::vector<KeyValue> tags;
  std::vector<std::string> aliases;
};

struct RegisteredModel {
  std::string name;
  std::optional<std::string> description;
  std::string user_id;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  std::vector<KeyValue> tags;
  std::vector<Alias> aliases;
  std::vector<ModelVersion> latest_versions;  // the highest of each stage; their aliases are not filled
};

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<Cursor> next;  // nothing on the last page
};

enum class ModelField { name, updated, tag };
struct ModelQuery {
  std::vector<Condition<ModelField>> conditions;
  std::vector<OrderBy<ModelField>> order;  // empty: by name
  bool prompts = false;                    // prompts only; otherwise everything but prompts
  int64_t limit = 100;
  std::optional<Cursor> after;
};

enum class VersionField { name, run_id, version, source, created, updated, tag };
struct VersionQuery {
  std::vector<Condition<VersionField>> conditions;
  std::vector<OrderBy<VersionField>> order;  // empty: updated descending, name, version descending
  bool prompts = false;
  int64_t limit = 1000;
  std::optional<Cursor> after;
};

}  // namespace fettle::registry
