#include "app/app.h"

#include <atomic>
#include <filesystem>

#include "api/common/error.h"
#include "api/fettle/gates.h"
#include "api/fettle/jobs.h"
#include "api/fettle/lineage.h"
#include "api/fettle/resources.h"
#include "api/fettle/retraining.h"
#include "api/infer/http_routes.h"
#include "app/assets.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "blob/store.h"
#include "http/server.h"
#include "metrics/process.h"
#include "metrics/registry.h"
#include "schema/schema.h"
#include "sql/database.h"

namespace fettle::app {
namespace {

std::unique_ptr<sql::Database> open_database(const Config& config) {
  std::filesystem::create_directories(config.data_dir);
  std::string url = config.database;
  if (url.empty()) url = "sqlite:///" + std::filesystem::absolute(config.data_dir / "fettle.db").string();
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

}  // namespace

struct App::Parts {
  explicit Parts(const Config& wanted) : config(wanted), database(open_database(wanted)), blobs(blob::open_local(wanted.data_dir / "blobs")) {}

  const Config config;
  SystemClock clock;
  metrics::Registry metrics;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<blob::Store> blobs;
  http::Router router;
  std::unique_ptr<http::Server> http;
};

App::App(const Config& config) : parts_(std::make_unique<Parts>(config)) {}
App::~App() = default;

void App::start() {
  Parts& p = *parts_;
  p.router.add(ui_routes());
  p.http = std::make_unique<http::Server>(http_config(p.config), p.router, nullptr, p.clock, p.metrics);
  p.http->start();
}

int App::http_port() const { return parts_->http->port(); }
int App::grpc_port() const { return parts_->config.grpc_port; }

bool App::stop() { return parts_->http->drain(parts_->config.drain_timeout_ms); }

}  // namespace fettle::app
