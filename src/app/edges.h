// Small adapters between modules that must not know each other: gateway -> prediction log, inference surfaces ->
// gateway, alerts -> HTTP.
#pragma once

#include "api/infer/endpoint_infer.h"
#include "gateway/gateway.h"
#include "gateway/prediction_sink.h"
#include "http/client.h"
#include "monitoring/monitoring.h"

namespace fettle::app {

class PredictionsToLog final : public gateway::PredictionSink {
 public:
  // Until then records are refused (counted by the gateway).
  void connect(monitoring::Monitoring& monitoring) { monitoring_ = &monitoring; }
  bool offer(gateway::PredictionRecord&& record) override;

 private:
  monitoring::Monitoring* monitoring_ = nullptr;  // set before serving begins
};

class EndpointsToGateway final : public api::infer::EndpointInfer {
 public:
  explicit EndpointsToGateway(gateway::Gateway& gateway) : gateway_(gateway) {}
  bool has(std::string_view name) const override { return gateway_.has(name); }
  Outcome<api::infer::ModelDescription> describe(std::string_view name) const override;
  void infer(std::string_view name, serving::InferRequest request, const api::infer::Caller& caller,
             serving::InferDone done) override;

 private:
  gateway::Gateway& gateway_;
};

class WebhooksOverHttp final : public monitoring::AlertSink {
 public:
  monitoring::WebhookAnswer deliver(const monitoring::WebhookRequest& request) override;

 private:
  http::Client client_;
};

}  // namespace fettle::app
