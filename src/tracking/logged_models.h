// Logged models of MLflow 3: a model with its own id, artifacts, params, tags and metrics (spec/mlflow.md 1.4, 3.5).
#pragma once

#include "base/clock.h"
#include "tracking/config.h"
#include "tracking/types.h"

namespace fettle::sql {
class Database;
}

namespace fettle::tracking {

// Thread-safe; keeps references to its collaborators. Unknown and deleted models are not_found.
class LoggedModels {
 public:
  LoggedModels(sql::Database& database, const Clock& clock);

  struct Create {
    int64_t experiment_id = 0;
    std::string name;  // "": a random one
    std::string model_type;
    std::string source_run_id;
    std::vector<KeyValue> params;
    std::vector<KeyValue> tags;
  };
  LoggedModel create(const Create& request);
  enum class Deleted { refuse, allow };
  LoggedModel get(const std::string& id, Deleted deleted = Deleted::refuse) const;
  std::optional<LoggedModel> find(const std::string& id) const;
  LoggedModel finalise(const std::string& id, ModelStatus status);
  // Soft; again is harmless.
  void remove(const std::string& id);
  void set_tags(const std::string& id, const std::vector<KeyValue>& tags);
  void delete_tag(const std::string& id, const std::string& key);
  void add_params(const std::string& id, const std::vector<KeyValue>& params);
  Page<LoggedModel> search(const LoggedModelQuery& query) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace fettle::tracking
