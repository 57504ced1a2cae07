// The server's configuration: option > environment > file > default. Every key `section.key` of the YAML file is also
// FETTLE_<SECTION>_<KEY>; unknown keys are errors with the nearest spelling.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace fettle::app {

struct Config {
  std::filesystem::path data_dir = "fettle-data";
  std::string http_host = "127.0.0.1";
  int http_port = 5000;  // 0: any free one
  std::string grpc_host = "127.0.0.1";
  int grpc_port = 8001;                // 0: any free one; -1: no gRPC
  std::string database;                // URL; empty: SQLite in data_dir
  std::string server_name = "fettle";  // in /v2
  int64_t drain_timeout_ms = 15'000;
  bool allow_anonymous = false;  // bind beyond loopback without tokens
  int64_t http_loops = 0;        // 0: one a core
  int64_t http_pool_threads = 16;
  int64_t http_body_limit_bytes = int64_t{64} << 20;
  std::filesystem::path model_repository;   // Triton layout; empty: none
  std::string model_control_mode = "none";  // none, poll, explicit
  int64_t repository_poll_ms = 15'000;
  std::vector<std::string> load_models;
  std::string onnxruntime_library;
  int64_t serving_threads = 0;  // 0: one a core
  int64_t jobs_workers = 1;
  int64_t retraining_interval_ms = 200;
  int64_t monitoring_flush_ms = 200;
  int64_t gc_grace_ms = 3'600'000;
  LogConfig log;
};

// What a key sets, for the file, the environment, `server config` and docs/config.md.
struct Key {
  std::string_view name;     // "server.http"
  std::string_view meaning;  // with its unit
  void (*set)(Config& config, const std::string& value);
  std::string (*get)(const Config& config);
};
std::span<const Key> keys();

// Where a value came from, by key: "option", "environment", "file", "default".
using Origins = std::map<std::string, std::string>;

struct LoadedConfig {
  Config config;
  Origins origins;
};

// `arguments` after `fettle server`. invalid_argument for options, configuration problems are failed_precondition (exit
// 251).
LoadedConfig load_config(std::span<const std::string> arguments, const std::map<std::string, std::string>& environment);

// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback(std::string_view host);

}  // namespace fettle::app
