// What gates and rollouts judge by: models of the registry, labelled predictions of the log, runs of the model in this
// process.
#pragma once

#include "app/model_store.h"
#include "gateway/model_resolver.h"
#include "gateway/outcome_source.h"
#include "monitoring/monitoring.h"
#include "validation/validation.h"

namespace fettle::app {

class GateSubjects final : public validation::Subjects {
 public:
  GateSubjects(ModelStore& models, tracking::Tracking& tracking, serving::Runtime& runtime,
               monitoring::Monitoring& monitoring)
      : models_(models), tracking_(tracking), runtime_(runtime), monitoring_(monitoring) {}

  std::optional<validation::VersionInfo> version(const std::string& model, const std::string& reference) override;
  validation::EvaluationData data(const validation::DataRequest& request, const validation::Gate& gate) override;
  std::vector<double> score(const std::string& model, const std::string& version,
                            const stats::Table& features) override;
  validation::Cost measure(const std::string& model, const std::string& version, const stats::Table& features,
                           int64_t requests) override;

 private:
  validation::EvaluationData labelled(const std::string& endpoint, int64_t from_ms, int64_t to_ms,
                                      const std::string& source, const validation::Gate& gate);
  ModelStore& models_;
  tracking::Tracking& tracking_;
  serving::Runtime& runtime_;
  monitoring::Monitoring& monitoring_;
};

class GateReports final : public gateway::GateSource {
 public:
  explicit GateReports(validation::Validation& validation) : validation_(validation) {}
  gateway::GateStanding standing(const std::string& model, const std::string& version,
                                 const std::string& report) override;

 private:
  validation::Validation& validation_;
};

class LabelledOutcomes final : public gateway::OutcomeSource {
 public:
  LabelledOutcomes(ModelStore& models, serving::Runtime& runtime, monitoring::Monitoring& monitoring)
      : models_(models), runtime_(runtime), monitoring_(monitoring) {}
  gateway::Outcomes outcomes(const gateway::OutcomeQuery& query) override;

 private:
  gateway::ArmQuality arm_quality(const gateway::OutcomeQuery& query, const std::string& version);
  std::optional<gateway::PairedQuality> paired(const gateway::OutcomeQuery& query);
  ModelStore& models_;
  serving::Runtime& runtime_;
  monitoring::Monitoring& monitoring_;
};

// The newest window of a monitor whose labels are mature; nothing if there is none.
std::optional<monitoring::WindowView> newest_mature_window(monitoring::Monitoring& monitoring,
                                                           const std::string& monitor);

}  // namespace fettle::app
