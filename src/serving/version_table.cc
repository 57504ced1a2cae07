#include "serving/version_table.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/thread_pool.h"

namespace fettle::serving {

namespace {

BatchingConfig effective(BatchingConfig batching, const Backend& backend) {
  if (!takes_batches(backend)) batching.max_batch_size = 0;
  std::ranges::sort(batching.preferred_sizes);
  return batching;
}

}  // namespace

bool OlderVersion::operator()(std::string_view a, std::string_view b) const {
  const auto number_a = parse_int(a);
  const auto number_b = parse_int(b);
  if (number_a && number_b && *number_a != *number_b) return *number_a < *number_b;
  if (number_a.has_value() != number_b.has_value()) return number_a.has_value();
  return a < b;
}

LoadedModel::LoadedModel(const ModelSource& source, std::unique_ptr<Backend> backend, RunSlots& slots,
                         const Clock& clock, metrics::Registry& registry, int64_t inline_cost_us)
    : name_(source.name),
      version_(source.version),
      platform_(source.platform),
      backend_(std::move(backend)),
      batching_(effective(source.batching, *backend_)),
      statistics_(name_, version_, clock, registry),
      batcher_({.shape = {name_, backend_->inputs(), backend_->outputs(), batching_.max_batch_size, batching_.oversize},
                .version = version_,
                .batching = batching_,
                .inline_cost_us = inline_cost_us},
               *backend_, slots, clock, statistics_) {}

Retirement::Retirement()
    : thread_([this] {
        name_thread("model-retire");
        work();
      }) {}

Retirement::~Retirement() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return alive_.empty(); });
    stopping_ = true;
  }
  changed_.notify_all();
}

Retirement::Adopted Retirement::adopt(std::unique_ptr<LoadedModel> model) {
  uint64_t serial = 0;
  {
    std::lock_guard lock(mutex_);
    serial = ++last_serial_;
    alive_.insert(serial);
  }
  auto retire = [this, serial](LoadedModel* left) {
    {
      std::lock_guard lock(mutex_);
      leaving_.push_back({std::unique_ptr<LoadedModel>(left), serial});
    }
    changed_.notify_all();
  };
  return {std::shared_ptr<LoadedModel>(model.release(), std::move(retire)), serial};
}

bool Retirement::wait_gone(uint64_t serial, int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return !alive_.contains(serial); });
}

void Retirement::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !leaving_.empty(); });
    if (leaving_.empty()) return;
    std::vector<Leaving> leaving = std::move(leaving_);
    leaving_.clear();
    lock.unlock();
    for (Leaving& one : leaving) one.model.reset();
    // The C library keeps the pages of a released session otherwise.
    malloc_trim(0);
    lock.lock();
    for (const Leaving& one : leaving) alive_.erase(one.serial);
    changed_.notify_all();
  }
}

}  // namespace fettle::serving
