// What the retraining loop asks of monitoring, jobs, registry, gates and rollouts.
#pragma once

#include <string>

#include "app/subjects.h"
#include "gateway/control.h"
#include "jobs/jobs.h"
#include "retraining/retraining.h"

namespace fettle::app {

struct RetrainingParts {
  monitoring::Monitoring& monitoring;
  jobs::Jobs& jobs;
  registry::Registry& registry;
  tracking::Tracking& tracking;
  validation::Validation& validation;
  gateway::Control& control;
  sql::Database& database;
  std::string program;  // path of this binary, for `fettle add` and `fettle repro`
};

class RetrainingSteps final : public retraining::Steps {
 public:
  explicit RetrainingSteps(RetrainingParts parts) : parts_(std::move(parts)) {}

  std::vector<retraining::FiringAlert> firing_alerts() override;
  std::optional<int64_t> newest_event_ms(const std::string& endpoint) override;
  int64_t label_count(const std::string& endpoint) override;
  std::optional<retraining::EvaluationWindow> evaluation_window(const retraining::Policy& policy) override;
  std::string start_versioning(const retraining::Policy& policy, const retraining::Run& run) override;
  std::string start_training(const retraining::Policy& policy, const retraining::Run& run) override;
  retraining::JobEnd job(const std::string& id) override;
  std::optional<retraining::Candidate> candidate(const retraining::Policy& policy, const retraining::Run& run) override;
  retraining::GateEnd judge(const retraining::Policy& policy, const retraining::Run& run) override;
  std::string start_rollout(const retraining::Policy& policy, const retraining::Run& run) override;
  retraining::RolloutEnd rollout(const std::string& id) override;

 private:
  std::string monitor_of(const retraining::Policy& policy);
  jobs::Spec job_spec(const retraining::Policy& policy, const retraining::Run& run, const std::string& step) const;
  RetrainingParts parts_;
};

}  // namespace fettle::app
