// An endpoint `flights` over a fake runtime, without a control plane. For this module's tests.
#pragma once

#include <gtest/gtest.h>

#include "gateway/testing_fakes.h"

namespace fettle::gateway::testing {

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() : gateway_({.runtime = runtime_, .sink = &sink_, .metrics = metrics_, .clock = clock_}) {
    runtime_.add(flights_model("1"));
    contract_.ignore = {"label"};
  }

  std::shared_ptr<const ServedModel> served(const std::string& version) {
    auto pin = value_or_throw(runtime_.pin("flights-delay", version));
    return build_served_model({.pin = pin.get(),
                               .endpoint = &spec_,
                               .contract = with_contract_ ? &contract_ : nullptr,
                               .reference = &reference_,
                               .reference_origin = "models:/flights-delay/" + version});
  }

  // Installs the endpoint `flights` over version 1 (and a candidate).
  void serve(int32_t candidate_weight = 0) {
    auto endpoint = std::make_shared<EndpointSnapshot>();
    endpoint->name = "flights";
    endpoint->ordinal = 3;
    endpoint->spec = spec_;
    endpoint->state = EndpointState::serving;
    endpoint->revision_id = "rev";
    endpoint->revision = 5;
    endpoint->traffic = std::make_shared<EndpointTraffic>();
    endpoint->stable = {.name = "stable",
                        .served = served("1"),
                        .weight = kWhole - candidate_weight,
                        .counters = std::make_shared<ArmCounters>()};
    if (candidate_weight > 0) {
      endpoint->rollout_id = "exp-1";
      endpoint->candidate = ArmSnapshot{.name = "candidate",
                                        .served = served("2"),
                                        .weight = candidate_weight,
                                        .counters = std::make_shared<ArmCounters>()};
    }
    for (const auto& level : spec_.fallback) {
      FallbackSnapshot made{.on = level.on, .answer = ConstantAnswer{}};
      if (const auto* constant = std::get_if<ConstantAnswer>(&level.answer)) made.answer = *constant;
      if (const auto* rule = std::get_if<RuleAnswer>(&level.answer)) made.answer = *rule;
      if (const auto* ref = std::get_if<ModelRef>(&level.answer)) made.answer = served(ref->selector);
      endpoint->fallback.push_back(std::move(made));
    }
    gateway_.bind_metrics(*endpoint);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->endpoints["flights"] = std::move(endpoint);
    gateway_.install(std::move(snapshot));
  }

  static serving::InferRequest request(std::vector<float> temps, std::vector<std::string> carriers) {
    serving::InferRequest made;
    made.inputs.push_back(floats("temp", temps));
    made.inputs.push_back(texts("carrier", std::move(carriers)));
    return made;
  }

  static constexpr int32_t kWhole = 10'000;
  SystemClock clock_;
  FakeRuntime runtime_;
  FakeSink sink_;
  metrics::Registry metrics_;
  EndpointSpec spec_;
  ContractSpec contract_;
  stats::Table reference_ = flights_reference();
  bool with_contract_ = true;
  Gateway gateway_;
};

}  // namespace fettle::gateway::testing
