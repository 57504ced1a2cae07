// One event loop: a thread, an epoll set, a listening socket of its own, and the connections that it accepted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "http/context.h"

namespace fettle::http {

class Connection;

// post() is thread-safe; everything else belongs to the loop's thread.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<Context> context, Fd listener);
  ~Loop();

  // Runs until stop(); closes all connections at the end. Called on the loop's thread.
  void run();
  // Runs `task` on the loop's thread, soon. Dropped when the loop has ended.
  void post(std::function<void()> task);
  void stop();

  // Takes what was accepted already, then closes the listener and tells the connections.
  void begin_drain();
  // Another turn for a connection that used up its share.
  void again(std::shared_ptr<Connection> connection);
  void remove(Connection& connection);

  // True once begin_drain() has run. Thread-safe.
  bool drained() const { return drained_; }

  Context& context() { return *context_; }
  const std::shared_ptr<Context>& shared_context() const { return context_; }
  int64_t now_ns() const { return now_ns_; }
  std::string_view date();
  std::string& scratch() { return scratch_; }
  void count_received(size_t bytes) { received_ += bytes; }
  void count_sent(size_t bytes) { sent_ += bytes; }

 private:
  void wait();
  enum class Accepted { all, some };
  Accepted accept_some();
  void add(int fd, const std::string& remote);
  void run_posted();
  void tick();
  void flush_counters();
  int wait_ms() const;

  std::shared_ptr<Context> context_;
  Fd epoll_;
  Fd wake_;
  Fd listener_;
  bool listening_ = true;  // the listener is in the epoll set
  std::atomic<bool> stopping_{false};
  std::atomic<bool> drained_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool woken_ = false;  // under mutex_: an eventfd write is on its way
  bool ended_ = false;  // under mutex_

  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> closed_;  // freed after the events that may name them
  std::vector<std::shared_ptr<Connection>> again_;
  int64_t now_ns_ = 0;
  int64_t last_tick_ns_ = 0;
  int64_t tick_ns_ = 0;
  int64_t date_second_ = -1;
  std::string date_;
  std::string scratch_;
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace fettle::http
