#include "app/housekeeping.h"

#include "base/error.h"
#include "base/log.h"
#include "base/thread_pool.h"

namespace fettle::app {

Housekeeping::Housekeeping(blob::Store& store, const tracking::Artifacts& artifacts, const Clock& clock,
                           metrics::Registry& registry, HousekeepingConfig config)
    : store_(store),
      artifacts_(artifacts),
      clock_(clock),
      removed_(registry.counter("fettle_blob_collected_total", "contents that nothing referred to, removed")),
      removed_bytes_(registry.counter("fettle_blob_collected_bytes_total", "their bytes")),
      config_(config) {}

blob::SweepResult Housekeeping::collect() {
  auto result = blob::sweep(
      store_, [this](const std::string& sha256) { return artifacts_.is_owned(sha256); }, clock_.now_ms(),
      config_.grace_ms);
  removed_.add(result.removed);
  removed_bytes_.add(result.removed_bytes);
  return result;
}

void Housekeeping::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    name_thread("housekeeping");
    std::unique_lock lock(mutex_);
    auto interval = std::chrono::milliseconds(config_.interval_ms);
    while (!stopping_.wait_for(lock, stop, interval, [&] { return stop.stop_requested(); })) {
      try {
        auto result = collect();
        if (result.removed > 0) {
          log_info("collected content", {{"removed", result.removed}, {"bytes", result.removed_bytes}});
        }
      } catch (...) {
        log_error("content could not be collected", {{"error", error_from_current_exception().message}});
      }
    }
  });
}

void Housekeeping::stop() { thread_ = {}; }

}  // namespace fettle::app
