// Structured log: one event sentence and typed fields, a line each on stderr, as text or JSON.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fettle {

enum class LogLevel { debug, info, warn, error, off };
enum class LogFormat { text, json };

// A value is rendered at once; numbers keep their type in JSON.
struct LogField {
  std::string_view key;
  std::string value;
  bool quoted = true;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view k, T v) : key(k), value(fmt::format("{}", v)), quoted(!is_json(static_cast<double>(v))) {}

 private:
  static bool is_json(double v) { return v - v == 0; }  // JSON has no word for NaN and the infinities
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

// Thread-safe; affects the whole process. Set once by main, before threads start.
void configure_log(LogConfig config);
bool log_enabled(LogLevel level);

// Lines are written whole; control characters in values are escaped. Thread-safe.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view e, std::initializer_list<LogField> f = {}) { log(LogLevel::debug, e, f); }
inline void log_info(std::string_view e, std::initializer_list<LogField> f = {}) { log(LogLevel::info, e, f); }
inline void log_warn(std::string_view e, std::initializer_list<LogField> f = {}) { log(LogLevel::warn, e, f); }
inline void log_error(std::string_view e, std::initializer_list<LogField> f = {}) { log(LogLevel::error, e, f); }

// Adds `request_id` to each line that this thread logs while it lives.
class LogScope {
 public:
  explicit LogScope(std::string_view request_id);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  std::string previous_;
};

}  // namespace fettle
