#include "monitoring/calendar.h"

#include <fmt/format.h>

#include <chrono>

#include "base/time_text.h"

namespace fettle::monitoring {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kWeek = 7 * kDay;
constexpr int64_t kFirstMonday = 4 * kDay;  // 1970-01-05

int64_t floor_to(int64_t ms, int64_t step, int64_t origin = 0) {
  int64_t offset = (ms - origin) % step;
  return ms - (offset < 0 ? offset + step : offset);
}

std::string week_id(int64_t monday_ms) {
  // The ISO year of a week is that of its Thursday.
  std::chrono::sys_days thursday{std::chrono::days(floor_to(monday_ms + 3 * kDay, kDay) / kDay)};
  std::chrono::year_month_day date{thursday};
  std::chrono::sys_days first{date.year() / std::chrono::January / 1};
  return fmt::format("{:04}-W{:02}", static_cast<int>(date.year()), (thursday - first).count() / 7 + 1);
}

}  // namespace

WindowBounds window_of(const WindowRule& rule, int64_t event_ms) {
  switch (rule.kind) {
    case WindowKind::month: return {month_start_ms(event_ms), next_month_start_ms(event_ms)};
    case WindowKind::week: {
      int64_t start = floor_to(event_ms, kWeek, kFirstMonday);
      return {start, start + kWeek};
    }
    case WindowKind::day: {
      int64_t start = floor_to(event_ms, kDay);
      return {start, start + kDay};
    }
    case WindowKind::hour: {
      int64_t start = floor_to(event_ms, kHour);
      return {start, start + kHour};
    }
    case WindowKind::fixed: break;
  }
  int64_t start = floor_to(event_ms, rule.length_ms);
  return {start, start + rule.length_ms};
}

std::string window_id(const WindowRule& rule, int64_t start_ms) {
  std::string text = format_utc(start_ms);  // 2013-07-04T13:05:00.000Z
  switch (rule.kind) {
    case WindowKind::month: return text.substr(0, 7);
    case WindowKind::week: return week_id(start_ms);
    case WindowKind::day: return text.substr(0, 10);
    case WindowKind::hour: return text.substr(0, 13);
    case WindowKind::fixed: break;
  }
  return text.substr(0, 19) + "Z";
}

}  // namespace fettle::monitoring
