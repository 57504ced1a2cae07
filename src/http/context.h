// What all loops and connections of one server share.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "http/parser.h"
#include "http/server.h"
#include "http/status.h"

namespace fettle::http {

// The server's own series. Those of a route appear with its first request. Thread-safe.
class ServerMetrics {
 public:
  ServerMetrics(metrics::Registry& registry, const Router& router);
  // `route` is null for requests that matched none.
  void finished(const Route* route, std::string_view method, int status, double seconds);

  metrics::Gauge& in_flight;
  metrics::Gauge& connections;
  metrics::Counter& accepted;
  metrics::Counter& refused;
  metrics::Counter& peer_errors;
  metrics::Counter& received_bytes;
  metrics::Counter& sent_bytes;
  metrics::Counter& shed;

 private:
  static constexpr size_t kStatuses = 64;
  struct PerRoute {
    std::array<std::atomic<metrics::Counter*>, kStatuses> by_status{};
    std::atomic<metrics::Histogram*> duration{nullptr};
  };
  metrics::Registry& registry_;
  std::unordered_map<const Route*, std::unique_ptr<PerRoute>> routes_;  // HEAD counts as its GET
};

struct Context {
  Context(ServerConfig c, const Router& r, Authoriser a, const Clock& k, metrics::Registry& registry)
      : config(std::move(c)), router(r), authorise(std::move(a)), clock(k), metrics(registry, r) {}

  const ServerConfig config;
  const Router& router;
  const Authoriser authorise;
  const Clock& clock;
  ServerMetrics metrics;
  ThreadPool* pool = nullptr;  // the server's two; they outlive the loops
  ThreadPool* stream_pool = nullptr;
  std::atomic<bool> draining{false};
  std::atomic<size_t> open_connections{0};
  std::mutex idle_mutex;
  std::condition_variable idle;  // notified when open_connections becomes 0
};

}  // namespace fettle::http
