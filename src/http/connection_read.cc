#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "base/id.h"
#include "base/log.h"
#include "http/connection.h"

namespace fettle::http {
namespace {

constexpr size_t kOutHigh = 1 << 20;        // answers that wait for the socket: no more requests are taken
constexpr size_t kSwallowBytes = 64 << 10;  // a refused request's body up to this is read, to keep the connection

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace

bool Connection::wants_bytes() const {
  switch (phase_) {
    case Phase::head:
      return in_.size() < context_.config.header_limit_bytes + kSwallowBytes && !turn_asked_ && out_.size() < kOutHigh;
    case Phase::body:
    case Phase::linger: return true;
    case Phase::handling: return stream_ != nullptr && !decoder_.done() && !stream_->full() && !continue_due_;
    default: return false;
  }
}

void Connection::read_available() {
  std::string& scratch = loop_->scratch();
  while (readable_ && wants_bytes()) {
    ssize_t got = recv(fd_.get(), scratch.data(), scratch.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      readable_ = false;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      context_.metrics.peer_errors.add();
      return close();
    }
    if (got == 0) {
      readable_ = false;
      return on_end_of_input();
    }
    // Edge-triggered: a short read means that the next bytes will be an event, unless the end is there already.
    if (static_cast<size_t>(got) < scratch.size() && !peer_done_) readable_ = false;
    loop_->count_received(static_cast<size_t>(got));
    read_ns_ = loop_->now_ns();
    take(std::string_view(scratch.data(), static_cast<size_t>(got)));
  }
}

void Connection::take(std::string_view bytes) {
  if (in_.empty()) {
    size_t used = consume(bytes);
    in_.assign(bytes.substr(std::min(used, bytes.size())));
    return;
  }
  in_.append(bytes);
  in_.erase(0, consume(in_));
}

size_t Connection::consume(std::string_view bytes) {
  size_t used = 0;
  while (true) {
    std::string_view rest = bytes.substr(used);
    if (phase_ == Phase::head) {
      if (rest.empty() || turn_asked_ || out_.size() >= kOutHigh) break;
      if (turn_requests_ >= context_.config.pipeline_limit) {
        turn_asked_ = true;
        loop_->again(shared_from_this());
        break;
      }
      if (!consume_head(rest, used)) break;
    } else if (phase_ == Phase::body || (phase_ == Phase::handling && stream_ && !decoder_.done())) {
      if (rest.empty() || (stream_ && stream_->full())) break;
      consume_body(rest, used);
    } else if (phase_ == Phase::linger || phase_ == Phase::closing || phase_ == Phase::closed) {
      return bytes.size();
    } else {
      break;
    }
  }
  return used;
}

// False when more bytes are needed.
bool Connection::consume_head(std::string_view bytes, size_t& used) {
  if (head_started_ns_ == 0) head_started_ns_ = loop_->now_ns();
  HeadLimits limits{context_.config.header_limit_bytes, context_.config.header_count_limit};
  HeadResult result = parse_head(bytes, limits, scanned_, request_, framing_);
  if (result.state == HeadResult::State::incomplete) return false;
  ++serial_;
  if (result.state == HeadResult::State::bad) {
    protocol_error(result.error);
    return true;
  }
  used += result.consumed;
  ++turn_requests_;
  on_head();
  return true;
}

void Connection::consume_body(std::string_view bytes, size_t& used) {
  std::string piece;
  std::string& target = stream_ ? piece : request_.body;
  used += decoder_.feed(bytes, target);
  if (decoder_.error()) {
    if (stream_) stream_->abort(StreamBody::Broken::malformed);
    return protocol_error(*decoder_.error());
  }
  if (stream_) {
    if (!piece.empty()) stream_->put(std::move(piece));
    if (decoder_.done()) stream_->end();
    if (stream_->too_large()) close_after_ = true;
    if (stream_->too_large()) readable_ = false;
    return;
  }
  size_t limit = refusal_ ? kSwallowBytes : route_->body_limit_bytes;
  if (request_.body.size() > limit) {
    return reject(413, Code::invalid_argument,
                  fmt::format("the body is larger than the limit of this path, {} bytes", limit));
  }
  if (decoder_.done()) on_body();
}

void Connection::on_end_of_input() {
  peer_done_ = true;
  if (phase_ == Phase::linger) return close();
  if (phase_ == Phase::body) {
    context_.metrics.peer_errors.add();
    return close();
  }
  if (phase_ == Phase::handling && stream_ && !decoder_.done()) {
    context_.metrics.peer_errors.add();
    stream_->abort(StreamBody::Broken::client_gone);
    close_after_ = true;
    return;
  }
  // A client may shut its side and still read the answers it waits for.
  if (phase_ == Phase::head && !turn_asked_) {
    phase_ = Phase::closing;
    flush();
  }
}

void Connection::set_request_id() {
  std::string_view sent = request_.headers.get("x-request-id");
  request_.request_id = is_sane_id(sent) ? std::string(sent) : new_id(context_.clock.now_ms());
}

void Connection::on_head() {
  scanned_ = 0;
  request_.received_ns = loop_->now_ns();
  request_.remote_address = remote_;
  set_request_id();
  context_.metrics.in_flight.add(1);
  counted_ = true;
  head_only_ = request_.method == "HEAD";
  if (!framing_.keep_alive) close_after_ = true;
  decoder_ = BodyDecoder(framing_, context_.config.header_limit_bytes);
  if (refuse_head()) {
    // Reading a small body keeps the connection; waiting for a large one only to refuse it does not pay.
    bool small = !framing_.has_body() || (framing_.content_length && *framing_.content_length <= kSwallowBytes);
    if (!small || framing_.expect_continue) return on_body();
  }
  begin_body();
}

// True when the request is refused by its head alone; the reason is in refusal_.
bool Connection::refuse_head() {
  Router::Match match = context_.router.match(request_.method, request_.path);
  route_ = match.route;
  request_.params = std::move(match.params);
  if (match.malformed) {
    refusal_ = {400, {Code::invalid_argument, "the path has an escape that does not decode"}};
  } else if (route_ == nullptr && match.path_exists) {
    allow_ = std::move(match.allow);
    refusal_ = {405,
                {Code::invalid_argument,
                 fmt::format("{} does not allow {}", request_.path, request_.method),
                 {},
                 "use " + allow_}};
  } else if (route_ == nullptr) {
    refusal_ = {404, {Code::not_found, fmt::format("no such path: {} {}", request_.method, request_.path)}};
  } else if (framing_.content_length.value_or(0) > route_->body_limit_bytes) {
    refusal_ = {413,
                {Code::invalid_argument, fmt::format("the body has {} bytes; the limit of this path is {}",
                                                     *framing_.content_length, route_->body_limit_bytes)}};
  } else if (auto coding = parse_coding(request_.headers.get("content-encoding"))) {
    coding_ = *coding;
  } else {
    refusal_ = {415,
                {Code::invalid_argument,
                 fmt::format("content-encoding '{}' is not supported", request_.headers.get("content-encoding")),
                 {},
                 "send gzip, deflate or no encoding"}};
  }
  return refusal_.has_value();
}

void Connection::begin_body() {
  continue_due_ = framing_.expect_continue && framing_.has_body();
  if (route_ != nullptr && route_->body == Body::stream && !refusal_) return begin_stream();
  if (!framing_.has_body()) return on_body();
  phase_ = Phase::body;
  if (framing_.content_length)
    request_.body.reserve(static_cast<size_t>(std::min<uint64_t>(*framing_.content_length, kOutHigh)));
  send_continue();
}

void Connection::send_continue() {
  if (!continue_due_) return;
  continue_due_ = false;
  out_.append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  flush();
}

void Connection::begin_stream() {
  auto wanted = [self = weak_from_this(), serial = serial_] {
    if (auto connection = self.lock()) connection->post_wanted(serial);
  };
  stream_ = std::make_shared<StreamBody>(coding_, route_->body_limit_bytes, context_.config.stream_buffer_bytes,
                                         std::move(wanted));
  request_.stream = stream_;
  if (decoder_.done()) stream_->end();
  dispatch();
}

void Connection::on_body() {
  if (!refusal_) return dispatch();
  Refusal refusal = std::move(*refusal_);
  refusal_.reset();
  ErrorMapper mapper = route_ != nullptr ? route_->on_error : context_.router.error_mapper(request_.path);
  Response response = error_response(mapper, refusal.error, request_, refusal.status);
  if (!allow_.empty()) response.headers.set("allow", allow_);
  respond(std::move(response));
}

std::shared_ptr<Exchange> Connection::make_exchange() {
  Exchange::Parts parts;
  parts.connection = shared_from_this();
  parts.serial = serial_;
  parts.route = route_;
  parts.coding = coding_;
  parts.facts = {accepts_gzip(request_.headers.get("accept-encoding")), head_only_};
  parts.stream = stream_;
  parts.events = events_;
  // What the answer needs of the request stays here.
  std::string method = request_.method;
  std::string path = request_.path;
  std::string id = request_.request_id;
  int64_t received_ns = request_.received_ns;
  parts.request = std::move(request_);
  request_ = {};
  request_.method = std::move(method);
  request_.path = std::move(path);
  request_.request_id = std::move(id);
  request_.received_ns = received_ns;
  return std::make_shared<Exchange>(loop_->shared_context(), std::move(parts));
}

void Connection::run_pooled(const std::shared_ptr<Exchange>& exchange, void (Exchange::*run)()) {
  ThreadPool& pool = stream_ ? *context_.stream_pool : *context_.pool;
  if (!pool.try_run([exchange, run] { (exchange.get()->*run)(); })) exchange->shed();
}

void Connection::dispatch() {
  phase_ = Phase::handling;
  if (std::holds_alternative<EventHandler>(route_->handler)) {
    auto ready = [self = weak_from_this(), serial = serial_] {
      if (auto connection = self.lock()) connection->post_events(serial);
    };
    events_ = std::make_shared<EventQueue>(context_.config.events_buffer_bytes, std::move(ready));
    return run_pooled(make_exchange(), &Exchange::run_events);
  }
  if (std::holds_alternative<AsyncHandler>(route_->handler)) return make_exchange()->run_async();
  if (route_->run == Run::pool) return run_pooled(make_exchange(), &Exchange::run_on_pool);
  AnswerFacts facts{accepts_gzip(request_.headers.get("accept-encoding")), head_only_};
  Response response = run_handler(context_, *route_, request_, coding_);
  encode_response(context_.config, facts, response);
  respond(std::move(response));
}

void Connection::reject(int status, Code code, std::string message) {
  close_after_ = true;
  if (request_.request_id.empty()) set_request_id();
  ErrorMapper mapper = route_ != nullptr ? route_->on_error : context_.router.error_mapper(request_.path);
  respond(error_response(mapper, Error{code, std::move(message)}, request_, status));
}

void Connection::protocol_error(const ProtocolError& error) {
  reject(error.status, error.status == 501 ? Code::unimplemented : Code::invalid_argument, error.message);
}

}  // namespace fettle::http
