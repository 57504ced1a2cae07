#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "http/connection.h"

namespace fettle::http {
namespace {

// New connections that have not said anything yet get this long when the server drains.
constexpr int64_t kDrainGraceNs = 250'000'000;

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, int fd, std::string remote)
    : loop_(std::move(loop)), context_(loop_->context()), fd_(fd), remote_(std::move(remote)) {
  opened_ns_ = read_ns_ = write_ns_ = loop_->now_ns();
}

Connection::~Connection() = default;

template <class Task>
void Connection::post(uint64_t serial, Task task) {
  loop_->post([self = shared_from_this(), serial, task = std::move(task)]() mutable {
    if (self->serial_ == serial && self->phase_ != Phase::closed) task(*self);
  });
}

void Connection::post_finish(uint64_t serial, Response response) {
  post(serial, [response = std::move(response)](Connection& self) mutable { self.on_finish(std::move(response)); });
}
void Connection::post_events(uint64_t serial) {
  post(serial, [](Connection& self) { self.on_events(); });
}
void Connection::post_wanted(uint64_t serial) {
  post(serial, [](Connection& self) { self.on_wanted(); });
}
void Connection::post_piece(uint64_t serial, std::string piece, bool failed) {
  post(serial,
       [piece = std::move(piece), failed](Connection& self) mutable { self.on_piece(std::move(piece), failed); });
}

void Connection::on_event(uint32_t events) {
  if (phase_ == Phase::closed) return;
  if ((events & EPOLLRDHUP) != 0) peer_done_ = true;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    // Both directions are gone: nobody reads an answer any more.
    if (phase_ != Phase::linger && (phase_ != Phase::head || head_started_ns_ != 0)) context_.metrics.peer_errors.add();
    return close();
  }
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  // A reader of events that shuts its side is gone (browsers do so); other clients may still wait for their answer.
  if (phase_ == Phase::events && peer_done_) return close();
  on_turn();
}

void Connection::on_turn() {
  turn_requests_ = 0;
  turn_asked_ = false;
  advance();
}

// Goes on with what is possible: write, parse what waits, read.
void Connection::advance() {
  if (phase_ == Phase::closed) return;
  flush();
  if (phase_ == Phase::closed) return;
  if (!in_.empty()) in_.erase(0, consume(in_));
  if (phase_ != Phase::closed) read_available();
  if (phase_ != Phase::closed) flush();
}

void Connection::respond(Response response) {
  if (stream_) {
    if (!decoder_.done()) close_after_ = true;
    stream_->abort(StreamBody::Broken::client_gone);
  } else if (!decoder_.done()) {
    close_after_ = true;
  }
  if (context_.draining) close_after_ = true;
  bool streamed = response.source != nullptr;
  HeadFacts facts;
  facts.http_1_0 = framing_.http_1_0;
  facts.date = loop_->date();
  facts.request_id = request_.request_id;
  facts.length =
      streamed ? response.content_length.value_or(0) : response.content_length.value_or(response.body.size());
  if (!streamed && !head_only_) facts.length = response.body.size();
  if (has_no_body(response.status)) {
    facts.body = BodyKind::none;
  } else if (streamed && !response.content_length) {
    facts.body = head_only_ ? BodyKind::none : framing_.http_1_0 ? BodyKind::until_close : BodyKind::chunked;
  }
  if (facts.body == BodyKind::until_close) close_after_ = true;
  facts.close = close_after_;
  append_head(out_.tail(), response, facts);
  double seconds = static_cast<double>(context_.clock.steady_ns() - request_.received_ns) * 1e-9;
  if (request_.received_ns == 0) seconds = 0;
  context_.metrics.finished(route_, request_.method, response.status, seconds);
  log_access(response.status);
  if (head_only_ || facts.body == BodyKind::none) return end_response();
  if (!streamed) {
    out_.append(std::move(response.body));
    return end_response();
  }
  phase_ = Phase::streaming;
  source_ = std::make_shared<BodySource>(std::move(response.source));
  chunked_out_ = facts.body == BodyKind::chunked;
  source_left_ = response.content_length;
  pull();
}

void Connection::log_access(int status) const {
  if (!log_enabled(LogLevel::debug)) return;
  log_debug("request", {{"method", request_.method},
                        {"path", request_.path},
                        {"status", status},
                        {"request_id", request_.request_id},
                        {"remote", remote_}});
}

