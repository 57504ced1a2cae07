// What the lineage reads from every module: names and states of nodes, and the edges that follow from a prediction's
// own record.
#pragma once

#include "gateway/control.h"
#include "jobs/jobs.h"
#include "monitoring/monitoring.h"
#include "platform/lineage.h"
#include "registry/registry.h"
#include "retraining/retraining.h"
#include "tracking/tracking.h"
#include "validation/validation.h"

namespace fettle::app {

struct LineageParts {
  sql::Database& database;
  monitoring::Monitoring& monitoring;
  registry::Registry& registry;
  tracking::Tracking& tracking;
  validation::Validation& validation;
  gateway::Control& control;
  gateway::Gateway& gateway;
  jobs::Jobs& jobs;
  retraining::Retraining& retraining;
};

class LineageFacts final : public platform::LineageSource {
 public:
  explicit LineageFacts(LineageParts parts) : parts_(parts) {}
  std::vector<journal::Edge> computed_edges(const journal::Node& node, journal::Direction direction,
                                            int64_t limit) override;
  bool describe(platform::LineageNode& node) override;
  std::optional<std::string> model_version(std::string_view model, std::string_view alias) override;
  std::vector<std::string> runs_with_prefix(std::string_view prefix) override;

 private:
  std::vector<journal::Edge> prediction_edges(const journal::Node& node, journal::Direction direction);
  bool describe_prediction(platform::LineageNode& node);
  bool describe_run(platform::LineageNode& node);
  bool describe_model_version(platform::LineageNode& node);
  bool describe_endpoint(platform::LineageNode& node);
  bool describe_gate_report(platform::LineageNode& node);
  bool describe_rollout(platform::LineageNode& node);
  bool describe_job(platform::LineageNode& node);
  bool describe_retraining_run(platform::LineageNode& node);
  bool describe_window(platform::LineageNode& node);
  bool describe_alert(platform::LineageNode& node);
  bool describe_data(platform::LineageNode& node);
  bool describe_pipeline_run(platform::LineageNode& node);
  bool describe_decision(platform::LineageNode& node);
  // Kinds that only the journal knows.
  bool describe_by_edges(platform::LineageNode& node);
  LineageParts parts_;
};

}  // namespace fettle::app
