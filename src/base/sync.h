// A mutex that owns its data: unlocked access does not type-check.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

namespace fettle {

//   Sync<std::map<…>> routes;
//   routes.with([&](auto& map) { map[…] = …; });
// No callback under the lock may block or call out of its module.
template <class T>
class Sync {
 public:
  template <class... Args>
  explicit Sync(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class Body>
  decltype(auto) with(Body&& body) {
    std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(value_);
  }
  template <class Body>
  decltype(auto) with(Body&& body) const {
    std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace fettle
