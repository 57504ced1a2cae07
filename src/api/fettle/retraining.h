// retraining policies and runs (docs/rest.md 11).
#pragma once

#include <vector>

#include "http/router.h"
#include "retraining/retraining.h"

namespace fettle::api {

// What a run's pages show beside the run itself; connected in app/.
struct RetrainingFacts {
  // Path and content hash of the data that a pipeline run read.
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& pipeline_run)> inputs;
};

std::vector<http::Route> retraining_routes(retraining::Retraining& retraining, RetrainingFacts facts);

}  // namespace fettle::api
