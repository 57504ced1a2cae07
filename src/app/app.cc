#include "app/app.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "api/common/error.h"
#include "api/fettle/alerts.h"
#include "api/fettle/endpoints.h"
#include "api/fettle/gates.h"
#include "api/fettle/jobs.h"
#include "api/fettle/labels.h"
#include "api/fettle/lineage.h"
#include "api/fettle/metrics_document.h"
#include "api/fettle/monitors.h"
#include "api/fettle/pipeline_runs.h"
#include "api/fettle/predictions.h"
#include "api/fettle/resources.h"
#include "api/fettle/retraining.h"
#include "api/fettle/rollouts.h"
#include "api/infer/grpc_methods.h"
#include "api/infer/http_routes.h"
#include "api/mlflow/routes.h"
#include "app/assets.h"
#include "app/edges.h"
#include "app/housekeeping.h"
#include "app/kinds.h"
#include "app/lineage_source.h"
#include "app/retraining_steps.h"
#include "app/subjects.h"
#include "base/error.h"
#include "blob/store.h"
#include "http/server.h"
#include "metrics/exposition.h"
#include "metrics/process.h"
#include "platform/pipeline_runs.h"
#include "rpc/server.h"
#include "schema/schema.h"
#include "serving/model_repository.h"

namespace fettle::app {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<sql::Database> open_database(const Config& config) {
  fs::create_directories(config.data_dir);
  std::string url = config.database;
  if (url.empty()) url = "sqlite:///" + fs::absolute(config.data_dir / "fettle.db").string();
  auto database = sql::Database::open(url);
  sql::migrate(*database, schema::migrations());
  return database;
}

http::ServerConfig http_config(const Config& config) {
  http::ServerConfig http;
  http.host = config.http_host;
  http.port = config.http_port;
  http.loops = static_cast<size_t>(config.http_loops);
  http.pool_threads = static_cast<size_t>(config.http_pool_threads);
  return http;
}

serving::RuntimeConfig runtime_config(const Config& config) {
  serving::RuntimeConfig runtime;
  runtime.onnxruntime_library = config.onnxruntime_library;
  runtime.run_threads = static_cast<size_t>(config.serving_threads);
  return runtime;
}

std::unique_ptr<serving::ModelRepository> open_repository(const Config& config, serving::Runtime& runtime) {
  if (config.model_repository.empty()) return nullptr;
  serving::ModelRepositoryConfig repository;
  repository.directory = config.model_repository.string();
  repository.mode = serving::parse_control_mode(config.model_control_mode).value_or(serving::ControlMode::none);
  repository.poll_interval_ms = config.repository_poll_ms;
  repository.load_at_start = config.load_models;
  return std::make_unique<serving::ModelRepository>(repository, runtime);
}

jobs::Config jobs_config(const Config& config) {
  return {.log_directory = fs::absolute(config.data_dir) / "jobs", .workers = static_cast<size_t>(config.jobs_workers)};
}

std::string own_program() {
  std::error_code ignored;
  fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  return program.empty() ? "fettle" : program.string();
}

// Both arms of an endpoint together, for the metrics document.
std::vector<api::LiveEndpoint> live_endpoints(const gateway::Gateway& gateway) {
  std::vector<api::LiveEndpoint> live;
  for (const auto& view : gateway.endpoints()) {
    api::LiveEndpoint endpoint{.endpoint = view.name, .model = view.spec.model.model};
    gateway::ArmFigures all;
    for (const auto& arm : view.arms) {
      if (arm.arm == "stable") endpoint.version = arm.version;
      all += arm.figures;
    }
    auto share = [](uint64_t part, uint64_t whole) {
      return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    endpoint.requests = static_cast<int64_t>(all.requests);
    endpoint.rows = static_cast<int64_t>(all.rows);
    endpoint.errors = static_cast<int64_t>(all.errors);
    endpoint.latency = {all.latency_quantile_ms(0.5), all.latency_quantile_ms(0.95), all.latency_quantile_ms(0.99)};
    endpoint.fallback_rate = share(all.fallback, all.rows);
    endpoint.low_confidence_rate = share(all.low_confidence, all.rows);
    endpoint.ood_rate = share(all.out_of_distribution, all.rows);
    endpoint.confidence_mean = all.confident == 0 ? std::nan("") : all.confidence_mean();
    endpoint.score_mean = all.scored == 0 ? std::nan("") : all.score_mean();
    live.push_back(endpoint);
  }
  return live;
}

http::Route health_route() {
  return {.method = "GET",
          .path = "/health",
          .permission = http::Permission::open,
          .handler = http::Handler([](http::Request&) { return http::Response::text(200, "OK"); }),
          .run = http::Run::inline_};
}

http::Route metrics_route(metrics::Registry& registry) {
  return {.method = "GET",
          .path = "/metrics",
          .permission = http::Permission::read,
          .handler = http::Handler([&registry](http::Request& request) {
            auto format = metrics::negotiate(request.headers.get("accept"));
            return http::Response::text(200, registry.expose(format), metrics::content_type(format));
          })};
}

class WakeRetraining final : public monitoring::AlertListener {
 public:
  explicit WakeRetraining(retraining::Retraining& retraining) : retraining_(retraining) {}
  void on_alert(const monitoring::AlertEvent&) override { retraining_.wake(); }

 private:
  retraining::Retraining& retraining_;
};

}  // namespace

// Members in the order of their layers; each may use those above it.
struct App::Parts {
  explicit Parts(const Config& wanted)
      : config(wanted),
        database(open_database(wanted)),
        blobs(blob::open_local(wanted.data_dir / "blobs")),
        tracking(*database, *blobs, clock),
        registry(*database, sources, clock),
        runtime(serving::make_runtime(runtime_config(wanted), clock, metrics)),
        repository(open_repository(wanted, *runtime)),
        housekeeping(*blobs, tracking.artifacts, clock, metrics, {.grace_ms = wanted.gc_grace_ms}),
        models(registry, tracking, *runtime),
        monitoring(*database, models, webhooks, clock, metrics, {.flush_interval_ms = wanted.monitoring_flush_ms}),
        gateway({.runtime = *runtime, .sink = &predictions, .metrics = metrics, .clock = clock}),
        endpoints(gateway),
        subjects(models, tracking, *runtime, monitoring),
        validation(*database, clock, subjects),
        gate_reports(validation),
        outcomes(models, *runtime, monitoring),
        control({.database = *database,
                 .clock = clock,
                 .runtime = *runtime,
                 .gateway = gateway,
                 .resolver = models,
                 .gates = &gate_reports,
                 .outcomes = &outcomes}),
        jobs(*database, clock, jobs_config(wanted)),
        steps({monitoring, jobs, registry, tracking, validation, control, *database, own_program()}),
        retraining(*database, clock, steps),
        wake_retraining(retraining),
        platform(*database, clock, make_kinds({control, gateway, monitoring, validation, retraining})),
        lineage_facts({*database, monitoring, registry, tracking, validation, control, gateway, jobs, retraining}),
        lineage(*database, lineage_facts),
        inference({.server_name = wanted.server_name, .server_version = "0.1.0"},
                  {.runtime = *runtime, .clock = clock, .repository = repository.get(), .endpoints = &endpoints}) {
    predictions.connect(monitoring);
    monitoring.add_listener(wake_retraining);
    metrics::add_process_metrics(metrics);
  }

