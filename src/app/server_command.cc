#include "app/server_command.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "app/app.h"
#include "app/config.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace fettle::app {
namespace {

// Blocks the signals in this thread and all that it starts, so that only sigwait sees them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void refuse_open_door(const Config& config) {
  for (const auto& host : {config.http_host, config.grpc_host}) {
    if (is_loopback(host) || config.allow_anonymous) continue;
    fail(Error{Code::failed_precondition,
               fmt::format("'{}' is not a loopback address, and this server asks nobody who they are", host),
               {},
               "bind to 127.0.0.1 behind a proxy that authenticates, or say --allow-anonymous"});
  }
}

}  // namespace

std::string server_help() {
  std::string text =
      "usage: fettle server [options]\n"
      "       fettle server config [options]     the effective configuration, and where each value comes from\n"
      "       fettle server routes               every route with the permission that it needs\n\n"
      "Serves tracking and registry (MLflow), inference (Open Inference Protocol over HTTP and gRPC), endpoints, "
      "monitoring,\n"
      "jobs, retraining and the web UI. One line on stdout when it accepts requests; SIGTERM drains and exits 0.\n\n"
      "options:\n"
      "  --data-dir DIR               database, artifacts and logs (default ./fettle-data)\n"
      "  --http HOST:PORT             all HTTP surfaces (default 127.0.0.1:5000; port 0: a free one)\n"
      "  --grpc HOST:PORT             gRPC inference (default 127.0.0.1:8001; port 0: a free one)\n"
      "  --config FILE                YAML; every key is also FETTLE_<SECTION>_<KEY>\n"
      "  --model-repository DIR       models in Triton's layout\n"
      "  --model-control-mode MODE    none, poll or explicit\n"
      "  --repository-poll-secs N     how often poll looks\n"
      "  --load-model NAME            loaded at start with explicit (repeat)\n"
      "  --database URL               sqlite:///PATH (default: in the data directory)\n"
      "  --allow-anonymous            serve beyond loopback without authentication\n"
      "  --host, --port, --backend-store-uri, --workers, --serve-artifacts    as mlflow server has them\n\n"
      "examples:\n"
      "  fettle server\n"
      "  fettle server --data-dir /var/lib/fettle --http 127.0.0.1:5000\n"
      "  fettle server --model-repository models --model-control-mode poll\n\n"
      "keys of the configuration file:\n";
  for (const auto& key : keys()) text += fmt::format("  {:<32} {}\n", key.name, key.meaning);
  return text;
}

int run_server(std::span<const std::string> arguments, const std::map<std::string, std::string>& environment) {
  LoadedConfig loaded = load_config(arguments, environment);
  configure_log(loaded.config.log);
  refuse_open_door(loaded.config);
  sigset_t signals = block_signals();
  App app(loaded.config);
  app.start();
  std::printf("fettle is ready: http://%s:%d, grpc://%s:%d, data in %s\n", loaded.config.http_host.c_str(),
              app.http_port(), loaded.config.grpc_host.c_str(), app.grpc_port(), loaded.config.data_dir.c_str());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  log_info("draining", {{"signal", received}, {"timeout_ms", loaded.config.drain_timeout_ms}});
  bool clean = app.stop();
  return clean ? 0 : 1;
}

int print_config(std::span<const std::string> arguments, const std::map<std::string, std::string>& environment) {
  LoadedConfig loaded = load_config(arguments, environment);
  bool terminal = isatty(STDOUT_FILENO) == 1;
  for (const auto& key : keys()) {
    std::string value = key.get(loaded.config);
    const std::string& origin = loaded.origins[std::string(key.name)];
    std::string line = terminal ? fmt::format("{:<32} {:<28} {}\n", key.name, value, origin)
                                : fmt::format("{}\t{}\t{}\n", key.name, value, origin);
    std::fputs(line.c_str(), stdout);
  }
  return 0;
}

int print_routes() {
  TemporaryDirectory directory;
  Config config;
  config.data_dir = directory.path();
  std::fputs(App(config).route_table().c_str(), stdout);
  return 0;
}

}  // namespace fettle::app
