#include "base/time_text.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>

namespace fettle {
namespace {

using Days = std::chrono::sys_days;
constexpr int64_t kDayMs = 86'400'000;

int64_t floor_day(int64_t ms) { return ms >= 0 ? ms / kDayMs : -((-ms + kDayMs - 1) / kDayMs); }

std::chrono::year_month_day date_of(int64_t ms) {
  return std::chrono::year_month_day{Days{std::chrono::days{floor_day(ms)}}};
}

int64_t ms_of(std::chrono::year_month_day date) {
  return static_cast<int64_t>(Days{date}.time_since_epoch().count()) * kDayMs;
}

// A number of exactly `width` digits at `at`.
std::optional<int> digits(std::string_view text, size_t at, size_t width) {
  if (at + width > text.size()) return std::nullopt;
  int value = 0;
  for (size_t i = at; i < at + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::optional<int64_t> parse_time_of_day(std::string_view text) {
  auto hour = digits(text, 0, 2);
  auto minute = digits(text, 3, 2);
  if (!hour || !minute || text[2] != ':' || *hour > 23 || *minute > 59) return std::nullopt;
  int64_t ms = (*hour * 60 + *minute) * 60'000LL;
  size_t at = 5;
  if (at < text.size() && text[at] == ':') {
    auto second = digits(text, 6, 2);
    if (!second || *second > 60) return std::nullopt;
    ms += *second * 1000LL;
    at = 8;
    if (at < text.size() && text[at] == '.') {
      int64_t unit = 100;
      for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
        ms += (text[at] - '0') * unit;
    }
  }
  std::string_view zone = text.substr(at);
  if (!zone.empty() && zone != "Z" && zone != "+00:00") return std::nullopt;
  return ms;
}

}  // namespace

std::string format_utc(int64_t ms) {
  auto date = date_of(ms);
  int64_t rest = ms - floor_day(ms) * kDayMs;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), rest / 3'600'000,
                     rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

std::optional<int64_t> parse_utc(std::string_view text) {
  auto year = digits(text, 0, 4);
  auto month = digits(text, 5, 2);
  auto day = digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  if (text.size() == 10) return ms_of(date);
  if (text[10] != 'T' && text[10] != ' ') return std::nullopt;
  auto time = parse_time_of_day(text.substr(11));
  if (!time) return std::nullopt;
  return ms_of(date) + *time;
}

int64_t month_start_ms(int64_t ms) {
  auto date = date_of(ms);
  return ms_of({date.year(), date.month(), std::chrono::day{1}});
}

int64_t next_month_start_ms(int64_t ms) {
  auto date = date_of(ms);
  auto next = std::chrono::year_month{date.year(), date.month()} + std::chrono::months{1};
  return ms_of({next.year(), next.month(), std::chrono::day{1}});
}

std::optional<int64_t> parse_duration_ms(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale = unit == "ms"  ? 1
                 : unit == "s" ? 1e3
                 : unit == "m" ? 6e4
                 : unit == "h" ? 3.6e6
                 : unit == "d" ? 8.64e7
                               : 0;
  if (scale == 0 || number * scale > 9e15) return std::nullopt;
  return static_cast<int64_t>(std::llround(number * scale));
}

std::string format_duration(int64_t ms) {
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  if (ms < 3'600'000) return fmt::format("{} min {} s", ms / 60'000, ms / 1000 % 60);
  if (ms < kDayMs) return fmt::format("{} h {} min", ms / 3'600'000, ms / 60'000 % 60);
  return fmt::format("{} d", ms / kDayMs);
}

}  // namespace fettle
