// One lineage from a row of data to the prediction that it caused, both ways (design.md 10, docs/rest.md 6).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"
#include "sql/database.h"

namespace fettle::platform {

struct LineageNode {
  journal::Node node;
  std::string name;   // for people; empty: the id
  std::string state;  // empty: none
  int64_t at_ms = 0;  // 0: unknown
  int depth = 0;      // < 0 towards causes
  std::map<std::string, std::string> attributes;
};

struct LineageGraph {
  journal::Node root;
  std::vector<LineageNode> nodes;  // the root first, then by distance
  std::vector<journal::Edge> edges;
  bool truncated = false;
};

// What the journal does not store row by row (a prediction's revision and window follow from its id and time), and what
// people want to read about a node. Connected in app/. Thread-safe.
class LineageSource {
 public:
  virtual ~LineageSource() = default;
  // Edges that follow from the node itself, besides those of the journal.
  virtual std::vector<journal::Edge> computed_edges(const journal::Node& node, journal::Direction direction,
                                                    int64_t limit) = 0;
  // Fills name, state, at_ms and attributes. False if there is no such object.
  virtual bool describe(LineageNode& node) = 0;
  // Names that need a look-up: an alias (`flights@champion`, `flights/latest`), a run's prefix.
  virtual std::optional<std::string> model_version(std::string_view model, std::string_view alias) = 0;
  virtual std::vector<std::string> runs_with_prefix(std::string_view prefix) = 0;
};

struct LineageLimits {
  int up = 20;   // steps towards causes, 0 to 50
  int down = 2;  // steps towards effects, 0 to 50
  int64_t nodes = 500;
  int64_t siblings = 12;  // of one kind at one node; the rest is counted
};

class Lineage {
 public:
  Lineage(sql::Database& database, LineageSource& source) : database_(database), source_(source) {}

  // The object that an id names, in the grammar of docs/rest.md 1.2. invalid_argument if it is none, not_found if there
  // is no such object.
  journal::Node resolve(std::string_view id) const;
  LineageGraph trace(const journal::Node& root, const LineageLimits& limits) const;

 private:
  std::vector<journal::Edge> edges_of(const journal::Node& node, journal::Direction direction) const;
  sql::Database& database_;
  LineageSource& source_;
};

// `models:/flights/8`, `run/7c1e…`, `prediction/01J…/0`: the canonical form.
std::string format_node(const journal::Node& node);

// The grammar without look-ups. `model_version` may hold "NAME@ALIAS" or "NAME/latest", `run` a prefix; nothing if it
// is no id.
std::optional<journal::Node> parse_node(std::string_view id);

}  // namespace fettle::platform
