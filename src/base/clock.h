// Time is an argument: whatever decides by time takes a Clock (or a `now_ms`), so that tests run hours in milliseconds.
#pragma once

#include <atomic>
#include <cstdint>

namespace fettle {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, milliseconds since 1970 UTC. May jump.
  virtual int64_t now_ms() const = 0;
  // Monotonic, nanoseconds since an arbitrary start. For durations and deadlines.
  virtual int64_t steady_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t now_ms() const override;
  int64_t steady_ns() const override;
};

// Moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  int64_t now_ms() const override { return now_ms_; }
  int64_t steady_ns() const override { return now_ms_ * 1'000'000; }
  void advance_ms(int64_t by) { now_ms_ += by; }
  void set_ms(int64_t now) { now_ms_ = now; }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace fettle
