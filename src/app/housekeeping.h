// What the server does on the side: collects content that nothing refers to any more.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "blob/store.h"
#include "metrics/registry.h"
#include "tracking/tracking.h"

namespace fettle::app {

struct HousekeepingConfig {
  int64_t grace_ms = 3'600'000;   // younger content is spared: an upload may not have its reference yet
  int64_t interval_ms = 600'000;  // between two collections
};

class Housekeeping {
 public:
  Housekeeping(blob::Store& store, const tracking::Artifacts& artifacts, const Clock& clock,
               metrics::Registry& registry, HousekeepingConfig config);
  ~Housekeeping() { stop(); }
  void start();
  void stop();
  // One collection now.
  blob::SweepResult collect();

 private:
  blob::Store& store_;
  const tracking::Artifacts& artifacts_;
  const Clock& clock_;
  metrics::Counter& removed_;
  metrics::Counter& removed_bytes_;
  const HousekeepingConfig config_;
  std::mutex mutex_;
  std::condition_variable_any stopping_;
  std::jthread thread_;
};

}  // namespace fettle::app
