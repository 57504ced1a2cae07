// What an apply would do: a pure function of what is live and what is wanted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "platform/document.h"

namespace fettle::platform {

struct Resource {
  std::string kind;
  std::string name;
  int64_t generation = 0;
  std::string owner;         // who wrote the live spec: "apply", "ui", "api"
  std::string spec;          // live
  std::string last_applied;  // what the files said last; "{}" if never
  int64_t updated_at_ms = 0;
};

enum class Action { create, update, remove, unchanged };
std::string_view action_name(Action action);  // "create", "update", "delete", "unchanged"

struct Change {
  Action action = Action::unchanged;
  Document document;
  int64_t generation = 0;  // after the change
  std::vector<FieldChange> fields;
};

// A field that somebody else edited since the last apply, and that the documents want to be otherwise.
struct Conflict {
  std::string kind;
  std::string name;
  std::string path;
  std::string owner;
  std::string live;
  std::string wanted;
};

struct Plan {
  int64_t revision = 0;
  std::vector<Change>
      changes;  // in the order in which they are made: what is referred to comes first, removals last and reversed
  std::vector<Conflict> conflicts;

  bool empty() const;
};

struct PlanOptions {
  bool prune = false;  // remove live resources of `owner` that the documents do not have
  bool force_owner = false;
  std::string owner = "apply";
};

// `kind_order`: kinds in dependency order, a kind after those it refers to.
Plan make_plan(const std::vector<Resource>& live, const std::vector<Document>& wanted,
               const std::vector<std::string>& kind_order, const PlanOptions& options);

}  // namespace fettle::platform
