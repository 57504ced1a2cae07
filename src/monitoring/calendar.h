// Which window a time belongs to. Windows are in UTC and never overlap. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace fettle::monitoring {

enum class WindowKind { hour, day, week, month, fixed };

struct WindowRule {
  WindowKind kind = WindowKind::day;
  int64_t length_ms = 0;  // of fixed windows, which are aligned to 1970
  friend bool operator==(const WindowRule&, const WindowRule&) = default;
};

struct WindowBounds {
  int64_t start_ms = 0;
  int64_t end_ms = 0;  // exclusive
  bool holds(int64_t ms) const { return start_ms <= ms && ms < end_ms; }
};

WindowBounds window_of(const WindowRule& rule, int64_t event_ms);
// hour "2013-07-04T13", day "2013-07-04", ISO week "2013-W27" (weeks start on Monday), month "2013-07", fixed
// "2013-07-04T13:05:00Z".
std::string window_id(const WindowRule& rule, int64_t start_ms);

}  // namespace fettle::monitoring
