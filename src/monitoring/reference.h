// The training data that a window is compared with, profiled once per model version.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/profile.h"
#include "stats/table.h"

namespace fettle::monitoring {

struct ReferenceQuery {
  std::string model;     // registered name
  std::string version;   // "3", or "@ALIAS"
  std::string artifact;  // path among the run's artifacts; empty: as the endpoint's contract, else reference.csv
  std::string endpoint;
};

// Columns are named as the model's inputs. Columns `fettle_score` and `fettle_confidence`, if there, are the baseline
// of the predictions.
struct Reference {
  std::string version;
  std::string run_id;
  std::shared_ptr<const stats::Table> table;
};

// Owned by monitoring, implemented in app/ over the registry and the artifacts. Thread-safe. May be slow (it reads an
// artifact).
class ReferenceSource {
 public:
  virtual ~ReferenceSource() = default;
  // Nothing: the version has no reference. Throws on a damaged one.
  virtual std::optional<Reference> reference(const ReferenceQuery& query) = 0;
};

struct ProfiledReference {
  std::string version;
  std::string run_id;
  std::shared_ptr<const stats::Table> table;
  stats::TableProfile profile;

  // Finite values in ascending order; computed at the first call. Thread-safe.
  const std::vector<double>& sorted(const std::string& column) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<double>> sorted_;
};

// Keeps the newest profiles; versions do not change, aliases are asked each time. Thread-safe.
class ReferenceCache {
 public:
  explicit ReferenceCache(ReferenceSource& source, size_t limit = 8) : source_(source), limit_(limit) {}
  // nullptr with the reason when there is none.
  std::shared_ptr<const ProfiledReference> get(const ReferenceQuery& query, std::string& reason);

 private:
  ReferenceSource& source_;
  const size_t limit_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<const ProfiledReference>>> profiles_;  // newest last
};

}  // namespace fettle::monitoring
