// Timeouts of requests in flight: a hashed wheel, so that setting and lifting a timeout costs two pointer writes under
// a slot's own lock.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace fettle::gateway {

class DeadlineWheel;

// Something that may time out. Owned by shared_ptr; leaves the wheel by itself when it is destroyed.
class Timed : public std::enable_shared_from_this<Timed> {
 public:
  Timed() = default;
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  virtual ~Timed();
  // Called at most once per set() and with its tag, on the wheel's thread, at or up to kTickNs after the deadline. Must
  // not block. It may still come right after clear(): the tag tells an old deadline from the present one.
  virtual void on_deadline(uint32_t tag) = 0;

 private:
  friend class DeadlineWheel;
  std::atomic<DeadlineWheel*> wheel_{nullptr};  // written under the slot's lock; null: in no wheel
  Timed* previous_ = nullptr;
  Timed* next_ = nullptr;
  size_t slot_ = 0;
  int64_t deadline_ns_ = 0;
  uint32_t tag_ = 0;
};

// Thread-safe. The thread sleeps while nothing is in flight.
class DeadlineWheel {
 public:
  static constexpr int64_t kTickNs = 4'000'000;

  explicit DeadlineWheel(const Clock& clock);
  ~DeadlineWheel();

  // A Timed has one deadline at a time: clear() it before the next set().
  void set(Timed& timed, int64_t deadline_ns, uint32_t tag);
  void clear(Timed& timed);
  // Runs what is due. The thread does it; tests may too.
  void expire(int64_t now_ns);

 private:
  struct Slot {
    std::mutex mutex;
    Timed* first = nullptr;
  };
  static constexpr size_t kSlots = 512;

  void run(const std::stop_token& stop);
  void unlink(Slot& slot, Timed& timed);
  void expire_slot(size_t index, int64_t now_ns);

  const Clock& clock_;
  std::array<Slot, kSlots> slots_;
  std::atomic<int64_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  int64_t expired_tick_ = 0;  // the wheel's thread (or a test) alone
  std::jthread thread_;
};

}  // namespace fettle::gateway
