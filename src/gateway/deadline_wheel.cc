#include "gateway/deadline_wheel.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/thread_pool.h"

namespace fettle::gateway {

Timed::~Timed() {
  if (DeadlineWheel* wheel = wheel_.load(); wheel != nullptr) wheel->clear(*this);
}

DeadlineWheel::DeadlineWheel(const Clock& clock)
    : clock_(clock),
      expired_tick_(clock.steady_ns() / kTickNs),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

DeadlineWheel::~DeadlineWheel() {
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
}

void DeadlineWheel::set(Timed& timed, int64_t deadline_ns, uint32_t tag) {
  size_t index = static_cast<size_t>(deadline_ns / kTickNs) % kSlots;
  Slot& slot = slots_[index];
  {
    std::lock_guard lock(slot.mutex);
    timed.wheel_ = this;
    timed.slot_ = index;
    timed.deadline_ns_ = deadline_ns;
    timed.tag_ = tag;
    timed.previous_ = nullptr;
    timed.next_ = slot.first;
    if (slot.first != nullptr) slot.first->previous_ = &timed;
    slot.first = &timed;
  }
  if (waiting_.fetch_add(1) == 0) {
    std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
}

void DeadlineWheel::unlink(Slot& slot, Timed& timed) {
  if (timed.previous_ != nullptr) timed.previous_->next_ = timed.next_;
  if (timed.next_ != nullptr) timed.next_->previous_ = timed.previous_;
  if (slot.first == &timed) slot.first = timed.next_;
  timed.wheel_ = nullptr;
  waiting_.fetch_sub(1);
}

void DeadlineWheel::clear(Timed& timed) {
  Slot& slot = slots_[timed.slot_];
  std::lock_guard lock(slot.mutex);
  if (timed.wheel_.load() != nullptr) unlink(slot, timed);
}

void DeadlineWheel::expire_slot(size_t index, int64_t now_ns) {
  std::vector<std::pair<std::shared_ptr<Timed>, uint32_t>> due;
  {
    Slot& slot = slots_[index];
    std::lock_guard lock(slot.mutex);
    for (Timed* timed = slot.first; timed != nullptr;) {
      Timed* next = timed->next_;
      if (timed->deadline_ns_ <= now_ns) {
        // One whose destruction has begun gives no pointer: its destructor waits for this lock and finds itself
        // unlinked.
        if (auto alive = timed->weak_from_this().lock()) due.emplace_back(std::move(alive), timed->tag_);
        unlink(slot, *timed);
      }
      timed = next;
    }
  }
  for (auto& [timed, tag] : due) timed->on_deadline(tag);
}

void DeadlineWheel::expire(int64_t now_ns) {
  int64_t tick = now_ns / kTickNs;
  int64_t first = std::max(expired_tick_, tick - static_cast<int64_t>(kSlots) + 1);
  for (int64_t at = first; at <= tick; ++at) expire_slot(static_cast<size_t>(at) % kSlots, now_ns);
  expired_tick_ = tick;
}

void DeadlineWheel::run(const std::stop_token& stop) {
  name_thread("gateway-timer");
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (waiting_.load() == 0) {
        wake_.wait(lock, stop, [&] { return waiting_.load() != 0; });
      } else {
        wake_.wait_for(lock, stop, std::chrono::nanoseconds(kTickNs), [] { return false; });
      }
    }
    expire(clock_.steady_ns());
  }
}

}  // namespace fettle::gateway
