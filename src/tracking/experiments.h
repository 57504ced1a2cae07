// Experiments: named groups of runs with an artifact location. Deletion is soft and takes the runs along
// (spec/mlflow.md 2.7).
#pragma once

#include "base/clock.h"
#include "tracking/config.h"
#include "tracking/types.h"

namespace fettle::sql {
class Database;
}

namespace fettle::tracking {

// Thread-safe; keeps references to its collaborators.
class Experiments {
 public:
  Experiments(sql::Database& database, const Clock& clock, Config config);

  // Makes experiment 0, "Default", in a fresh database.
  void ensure_default();

  struct Create {
    std::string name;
    std::string artifact_location;  // "": below Config::artifact_root
    std::vector<KeyValue> tags;
  };
  // Returns the id. already_exists also for the name of a deleted experiment.
  int64_t create(const Create& request);
  // Deleted ones too. not_found.
  Experiment get(int64_t id) const;
  Experiment get_by_name(const std::string& name) const;
  void rename(int64_t id, const std::string& name);
  // Also marks all its runs deleted. not_found when it is deleted already.
  void remove(int64_t id);
  // Also restores all its runs.
  void restore(int64_t id);
  void set_tag(int64_t id, const KeyValue& tag);
  void delete_tag(int64_t id, const std::string& key);
  Page<Experiment> search(const ExperimentQuery& query) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
  Config config_;
};

}  // namespace fettle::tracking