void Connection::end_response() {
  ++answered_;
  write_ns_ = loop_->now_ns();
  bool closing = close_after_;
  reset_request();
  phase_ = closing ? Phase::closing : Phase::head;
}

void Connection::reset_request() {
  if (counted_) context_.metrics.in_flight.add(-1);
  counted_ = false;
  ++serial_;
  request_ = {};
  framing_ = {};
  decoder_ = {};
  route_ = nullptr;
  coding_ = Coding::identity;
  continue_due_ = head_only_ = pulling_ = pull_refused_ = chunked_out_ = false;
  refusal_.reset();
  allow_.clear();
  if (stream_) stream_->abort(StreamBody::Broken::client_gone);
  stream_.reset();
  if (events_) events_->close();
  events_.reset();
  source_.reset();
  source_left_.reset();
  head_started_ns_ = 0;
  read_ns_ = loop_->now_ns();
}

void Connection::flush() {
  while (writable_ && !out_.empty()) {
    std::array<iovec, 16> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = out_.fill(vectors);
    ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      writable_ = false;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      context_.metrics.peer_errors.add();
      return close();
    }
    out_.consume(static_cast<size_t>(sent));
    loop_->count_sent(static_cast<size_t>(sent));
    write_ns_ = loop_->now_ns();
  }
  on_flushed();
}

void Connection::on_flushed() {
  if (events_) events_->set_unsent(out_.size());
  if (phase_ == Phase::streaming) pull();
  if (phase_ == Phase::closing && out_.empty()) finish_closing();
}

// Closing while unread bytes of the client are there would reset the connection and could destroy the answer on its
// way.
void Connection::finish_closing() {
  if (peer_done_ && !readable_) return close();
  shutdown(fd_.get(), SHUT_WR);
  phase_ = Phase::linger;
  write_ns_ = loop_->now_ns();
  in_.clear();
  read_available();
}

void Connection::pull() {
  if (pulling_ || out_.size() >= context_.config.stream_buffer_bytes) return;
  pulling_ = true;
  auto task = [self = shared_from_this(), serial = serial_, source = source_, id = request_.request_id] {
    LogScope scope(id);
    try {
      self->post_piece(serial, (*source)(), false);
    } catch (...) {
      log_error("an answer broke off", {{"error", error_from_current_exception().message}});
      self->post_piece(serial, {}, true);
    }
  };
  if (!context_.pool->try_run(std::move(task))) {
    pulling_ = false;
    pull_refused_ = true;
  }
}

void Connection::on_piece(std::string piece, bool failed) {
  pulling_ = false;
  bool end = piece.empty();
  if (source_left_) {
    failed = failed || piece.size() > *source_left_ || (end && *source_left_ > 0);
    if (!failed) *source_left_ -= piece.size();
  }
  // The status is out already: a connection that breaks is the only way to say that the body is not whole.
  if (failed) return break_off();
  if (!end) {
    if (out_.empty()) write_ns_ = loop_->now_ns();
    if (chunked_out_) {
      append_chunk(out_, std::move(piece));
    } else {
      out_.append(std::move(piece));
    }
    return flush();
  }
  if (chunked_out_) out_.append(std::string_view("0\r\n\r\n"));
  end_response();
  advance();
}

void Connection::break_off() {
  out_.clear();
  close();
}

void Connection::on_finish(Response response) {
  if (phase_ == Phase::events) {
    events_->close();
    return on_events();
  }
  if (phase_ != Phase::handling) return;
  respond(std::move(response));
  advance();
}

