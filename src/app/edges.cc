#include "app/edges.h"

namespace fettle::app {
namespace {

std::shared_ptr<const monitoring::FeatureNames> names_of(const std::shared_ptr<const gateway::FeatureSchema>& schema) {
  if (!schema) return nullptr;
  return std::make_shared<const monitoring::FeatureNames>(
      monitoring::FeatureNames{schema->numeric, schema->categorical});
}

}  // namespace

bool PredictionsToLog::offer(gateway::PredictionRecord&& record) {
  if (monitoring_ == nullptr) return false;
  monitoring::PredictionBatch batch;
  batch.prediction_id = std::move(record.prediction_id);
  batch.request_id = std::move(record.request_id);
  batch.endpoint = std::move(record.endpoint);
  batch.endpoint_ordinal = record.endpoint_ordinal;
  batch.revision = record.revision;
  batch.revision_id = std::move(record.revision_id);
  batch.rollout_id = std::move(record.rollout_id);
  batch.arm = std::move(record.arm);
  batch.model = std::move(record.model);
  batch.version = std::move(record.version);
  batch.received_ms = record.received_ms;
  batch.latency_ns = record.latency_ns;
  batch.model_ns = record.model_ns;
  batch.fallback = std::move(record.fallback);
  batch.warnings = std::move(record.warnings);
  batch.rows = record.rows;
  batch.event_time_ms = std::move(record.event_time_ms);
  batch.keys = std::move(record.keys);
  batch.features = names_of(record.schema);
  batch.numbers = std::move(record.numbers);
  batch.categories = std::move(record.categories);
  batch.scores = std::move(record.scores);
  batch.labels = std::move(record.labels);
  batch.probabilities = std::move(record.probabilities);
  batch.confidence = std::move(record.confidence);
  batch.ood = std::move(record.ood);
  batch.verdicts = std::move(record.verdicts);
  return monitoring_->offer(std::move(batch));
}

Outcome<api::infer::ModelDescription> EndpointsToGateway::describe(std::string_view name) const {
  auto pin = gateway_.pin_stable(name);
  if (!pin) return std::unexpected(pin.error());
  api::infer::ModelDescription description;
  description.name = name;
  description.versions = {(*pin)->version()};
  description.platform = (*pin)->platform();
  description.inputs = (*pin)->inputs();
  description.outputs = (*pin)->outputs();
  description.max_batch_size = (*pin)->max_batch_size();
  return description;
}

void EndpointsToGateway::infer(std::string_view name, serving::InferRequest request, const api::infer::Caller& caller,
                               serving::InferDone done) {
  gateway_.infer(name, std::move(request), {.request_id = caller.request_id, .received_ns = caller.received_ns},
                 std::move(done));
}

monitoring::WebhookAnswer WebhooksOverHttp::deliver(const monitoring::WebhookRequest& request) {
  http::ClientRequest post{
      .method = "POST", .url = request.url, .headers = {{"content-type", "application/json"}}, .body = request.body};
  post.timeout_ms = request.timeout_ms;
  post.response_limit_bytes = 1 << 20;
  auto answer = client_.send(post);
  if (!answer) return {.status = 0, .error = answer.error().message};
  return {.status = answer->status, .error = ""};
}

}  // namespace fettle::app
