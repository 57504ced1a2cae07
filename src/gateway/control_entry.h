// State of one endpoint in the control plane. Internal to control*.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/control.h"

namespace fettle::gateway {

struct Control::Entry {
  StoredEndpoint stored;
  EndpointSpec spec;
  EndpointState state = EndpointState::waiting;
  std::string reason = "not set up yet";
  std::optional<Revision> revision;  // the newest
  std::string pinned;                // version that a fixed reference stands for now (rollouts move it)
  std::optional<Rollout> rollout;    // that is running
  std::shared_ptr<const ServedModel> stable;
  std::shared_ptr<const ServedModel> candidate;
  std::string built_for;  // fingerprint that `stable` was built with
  std::vector<FallbackSnapshot> fallback;
  std::shared_ptr<ArmCounters> stable_counters;
  std::shared_ptr<ArmCounters> candidate_counters;
  ArmFigures stable_base;  // of the running rollout, from before this process
  ArmFigures candidate_base;
  std::shared_ptr<EndpointTraffic> traffic = std::make_shared<EndpointTraffic>();
  std::vector<std::weak_ptr<const EndpointSnapshot>>
      with_candidate;  // installed ones that sent traffic to it: alive while a request is
  int64_t next_try_ms = 0;
  int64_t figures_stored_ms = 0;
  int64_t outcomes_asked_ms = 0;
  std::optional<Outcomes> outcomes;
};

// One step of a rollout's state machine on its way into the store.
struct Control::Transition {
  Rollout next;              // with state, step, reason and ended_at_ms set; the generation is raised by commit()
  std::string verdict;       // of a decision; empty: none is recorded
  std::string observations;  // JSON that the decision saw
  std::string by = "system";
  std::string reason;
  std::optional<Revision> revision;  // to add
  std::optional<AliasMove> alias;
  bool history = true;  // false: only the decision is recorded (a first `wait`)
};

}  // namespace fettle::gateway
