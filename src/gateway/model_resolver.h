// What the gateway needs to know of registered models: one interface, implemented over registry, tracking and serving
// in app/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "stats/table.h"

namespace fettle::sql {
class Connection;
}

namespace fettle::gateway {

// `NAME/VERSION` or `NAME@ALIAS`, a leading `models:/` allowed.
struct ModelRef {
  std::string model;
  std::string selector;  // a version, or an alias
  bool alias = false;
  friend bool operator==(const ModelRef&, const ModelRef&) = default;
};
// Nothing when it is neither form. `latest` is a version selector that the resolver understands.
std::optional<ModelRef> parse_model_ref(std::string_view text);
std::string format_model_ref(const ModelRef& ref);  // "flights-delay@champion"

struct AliasMove {
  std::string model;
  std::string alias;
  std::string version;
  std::string reason;
  std::string by;
};

// Thread-safe. Called on control-plane threads only, never while the gateway holds a transaction, move_alias excepted.
class ModelResolver {
 public:
  virtual ~ModelResolver() = default;

  // The version that the reference names now; nothing when the model, version or alias is not there (yet).
  virtual std::optional<std::string> resolve(const ModelRef& ref) = 0;

  // Makes that version ready in the serving runtime; returns at once when it is. Throws what loading throws.
  virtual void ensure_loaded(const std::string& model, const std::string& version) = 0;

  // The training sample of that version: `artifact` of its source run; nullptr when the run has no such artifact.
  // invalid_argument when it is no CSV.
  virtual std::shared_ptr<const stats::Table> reference(const std::string& model, const std::string& version,
                                                        const std::string& artifact) = 0;

  // Moves an alias inside the caller's transaction, so that a promotion is one commit. Idempotent. It must write only
  // through `connection`: the database's writer is held.
  virtual void move_alias(sql::Connection& connection, const AliasMove& move) = 0;
};

// What the gates say about a candidate.
struct GateStanding {
  std::string gate;     // name of a gate that exists for the model; empty: none does
  std::string report;   // id of the report looked at; empty: there is none
  std::string verdict;  // of that report: "pass", "fail", "inconclusive"
};

class GateSource {
 public:
  virtual ~GateSource() = default;
  // The report named, or (report empty) the newest of this version. not_found when a named report is of another
  // version.
  virtual GateStanding standing(const std::string& model, const std::string& version, const std::string& report) = 0;
};

}  // namespace fettle::gateway
