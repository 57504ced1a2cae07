// Reading of this module's tables inside a transaction; shared by its .cc files only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/types.h"
#include "sql/database.h"

namespace fettle::registry {

// The internal id of a model. not_found `Registered Model with name=X not found`.
std::string model_id_of(sql::Connection& c, const std::string& name);

// Everything but the aliases of latest_versions.
RegisteredModel load_model(sql::Connection& c, const std::string& model_id);

enum class Aliases { load, leave };
std::optional<ModelVersion> find_model_version(sql::Connection& c, const std::string& model_id, int64_t version,
                                               Aliases aliases);
// not_found `Model Version (name=X, version=N) not found`.
ModelVersion get_model_version(sql::Connection& c, const std::string& model, int64_t version,
                               Aliases aliases = Aliases::load);

// The highest version of each stage, in order of stage; `stages` empty: all.
std::vector<ModelVersion> load_latest(sql::Connection& c, const std::string& model_id,
                                      const std::vector<std::string>& stages, Aliases aliases);

}  // namespace fettle::registry
