// HTTP/1.1 server: one event loop a core (SO_REUSEPORT), keep-alive, pipelining in order, limits, streaming bodies both
// ways, server-sent events, gzip, graceful drain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http/router.h"
#include "metrics/registry.h"

namespace fettle::http {

struct ServerConfig {
  std::string host = "127.0.0.1";
  int port = 5000;   // 0: any free one
  size_t loops = 0;  // event loops; 0: one a core
  size_t pool_threads = 16;
  size_t pool_queue_limit = 4096;  // requests waiting for a pool thread; beyond: 429 with Retry-After
  size_t stream_threads =
      16;  // for routes that stream their body: a slow upload holds a thread, but none of the pool's
  size_t connections_limit = 10000;
  size_t header_limit_bytes = 64 << 10;  // request line and headers together; beyond: 431
  size_t header_count_limit = 200;       // header lines; beyond: 431
  size_t pipeline_limit = 64;  // pipelined requests of one connection that are answered before others get their turn
  int64_t header_timeout_ms = 10'000;  // from the first byte of a request to the end of its headers: 408
  int64_t body_timeout_ms = 60'000;    // without progress
  int64_t idle_timeout_ms = 120'000;   // keep-alive
  int64_t write_timeout_ms = 60'000;   // without progress
  int64_t linger_timeout_ms =
      2'000;  // after `Connection: close`, without progress, for the client to read the answer and close
  int64_t events_heartbeat_ms = 15'000;  // a comment on quiet event streams, which finds dead clients
  size_t gzip_min_bytes = 1400;          // smaller answers are not compressed
  size_t events_buffer_bytes = 1 << 20;  // unread by the client; beyond: the stream is closed
  size_t stream_buffer_bytes = 1 << 20;  // of a streamed body that waits for its reader, either way
};

// Decides who asks and whether they may: sets request.principal, or throws unauthenticated / permission_denied. Runs on
// the handler's thread, so it must not block for inline and async routes. Null: everybody may everything.
using Authoriser = std::function<void(Request& request, Permission needed)>;

class Server {
 public:
  // The router must not change any more, and outlive the server.
  Server(ServerConfig config, const Router& router, Authoriser authorise, const Clock& clock,
         metrics::Registry& registry);
  ~Server();

  // Binds and starts the loops. unavailable when the address is taken, with the address in the message.
  void start();
  int port() const;
  // Stops accepting, finishes what is in flight (idle keep-alive connections close, others answer `Connection: close`),
  // gives up after `timeout_ms`. Returns true when everything finished.
  bool drain(int64_t timeout_ms);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::http