  void add_routes();

  const Config config;
  SystemClock clock;
  metrics::Registry metrics;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<blob::Store> blobs;
  tracking::Tracking tracking;
  api::mlflow::TrackingSources sources{tracking};
  registry::Registry registry;
  std::unique_ptr<serving::Runtime> runtime;
  std::unique_ptr<serving::ModelRepository> repository;
  Housekeeping housekeeping;
  ModelStore models;
  WebhooksOverHttp webhooks;
  monitoring::Monitoring monitoring;
  PredictionsToLog predictions;
  gateway::Gateway gateway;
  EndpointsToGateway endpoints;
  GateSubjects subjects;
  validation::Validation validation;
  GateReports gate_reports;
  LabelledOutcomes outcomes;
  gateway::Control control;
  jobs::Jobs jobs;
  RetrainingSteps steps;
  retraining::Retraining retraining;
  WakeRetraining wake_retraining;
  platform::Platform platform;
  LineageFacts lineage_facts;
  platform::Lineage lineage;
  api::infer::Inference inference;
  http::Router router;
  std::unique_ptr<http::Server> http;
  std::unique_ptr<rpc::Server> grpc;
};

void App::Parts::add_routes() {
  api::MonitoringFacts facts{.endpoint_exists = [this](const std::string& name) { return gateway.has(name); },
                             .run_of =
                                 [this](const std::string& model, const std::string& version) {
                                   auto found = registry.find_version(model, version);
                                   return found ? found->run_id : std::string();
                                 }};
  api::RetrainingFacts retraining_facts{.inputs = [this](const std::string& id) {
    std::vector<std::pair<std::string, std::string>> inputs;
    if (auto run = platform::find_pipeline_run(*database, id)) {
      for (const auto& file : run->inputs) inputs.emplace_back(file.path, file.hash);
    }
    return inputs;
  }};
  auto executed = [this](const std::string& job, const std::string& run) {
    if (!job.empty()) jobs.set_pipeline_run(job, run);
  };
  router.add(health_route());
  router.add(metrics_route(metrics));
  router.add(ui_routes());
  router.add(api::mlflow::routes(tracking, registry));
  router.add(api::infer::routes(inference, {.body_bytes = static_cast<size_t>(config.http_body_limit_bytes)}));
  router.add(api::resource_routes(platform));
  router.add(api::lineage_routes(lineage, *database));
  router.add(api::job_routes(jobs, is_loopback(config.http_host)));
  router.add(api::gate_routes(validation));
  router.add(api::retraining_routes(retraining, retraining_facts));
  router.add(api::pipeline_run_routes(*database, executed));
  router.add(api::label_routes(monitoring, clock, facts));
  router.add(api::monitor_routes(monitoring));
  router.add(api::alert_routes(monitoring));
  router.add(api::prediction_routes(monitoring, facts));
  router.add(api::endpoint_routes(gateway, control));
  router.add(api::rollout_routes(control));
  router.add(api::metrics_document_routes(
      {monitoring, metrics, clock, config.data_dir, [this] { return live_endpoints(gateway); }}));
  for (auto prefix : api::mlflow::kSurfacePrefixes)
    router.add_error_surface(std::string(prefix), api::mlflow::unknown_route_answer);
  router.add_error_surface("/v2", api::infer::protocol_error);
  router.add_error_surface("/api/fettle/", api::rest_error);
}

App::App(const Config& config) : parts_(std::make_unique<Parts>(config)) {}
App::~App() = default;

void App::start() {
  Parts& p = *parts_;
  if (p.repository) p.repository->start();
  p.control.restore();
  p.platform.restore();
  p.add_routes();
  p.monitoring.start();
  p.control.start();
  p.http = std::make_unique<http::Server>(http_config(p.config), p.router, nullptr, p.clock, p.metrics);
  p.http->start();
  p.grpc = std::make_unique<rpc::Server>(rpc::ServerConfig{.host = p.config.grpc_host, .port = p.config.grpc_port},
                                         api::infer::grpc_methods(p.inference), p.clock);
  p.grpc->start();
  std::string host = p.config.http_host == "0.0.0.0" ? "127.0.0.1" : p.config.http_host;
  std::string url = fmt::format("http://{}:{}", host, p.http->port());
  p.jobs.add_environment("MLFLOW_TRACKING_URI", url);
  p.jobs.add_environment("FETTLE_URL", url);
  p.jobs.start([&p](const jobs::Job&) { p.retraining.wake(); });
  p.retraining.start(p.config.retraining_interval_ms);
  p.housekeeping.start();
}

std::string App::route_table() {
  constexpr std::string_view kPermissions[] = {"open", "read", "write", "admin"};
  parts_->add_routes();
  std::string table;
  for (const auto& route : parts_->router.routes()) {
    table +=
        fmt::format("{}\t{}\t{}\n", route->method, route->path, kPermissions[static_cast<size_t>(route->permission)]);
  }
  return table;
}

int App::http_port() const { return parts_->http->port(); }
int App::grpc_port() const { return parts_->grpc->port(); }

bool App::stop() {
  Parts& p = *parts_;
  p.inference.stop();
  p.housekeeping.stop();
  p.retraining.stop();
  bool clean = p.http->drain(p.config.drain_timeout_ms);
  p.grpc->drain(p.config.drain_timeout_ms);
  p.jobs.stop();
  p.control.stop();
  p.monitoring.stop();
  return clean;
}

}  // namespace fettle::app
