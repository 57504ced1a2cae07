// A gRPC server over byte strings: methods are a table, like HTTP routes; who decodes what is their business.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace fettle::rpc {

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Call {
  std::string method;       // "/package.Service/Method"
  Metadata metadata;        // as the client sent it, names in lower case
  std::string peer;         // "ipv4:127.0.0.1:50000"
  std::string principal;    // set by the authoriser; empty: anonymous
  int64_t received_ns = 0;  // steady clock
  int64_t deadline_ns = 0;  // steady clock; 0: none
  // True once the client has cancelled or gone. Thread-safe; may be kept beyond the call.
  std::function<bool()> cancelled = [] { return false; };
};

struct Reply {
  std::string message;     // serialised
  Metadata metadata = {};  // initial metadata; only before the first message of a stream
};

// Called exactly once, from any thread.
using ReplyDone = std::function<void(Outcome<Reply>)>;

enum class Access { open, read, admin };

// `call` must stay valid until `done` was called; it does. Must not block for long: it runs on one of gRPC's threads.
using MessageHandler = std::function<void(const Call& call, std::string message, ReplyDone done)>;

struct Method {
  std::string name;  // "/package.Service/Method"
  Access access = Access::admin;
  // false: one message, one answer. true: each message of the stream is answered in order; the client ends the stream,
  // an error ends it too.
  bool stream = false;
  MessageHandler handler;
};

struct ServerConfig {
  std::string host = "127.0.0.1";
  int port = 8001;                                // 0: any free one
  size_t message_limit_bytes = size_t{64} << 20;  // of a received message; beyond: RESOURCE_EXHAUSTED
  int64_t max_concurrent_streams = 1000;          // a connection
};

// Returns the principal, or unauthenticated / permission_denied. Thread-safe.
using Authoriser = std::function<Outcome<std::string>(const Call& call, Access needed)>;

class Server {
 public:
  // `clock` must outlive it. Without `authorise` everyone may do everything.
  Server(ServerConfig config, std::vector<Method> methods, const Clock& clock, Authoriser authorise = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and serves. unavailable when the address is taken, with the address in the message.
  void start();
  int port() const;
  // Refuses new calls, lets those in flight finish for up to `timeout_ms`, then cancels them. Idempotent.
  void drain(int64_t timeout_ms);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The number of a gRPC status: invalid_argument 3, deadline_exceeded 4, not_found 5, already_exists 6,
// permission_denied 7, resource_exhausted 8, failed_precondition 9, aborted 10, unimplemented 12, internal 13,
// unavailable 14, data_loss 15, unauthenticated 16.
int status_of(Code code);

}  // namespace fettle::rpc
