// One request that is answered away from its event loop: on the pool, by a Responder, or by events.
#pragma once

#include <atomic>
#include <memory>

#include "http/compress.h"
#include "http/context.h"
#include "http/streams.h"

namespace fettle::http {

class Connection;

// What the answer depends on besides the handler.
struct AnswerFacts {
  bool accepts_gzip = false;
  bool head_only = false;
};

// Authorises, decompresses a whole body and calls a Handler; never throws. On whichever thread the route runs.
Response run_handler(const Context& context, const Route& route, Request& request, Coding coding);
// The first half of it alone, for handlers of other shapes. Throws.
void prepare_request(const Context& context, const Route& route, Request& request, Coding coding);
// Compresses what is worth it.
void encode_response(const ServerConfig& config, const AnswerFacts& facts, Response& response);

class Exchange final : public Responder::Sink, public std::enable_shared_from_this<Exchange> {
 public:
  struct Parts {
    std::shared_ptr<Connection> connection;
    uint64_t serial = 0;
    const Route* route = nullptr;
    Request request;
    Coding coding = Coding::identity;
    AnswerFacts facts;
    std::shared_ptr<StreamBody> stream;
    std::shared_ptr<EventQueue> events;
  };
  Exchange(std::shared_ptr<Context> context, Parts parts);
  // Answers 500 when nobody else did.
  ~Exchange() override;

  void run_on_pool();
  void run_async();
  void run_events();
  void complete(Response response) override;
  bool abandoned() const override;
  // The pool had no room: 429.
  void shed();

 private:
  Response failure(const Error& error);
  Response failure_in_flight();  // within a catch

  std::shared_ptr<Context> context_;
  Parts parts_;
  Request identity_;  // enough of the request to answer an error when the handler has taken it
  std::atomic<bool> done_{false};
};

}  // namespace fettle::http
