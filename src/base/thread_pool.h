// Named worker threads over one bounded queue.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

namespace fettle {

// Names the calling thread for debuggers and /proc (15 characters are kept).
void name_thread(const std::string& name);

// Thread-safe. The destructor finishes what is queued, then joins. A task must not throw: what escapes is logged.
class ThreadPool {
 public:
  struct Config {
    std::string name = "pool";
    size_t threads = 4;
    size_t queue_limit = 1024;  // tasks waiting; beyond it try_run refuses
  };

  explicit ThreadPool(Config config);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False when the queue is full or the pool stops: the caller sheds (429/503).
  bool try_run(std::function<void()> task);
  size_t queued() const { return queue_.size(); }
  void stop();

 private:
  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace fettle
