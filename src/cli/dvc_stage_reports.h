// Lineage of stages: each executed stage hands its id to the experiment runs that it starts, and is told to the server
// afterwards.
#pragma once

#include <map>
#include <string>

#include "pipelines/repro.h"

namespace fettle::cli {

// Where stage runs are told: FETTLE_URL, else MLFLOW_TRACKING_URI where it is http(s). Without either, nothing happens.
class StageReporter {
 public:
  StageReporter();
  bool active() const { return !server_.empty(); }

  // MLFLOW_TRACKING_URI where the user set none, and MLFLOW_RUN_CONTEXT: a JSON object that the stock mlflow client
  // turns into tags of each run (`fettle.pipeline_run`, `fettle.stage`).
  std::map<std::string, std::string> environment(const pipelines::Stage& stage, const std::string& id) const;
  // POST /api/fettle/v1/pipeline-runs for a stage that succeeded; a server that is away or does not know the route is
  // passed over in silence.
  void report(const pipelines::StageReport& report);

 private:
  std::string server_;
  std::string user_context_;
  bool has_tracking_uri_ = false;
  bool reachable_ = true;
};

}  // namespace fettle::cli
