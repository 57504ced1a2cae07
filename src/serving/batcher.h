// The queue and the threads of one loaded version: requests join into runs, and each is answered on its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "serving/backend.h"
#include "serving/batch.h"
#include "serving/request_check.h"
#include "serving/statistics.h"

namespace fettle::serving {

// How many runs, over all models, may be under way: no more threads compute than there are cores.
using RunSlots = std::counting_semaphore<>;

struct BatcherConfig {
  ModelShape shape;
  std::string version;
  BatchingConfig batching;
  int64_t inline_cost_us = 0;
};

// Thread-safe. `backend`, `slots`, `clock` and `statistics` must outlive it. The destructor answers what is queued,
// then joins; it must not run on one of the batcher's own threads (that is, inside an InferDone).
class Batcher {
 public:
  Batcher(BatcherConfig config, const Backend& backend, RunSlots& slots, const Clock& clock,
          VersionStatistics& statistics);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // `done` as in ModelPin::infer. Refusals: invalid_argument (the request does not fit), unavailable (queue full),
  // deadline_exceeded.
  void submit(InferRequest request, InferDone done);
  size_t queued() const;

 private:
  struct Item {
    CheckedRequest checked;
    std::string id;
    InferDone done;
    int64_t enqueued_ns = 0;
    int64_t deadline_ns = 0;
    std::function<bool()> abandoned;
  };

  void work();
  std::vector<Item> next_batch(std::unique_lock<std::mutex>& lock, std::vector<Item>& expired);
  BatchDecision decide() const;
  void wait(std::unique_lock<std::mutex>& lock, int64_t wake_ns);
  bool may_run_inline(const CheckedRequest& checked) const;
  void drop_abandoned(std::vector<Item>& batch);
  void run(std::vector<Item> batch);
  void run_one_by_one(std::vector<Item>& batch);
  Outcome<std::vector<tensor::Tensor>> compute(std::span<CheckedRequest* const> requests, int64_t rows,
                                               RunTimes& times);
  void answer(Item& item, std::vector<tensor::Tensor> outputs, const InferTimes& times);
  void refuse(Item& item, Error error);
  void expire(Item& item);

  const BatcherConfig config_;
  const Backend& backend_;
  RunSlots& slots_;
  const Clock& clock_;
  VersionStatistics& statistics_;
  std::atomic<bool> merges_;              // false once the model turned out not to keep rows apart
  std::atomic<int64_t> mean_run_ns_{-1};  // of small runs; -1: not known
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Item> queue_;
  bool closed_ = false;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace fettle::serving
