#include "http/exchange.h"

#include "base/log.h"
#include "http/connection.h"

namespace fettle::http {

void prepare_request(const Context& context, const Route& route, Request& request, Coding coding) {
  if (context.authorise) context.authorise(request, route.permission);
  if (coding == Coding::identity || request.stream) return;
  Inflater inflater(coding, route.body_limit_bytes);
  std::string body;
  inflater.feed(request.body, body);
  inflater.finish();
  request.body = std::move(body);
}

Response run_handler(const Context& context, const Route& route, Request& request, Coding coding) {
  LogScope scope(request.request_id);
  try {
    prepare_request(context, route, request, coding);
    return std::get<Handler>(route.handler)(request);
  } catch (...) {
    return response_from_current_exception(route.on_error, request);
  }
}

void encode_response(const ServerConfig& config, const AnswerFacts& facts, Response& response) {
  if (!is_compressible(response.headers.get("content-type")) || response.headers.find("content-encoding") != nullptr)
    return;
  bool streamed = response.source != nullptr;
  if (streamed ? response.content_length.has_value() : response.body.size() < config.gzip_min_bytes) return;
  response.headers.add("vary", "accept-encoding");
  if (!facts.accepts_gzip || response.status == 206) return;
  response.headers.add("content-encoding", "gzip");
  if (streamed) {
    response.source = gzip_source(std::move(response.source));
  } else {
    response.body = gzip(response.body);
  }
}

Exchange::Exchange(std::shared_ptr<Context> context, Parts parts)
    : context_(std::move(context)), parts_(std::move(parts)) {
  identity_.method = parts_.request.method;
  identity_.path = parts_.request.path;
  identity_.request_id = parts_.request.request_id;
}

Exchange::~Exchange() {
  if (done_) return;
  log_error("a request was dropped without an answer",
            {{"request_id", identity_.request_id}, {"path", identity_.path}});
  complete(failure(Error{Code::internal, "internal error: the request was dropped without an answer"}));
}

Response Exchange::failure(const Error& error) { return error_response(parts_.route->on_error, error, identity_); }

Response Exchange::failure_in_flight() {
  Response response = response_from_current_exception(parts_.route->on_error, identity_);
  // However the handler wrapped what the body's reader threw.
  if (parts_.stream && parts_.stream->too_large()) response.status = 413;
  return response;
}

void Exchange::complete(Response response) {
  if (done_.exchange(true)) return;
  encode_response(context_->config, parts_.facts, response);
  parts_.connection->post_finish(parts_.serial, std::move(response));
}

bool Exchange::abandoned() const { return parts_.connection->client_gone(); }

void Exchange::shed() {
  context_->metrics.shed.add();
  complete(failure(
      Error{Code::resource_exhausted, "the server has too many requests waiting", {}, "try again in a second"}));
}

void Exchange::run_on_pool() {
  // It waited for a thread longer than its client waited for it.
  if (parts_.connection->is_closed()) {
    done_ = true;
    return;
  }
  LogScope scope(identity_.request_id);
  try {
    prepare_request(*context_, *parts_.route, parts_.request, parts_.coding);
    complete(std::get<Handler>(parts_.route->handler)(parts_.request));
  } catch (...) {
    complete(failure_in_flight());
  }
}

void Exchange::run_async() {
  LogScope scope(identity_.request_id);
  try {
    prepare_request(*context_, *parts_.route, parts_.request, parts_.coding);
    std::get<AsyncHandler>(parts_.route->handler)(std::move(parts_.request), Responder(shared_from_this()));
  } catch (...) {
    complete(failure_in_flight());
  }
}

// The head of the event stream goes out with the first event or when the handler returns; until then an exception is an
// ordinary error.
void Exchange::run_events() {
  LogScope scope(identity_.request_id);
  auto handle = std::make_shared<EventHandle>(parts_.events);
  try {
    prepare_request(*context_, *parts_.route, parts_.request, parts_.coding);
    std::get<EventHandler>(parts_.route->handler)(std::move(parts_.request), handle);
    if (!done_.exchange(true)) parts_.connection->post_events(parts_.serial);
  } catch (...) {
    parts_.events->close();
    complete(failure_in_flight());
  }
}

}  // namespace fettle::http
