// One client connection: reads requests, has them answered one after the other, writes the answers.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "http/exchange.h"
#include "http/loop.h"
#include "http/writer.h"

namespace fettle::http {

// Everything belongs to the loop's thread except the post_…() functions. A request is parsed when the one before it is
// answered, so that pipelined requests take effect in the order they were sent; bytes that wait stay in the socket.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, int fd, std::string remote);
  ~Connection();

  void on_event(uint32_t events);
  void on_turn();
  void on_tick();
  void on_drain();
  void close();
  // One answer, 503, for a connection beyond the limit.
  void refuse();

  // Thread-safe. client_gone: its side is shut, or the connection is closed.
  bool client_gone() const { return peer_done_ || is_closed(); }
  bool is_closed() const { return closed_; }

  // Thread-safe. They do nothing when the request `serial` is over.
  void post_finish(uint64_t serial, Response response);
  void post_events(uint64_t serial);
  void post_wanted(uint64_t serial);

 private:
  enum class Phase {
    head,       // between requests, or within a head
    body,       // collecting a whole body
    handling,   // the handler has it; a streamed body may still arrive
    streaming,  // pieces of a BodySource
    events,     // server-sent events
    closing,    // the last bytes go out
    linger,     // our side is shut; the client reads and closes
    closed,
  };

  // Reading (connection_read.cc)
  void read_available();
  bool wants_bytes() const;
  void take(std::string_view bytes);
  size_t consume(std::string_view bytes);
  bool consume_head(std::string_view bytes, size_t& used);
  void consume_body(std::string_view bytes, size_t& used);
  void on_end_of_input();
  void on_head();
  bool refuse_head();
  void set_request_id();
  void begin_body();
  void begin_stream();
  void on_body();
  void send_continue();
  void dispatch();
  std::shared_ptr<Exchange> make_exchange();
  void run_pooled(const std::shared_ptr<Exchange>& exchange, void (Exchange::*run)());
  void reject(int status, Code code, std::string message);
  void protocol_error(const ProtocolError& error);

  // Writing (connection_write.cc)
  void respond(Response response);
  void end_response();
  void advance();
  void flush();
  void on_flushed();
  void finish_closing();
  void pull();
  void post_piece(uint64_t serial, std::string piece, bool failed);
  void on_piece(std::string piece, bool failed);
  void on_finish(Response response);
  void on_events();
  void on_wanted();
  void break_off();
  void check_timeouts();
  void reset_request();
  void log_access(int status) const;

  template <class Task>
  void post(uint64_t serial, Task task);

  std::shared_ptr<Loop> loop_;
  Context& context_;
  Fd fd_;
  std::string remote_;
  Phase phase_ = Phase::head;
  bool readable_ = true;
  bool writable_ = true;
  std::atomic<bool> peer_done_{false};  // the client sent its FIN
  std::atomic<bool> closed_{false};     // phase_, for other threads
  bool close_after_ = false;
  size_t turn_requests_ = 0;
  bool turn_asked_ = false;

  std::string in_;
  size_t scanned_ = 0;
  OutBuffer out_;

  // Of the request at hand
  uint64_t serial_ = 0;
  Request request_;
  Framing framing_;
  BodyDecoder decoder_;
  const Route* route_ = nullptr;
  Coding coding_ = Coding::identity;
  bool continue_due_ = false;
  bool counted_ = false;  // in the in-flight gauge
  bool head_only_ = false;
  struct Refusal {
    int status = 0;
    Error error;
  };
  std::optional<Refusal> refusal_;  // answered when its small body is read, to keep the connection
  std::string allow_;
  std::shared_ptr<StreamBody> stream_;
  std::shared_ptr<EventQueue> events_;
  std::shared_ptr<BodySource> source_;  // shared with the pull in flight
  bool pulling_ = false;
  bool pull_refused_ = false;  // the pool was full; the next tick asks again
  bool chunked_out_ = false;
  std::optional<uint64_t> source_left_;

  int64_t opened_ns_ = 0;
  int64_t head_started_ns_ = 0;  // 0: no byte of the next request is there
  int64_t read_ns_ = 0;
  int64_t write_ns_ = 0;
  int64_t quiet_ns_ = 0;  // last event or heartbeat
  uint64_t answered_ = 0;
};

}  // namespace fettle::http
