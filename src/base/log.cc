#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/time_text.h"

namespace fettle {
namespace {

std::atomic<LogLevel> current_level = LogLevel::info;
std::atomic<LogFormat> current_format = LogFormat::text;
thread_local std::string current_request;

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
    case LogLevel::off: break;
  }
  return "off";
}

void append_escaped(std::string& line, std::string_view text) {
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\u{:04x}", byte);
    } else {
      line += c;
    }
  }
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  append_escaped(line, text);
  line += '"';
}

std::string as_json(LogLevel level, std::string_view event, std::initializer_list<LogField> fields, int64_t now_ms) {
  std::string line = fmt::format(R"({{"time_ms":{},"level":"{}","event":)", now_ms, level_name(level));
  append_quoted(line, event);
  if (!current_request.empty()) {
    line += R"(,"request_id":)";
    append_quoted(line, current_request);
  }
  for (const auto& field : fields) {
    line += ",";
    append_quoted(line, field.key);
    line += ":";
    if (field.quoted) {
      append_quoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  return line + "}\n";
}

std::string as_text(LogLevel level, std::string_view event, std::initializer_list<LogField> fields, int64_t now_ms) {
  std::string line = fmt::format("{} {:<5} ", format_utc(now_ms), level_name(level));
  append_escaped(line, event);
  if (!current_request.empty()) line += fmt::format(" request_id={}", current_request);
  for (const auto& field : fields) {
    line += fmt::format(" {}=", field.key);
    bool plain = !field.quoted || (!field.value.empty() && field.value.find_first_of(" \"=\n\t") == std::string::npos);
    if (plain) {
      append_escaped(line, field.value);
    } else {
      append_quoted(line, field.value);
    }
  }
  return line + "\n";
}

}  // namespace

void configure_log(LogConfig config) {
  current_level = config.level;
  current_format = config.format;
}

bool log_enabled(LogLevel level) { return level >= current_level.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  int64_t now_ms = SystemClock().now_ms();
  std::string line =
      current_format == LogFormat::json ? as_json(level, event, fields, now_ms) : as_text(level, event, fields, now_ms);
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

LogScope::LogScope(std::string_view request_id) : previous_(std::move(current_request)) {
  current_request = request_id;
}
LogScope::~LogScope() { current_request = std::move(previous_); }

}  // namespace fettle
