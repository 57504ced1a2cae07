// What the routes of predictions and labels ask of other parts; connected in app/.
#pragma once

#include <functional>
#include <string>

namespace fettle::api {

struct MonitoringFacts {
  // Whether there is such an endpoint; an unknown one is 404. Empty: every name is accepted.
  std::function<bool(const std::string& endpoint)> endpoint_exists;
  // The run that made a model version; "" if unknown. Empty: never known.
  std::function<std::string(const std::string& model, const std::string& version)> run_of;
};

}  // namespace fettle::api
