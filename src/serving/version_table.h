// The loaded versions as an immutable table that readers take whole, and the retirement of versions that nobody uses
// any more.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "serving/batcher.h"
#include "serving/runtime.h"

namespace fettle::serving {

// True when version `a` is older than `b`: numbers by value, before any other text.
struct OlderVersion {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

// One loaded version with its threads.
class LoadedModel final : public ModelPin {
 public:
  LoadedModel(const ModelSource& source, std::unique_ptr<Backend> backend, RunSlots& slots, const Clock& clock,
              metrics::Registry& registry, int64_t inline_cost_us);

  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  const std::vector<TensorSpec>& inputs() const override { return backend_->inputs(); }
  const std::vector<TensorSpec>& outputs() const override { return backend_->outputs(); }
  const std::string& platform() const override { return platform_; }
  int64_t max_batch_size() const override { return batching_.max_batch_size; }
  void infer(InferRequest request, InferDone done) override { batcher_.submit(std::move(request), std::move(done)); }

  const BatchingConfig& batching() const override { return batching_; }
  ModelStatistics statistics() const { return statistics_.snapshot(); }

 private:
  const std::string name_;
  const std::string version_;
  const std::string platform_;
  const std::unique_ptr<Backend> backend_;
  const BatchingConfig batching_;
  VersionStatistics statistics_;
  Batcher batcher_;  // last: its threads use the rest
};

// Destroys models on a thread of its own, since the last pin may be dropped on a thread of the model itself.
// Thread-safe.
class Retirement {
 public:
  Retirement();
  // Waits for every model that came from adopt().
  ~Retirement();
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  struct Adopted {
    std::shared_ptr<LoadedModel> model;
    uint64_t serial = 0;
  };
  Adopted adopt(std::unique_ptr<LoadedModel> model);
  // True when the model is gone; false when it still lives after `timeout_ms`.
  bool wait_gone(uint64_t serial, int64_t timeout_ms);

 private:
  struct Leaving {
    std::unique_ptr<LoadedModel> model;
    uint64_t serial = 0;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Leaving> leaving_;
  std::set<uint64_t> alive_;
  uint64_t last_serial_ = 0;
  bool stopping_ = false;
  std::jthread thread_;
};

using Versions = std::map<std::string, Retirement::Adopted, OlderVersion>;
using VersionTable = std::map<std::string, Versions, std::less<>>;

}  // namespace fettle::serving