void Connection::on_events() {
  if (!events_ || (phase_ != Phase::handling && phase_ != Phase::events)) return;
  if (phase_ == Phase::handling) {
    Response head = Response::text(200, {}, "text/event-stream");
    head.headers.add("cache-control", "no-store");
    HeadFacts facts{.body = framing_.http_1_0 ? BodyKind::until_close : BodyKind::chunked,
                    .http_1_0 = framing_.http_1_0};
    if (framing_.http_1_0 || context_.draining) close_after_ = true;
    facts.close = close_after_;
    facts.date = loop_->date();
    facts.request_id = request_.request_id;
    append_head(out_.tail(), head, facts);
    context_.metrics.finished(route_, request_.method, 200,
                              static_cast<double>(loop_->now_ns() - request_.received_ns) * 1e-9);
    chunked_out_ = !framing_.http_1_0;
    phase_ = Phase::events;
  }
  if (events_->overflowed()) return break_off();
  bool finished = context_.draining;
  bool all = false;
  std::string pending = events_->take(all);
  finished = finished || all || head_only_;
  quiet_ns_ = loop_->now_ns();
  if (out_.empty()) write_ns_ = quiet_ns_;
  if (!head_only_ && chunked_out_) append_chunk(out_, std::move(pending));
  if (!head_only_ && !chunked_out_) out_.append(std::move(pending));
  if (!finished) return flush();
  if (chunked_out_ && !head_only_) out_.append(std::string_view("0\r\n\r\n"));
  end_response();
  advance();
}

void Connection::on_wanted() {
  if (phase_ != Phase::handling) return;
  send_continue();
  read_ns_ = loop_->now_ns();
  advance();
}

void Connection::on_drain() {
  if (phase_ == Phase::events) return on_events();
  if (phase_ == Phase::head && head_started_ns_ == 0) {
    // What the client has sent already is still answered.
    readable_ = true;
    advance();
  }
  on_tick();
}

void Connection::on_tick() {
  if (phase_ == Phase::closed) return;
  int64_t now = loop_->now_ns();
  bool fresh = answered_ == 0 && now - opened_ns_ < kDrainGraceNs;
  if (context_.draining && phase_ == Phase::head && head_started_ns_ == 0 && out_.empty() && !fresh) return close();
  if (pull_refused_) {
    pull_refused_ = false;
    pull();
  }
  if (phase_ == Phase::events && now - quiet_ns_ >= context_.config.events_heartbeat_ms * 1'000'000) {
    quiet_ns_ = now;
    if (out_.empty()) write_ns_ = now;
    if (chunked_out_) append_chunk(out_, ":\n\n");
    if (!chunked_out_) out_.append(std::string_view(":\n\n"));
    flush();
  }
  check_timeouts();
}

void Connection::check_timeouts() {
  const ServerConfig& config = context_.config;
  int64_t now = loop_->now_ns();
  auto passed = [now](int64_t since_ns, int64_t limit_ms) { return now - since_ns >= limit_ms * 1'000'000; };
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::linger) {
    // A client that still sends reads the answer only when it has sent everything.
    if (passed(std::max(read_ns_, write_ns_), config.linger_timeout_ms) || passed(write_ns_, config.body_timeout_ms))
      close();
    return;
  }
  if (!out_.empty() && passed(write_ns_, config.write_timeout_ms)) {
    context_.metrics.peer_errors.add();
    return close();
  }
  if (phase_ == Phase::head && head_started_ns_ == 0) {
    if (out_.empty() && passed(read_ns_, config.idle_timeout_ms)) close();
    return;
  }
  bool late = false;
  if (phase_ == Phase::head) {
    late = passed(head_started_ns_, config.header_timeout_ms);
  } else if (phase_ == Phase::body) {
    late = passed(read_ns_, config.body_timeout_ms);
  } else if (phase_ == Phase::handling && stream_ && !decoder_.done()) {
    late = wants_bytes() && passed(read_ns_, config.body_timeout_ms);
  }
  if (!late) return;
  context_.metrics.peer_errors.add();
  reject(408, Code::deadline_exceeded,
         phase_ == Phase::head ? "the request's headers did not arrive in time"
                               : "the request's body did not arrive in time");
  flush();
}

void Connection::refuse() {
  request_.request_id = "-";
  close_after_ = true;
  HeadFacts facts{.close = true, .date = loop_->date(), .request_id = request_.request_id};
  Response response = error_response(
      nullptr, Error{Code::unavailable, "the server has too many connections", {}, "try again in a second"}, request_);
  facts.length = response.body.size();
  append_head(out_.tail(), response, facts);
  out_.append(std::move(response.body));
  phase_ = Phase::streaming;
  std::array<iovec, 16> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = out_.fill(vectors);
  [[maybe_unused]] ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  phase_ = Phase::closed;
  fd_.reset();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  reset_request();
  phase_ = Phase::closed;
  closed_ = true;
  out_.clear();
  in_.clear();
  fd_.reset();  // leaves the epoll set with it
  loop_->remove(*this);
}

}  // namespace fettle::http
