// The parts of streaming that a handler's thread and the event loop share: a body on its way in, events on their way
// out.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "http/compress.h"
#include "http/message.h"

namespace fettle::http {

// A request body between the loop, which puts, and a pool thread, which reads.
class StreamBody final : public BodyReader {
 public:
  // `wanted` is called, on the reader's thread, when the loop should go on reading the socket.
  StreamBody(Coding coding, size_t limit_bytes, size_t buffer_bytes, std::function<void()> wanted);

  std::string read(size_t limit) override;

  // Loop side. put() returns false when the loop should pause.
  bool put(std::string&& bytes);
  bool full() const;
  void end();
  enum class Broken { client_gone, too_large, malformed };
  void abort(Broken why);
  bool too_large() const;

 private:
  std::string take_raw(size_t limit);

  const size_t limit_bytes_;
  const size_t buffer_bytes_;
  const std::function<void()> wanted_;
  std::unique_ptr<Inflater> inflater_;  // reader's thread only
  std::string inflated_;                // reader's thread only
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::string buffer_;
  uint64_t received_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool aborted_ = false;
  Broken why_ = Broken::client_gone;
};

// Events between a handler, which sends, and the loop, which writes.
class EventQueue {
 public:
  EventQueue(size_t buffer_bytes, std::function<void()> ready)
      : buffer_bytes_(buffer_bytes), ready_(std::move(ready)) {}

  bool send(std::string_view event, std::string_view data, std::string_view id);
  bool open() const;
  // By the handler's side: no more events follow. By the loop's: nobody listens.
  void finish();
  void close();

  // Loop side: what waits, and whether that is all. `unsent` bytes of earlier events still wait for the socket.
  std::string take(bool& finished);
  void set_unsent(size_t bytes);
  bool overflowed() const;

 private:
  void notify(std::unique_lock<std::mutex>& lock);

  const size_t buffer_bytes_;
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::string pending_;
  size_t unsent_ = 0;
  bool notified_ = false;
  bool finished_ = false;
  bool closed_ = false;
  bool overflowed_ = false;
};

// What an EventHandler holds; the stream ends with its last copy.
class EventHandle final : public EventStream {
 public:
  explicit EventHandle(std::shared_ptr<EventQueue> queue) : queue_(std::move(queue)) {}
  ~EventHandle() override { queue_->finish(); }
  bool send(std::string_view event, std::string_view data, std::string_view id) override {
    return queue_->send(event, data, id);
  }
  bool open() const override { return queue_->open(); }

 private:
  std::shared_ptr<EventQueue> queue_;
};

}  // namespace fettle::http
