// Times and durations as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle {

// "2013-03-01T00:00:00.000Z"
std::string format_utc(int64_t ms);
// ISO 8601 date or date-time in UTC ("2013-03-01", "2013-03-01T10:00:00Z", fraction optional); nothing otherwise.
std::optional<int64_t> parse_utc(std::string_view text);

// First millisecond of the calendar month (UTC) that holds `ms`, and of the next one.
int64_t month_start_ms(int64_t ms);
int64_t next_month_start_ms(int64_t ms);

// "90s", "15m", "36h", "7d", "250ms" -> milliseconds; nothing if it is not a non-negative number with one of these
// units.
std::optional<int64_t> parse_duration_ms(std::string_view text);
// "8.2 s", "3 min 20 s", "2 h 5 min", "4 d".
std::string format_duration(int64_t ms);

}  // namespace fettle
