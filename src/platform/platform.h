// Resources as code: plan, apply, export (design.md 1.2, docs/rest.md 7). Each kind belongs to a domain module; the
// platform keeps documents, generations and history, and tells the owner of a kind after the commit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "platform/plan.h"
#include "sql/database.h"

namespace fettle::platform {

struct Reference {
  std::string kind;
  std::string name;
  std::string path;  // of the field that names it
};

// What the platform asks of the owner of a kind; connected in app/.
struct KindHandler {
  std::string kind;
  // Every problem of the spec (path relative to `spec`), without looking at other resources.
  std::function<std::vector<Detail>(const Document&)> problems;
  // Other resources that it names. They must exist in the documents or live.
  std::function<std::vector<Reference>(const Document&)> references;
  // Called after the commit, and for each stored resource at start. Must be idempotent.
  std::function<void(const Resource&)> applied;
  std::function<void(const std::string& name)> removed;
  // State for people, as JSON; "{}" if there is nothing to say.
  std::function<std::string(const std::string& name)> status;
};

struct HistoryEntry {
  int64_t generation = 0;
  int64_t at_ms = 0;
  std::string by;
  std::string reason;
  std::string action;
  std::string fields;  // JSON list
};

struct ApplyOptions {
  PlanOptions plan;
  std::optional<int64_t> revision;  // the revision that the caller planned against; moved: aborted
  std::string by = "api";
  std::string reason;
};

// Thread-safe.
class Platform {
 public:
  // `kinds` in dependency order: a kind after those that it refers to.
  Platform(sql::Database& database, const Clock& clock, std::vector<KindHandler> kinds);

  // Tells the owners of all stored resources; once, at start.
  void restore();

  // Errors: invalid_argument with every problem of every document as a detail.
  Plan plan(const std::vector<Document>& documents, const PlanOptions& options) const;
  // One transaction. failed_precondition on conflicts, aborted on a moved revision. A resource whose owner refuses it
  // after the commit (a model that does not load) stays; its status says why.
  Plan apply(const std::vector<Document>& documents, const ApplyOptions& options);
  // failed_precondition while another resource names it, aborted on a stale generation, not_found.
  void remove(const std::string& kind, const std::string& name, std::optional<int64_t> generation,
              const ApplyOptions& options);

  std::vector<Resource> list(const std::string& kind = "") const;  // empty: all, in dependency order
  std::optional<Resource> find(const std::string& kind, const std::string& name) const;
  std::vector<HistoryEntry> history(const std::string& kind, const std::string& name, int64_t limit = 50) const;
  std::string status(const Resource& resource) const;
  int64_t revision() const;

 private:
  const KindHandler* handler(const std::string& kind) const;
  void check(const std::vector<Document>& documents, const std::vector<Resource>& live,
             const PlanOptions& options) const;
  std::vector<std::string> kind_order() const;
  void store(sql::Connection& connection, const Change& change, const ApplyOptions& options, int64_t now_ms) const;
  void notify(const Plan& plan);

  sql::Database& database_;
  const Clock& clock_;
  const std::vector<KindHandler> kinds_;
};

}  // namespace fettle::platform
