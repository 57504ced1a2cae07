// The tracking domain: experiments, runs with params, metrics, tags and inputs, logged models, artifacts.
//   tracking::Tracking tracking(database, blobs, clock);
//   auto run = tracking.runs.create({.experiment_id = 0, .user_id = "ann", .start_ms = now});
//   tracking.runs.log({.run_id = run.info.id, .metrics = {{.key = "loss", .value = 0.5, .timestamp_ms = now}}});
#pragma once

#include "tracking/artifacts.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/runs.h"

namespace fettle::tracking {

// Thread-safe. The collaborators must outlive it. Makes experiment 0 on construction.
struct Tracking {
  Tracking(sql::Database& database, blob::Store& store, const Clock& clock, Config config = {})
      : experiments(database, clock, config),
        runs(database, clock, config),
        models(database, clock),
        artifacts(database, store, clock) {
    experiments.ensure_default();
  }

  Experiments experiments;
  Runs runs;
  LoggedModels models;
  Artifacts artifacts;
};

}  // namespace fettle::tracking
