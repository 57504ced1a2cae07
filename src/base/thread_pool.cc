#include "base/thread_pool.h"

#include <pthread.h>

#include "base/error.h"
#include "base/log.h"

namespace fettle {

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

ThreadPool::ThreadPool(Config config) : queue_(config.queue_limit) {
  for (size_t i = 0; i < config.threads; ++i) {
    threads_.emplace_back([this, name = config.name] {
      name_thread(name);
      while (auto task = queue_.pop()) {
        try {
          (*task)();
        } catch (...) {
          log_error("a pool task threw", {{"pool", name}, {"error", error_from_current_exception().message}});
        }
      }
    });
  }
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::try_run(std::function<void()> task) { return queue_.try_push(std::move(task)); }

void ThreadPool::stop() {
  queue_.close();
  threads_.clear();
}

}  // namespace fettle
