// The kinds of resources, each with the module that owns it, in dependency order.
#pragma once

#include <vector>

#include "gateway/control.h"
#include "monitoring/monitoring.h"
#include "platform/platform.h"
#include "retraining/retraining.h"
#include "validation/validation.h"

namespace fettle::app {

struct KindOwners {
  gateway::Control& control;
  gateway::Gateway& gateway;
  monitoring::Monitoring& monitoring;
  validation::Validation& validation;
  retraining::Retraining& retraining;
};

std::vector<platform::KindHandler> make_kinds(KindOwners owners);

}  // namespace fettle::app
