#include "gateway/caller_facts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace fettle::gateway {
namespace {

constexpr std::string_view kKey = "fettle_key";
constexpr std::string_view kEventTime = "fettle_event_time_ms";
constexpr size_t kKeyLimit = 256;
constexpr int64_t kFutureMs = 300'000;

Outcome<void> check_keys(const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    if (key.empty() || key.size() > kKeyLimit) {
      return unexpected(Code::invalid_argument, "fettle_key of {} bytes, expected 1 to {}", key.size(), kKeyLimit);
    }
  }
  return {};
}

Outcome<void> check_times(const std::vector<int64_t>& times, int64_t now_ms) {
  for (int64_t time : times) {
    if (time < 0 || time > now_ms + kFutureMs) {
      return unexpected(Code::invalid_argument, "fettle_event_time_ms {} is not between 0 (1970) and {} (now + 5 min)",
                        time, now_ms + kFutureMs);
    }
  }
  return {};
}

bool is_column(const tensor::Tensor& tensor) {
  return tensor.shape.size() == 1 || (tensor.shape.size() == 2 && tensor.shape[1] == 1);
}

std::vector<int64_t> integers(const tensor::Tensor& tensor) {
  std::vector<int64_t> values(tensor.data.size() / sizeof(int64_t));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(int64_t));
  return values;
}

Outcome<std::vector<std::string>> read_key_tensor(tensor::Tensor& tensor) {
  if (is_column(tensor) && tensor.dtype == tensor::DType::bytes) return std::move(tensor.strings);
  if (is_column(tensor) && tensor.dtype == tensor::DType::int64) {
    std::vector<std::string> keys;
    for (int64_t value : integers(tensor)) keys.push_back(fmt::format("{}", value));
    return keys;
  }
  return unexpected(Code::invalid_argument,
                    "input 'fettle_key' is {} {}, expected BYTES or INT64 of shape [batch] or [batch,1]",
                    tensor::dtype_name(tensor.dtype), tensor::format_shape(tensor.shape));
}

Outcome<std::vector<int64_t>> read_time_tensor(const tensor::Tensor& tensor) {
  if (is_column(tensor) && tensor.dtype == tensor::DType::int64) return integers(tensor);
  return unexpected(Code::invalid_argument,
                    "input 'fettle_event_time_ms' is {} {}, expected INT64 of shape [batch] or [batch,1]",
                    tensor::dtype_name(tensor.dtype), tensor::format_shape(tensor.shape));
}

std::string parameter_text(const serving::Parameter& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return std::get<bool>(value) ? "true" : "false";
}

std::optional<int64_t> parameter_integer(const serving::Parameter& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return parse_int(*text);
  if (const auto* number = std::get_if<double>(&value);
      number != nullptr && std::fabs(*number) < 9e15 && std::trunc(*number) == *number) {
    return static_cast<int64_t>(*number);
  }
  return std::nullopt;
}

Outcome<void> take_parameters(serving::InferRequest& request, std::string_view sticky_key, CallerFacts& facts) {
  for (const auto& [name, value] : request.parameters) {
    if (name == sticky_key) facts.routing_key = parameter_text(value);
    if (name == kKey) facts.keys = {parameter_text(value)};
    if (name == kEventTime) {
      auto time = parameter_integer(value);
      if (!time) {
        return unexpected(Code::invalid_argument,
                          "parameter 'fettle_event_time_ms' is '{}', expected milliseconds since 1970",
                          parameter_text(value).substr(0, 60));
      }
      facts.event_times_ms = {*time};
    }
  }
  std::erase_if(request.parameters, [](const auto& p) { return p.first == kKey || p.first == kEventTime; });
  return {};
}

template <class T>
Outcome<void> spread(std::vector<T>& values, int64_t rows, std::string_view name) {
  if (values.empty() || static_cast<int64_t>(values.size()) == rows) return {};
  if (values.size() != 1)
    return unexpected(Code::invalid_argument, "input '{}' has {} rows, the features have {}", name, values.size(),
                      rows);
  T only = values.front();
  values.assign(static_cast<size_t>(rows), only);
  return {};
}

}  // namespace

Outcome<CallerFacts> take_caller_facts(serving::InferRequest& request, std::string_view sticky_key, int64_t now_ms) {
  CallerFacts facts;
  if (!request.parameters.empty()) {
    if (auto ok = take_parameters(request, sticky_key, facts); !ok) return std::unexpected(ok.error());
  }
  bool took = false;
  for (auto& tensor : request.inputs) {
    if (tensor.name == kKey) {
      auto keys = read_key_tensor(tensor);
      if (!keys) return std::unexpected(keys.error());
      facts.keys = std::move(*keys);
      took = true;
    } else if (tensor.name == kEventTime) {
      auto times = read_time_tensor(tensor);
      if (!times) return std::unexpected(times.error());
      facts.event_times_ms = std::move(*times);
      took = true;
    }
  }
  if (took)
    std::erase_if(request.inputs, [](const auto& tensor) { return tensor.name == kKey || tensor.name == kEventTime; });
  if (auto ok = check_keys(facts.keys); !ok) return std::unexpected(ok.error());
  if (auto ok = check_times(facts.event_times_ms, now_ms); !ok) return std::unexpected(ok.error());
  return facts;
}

Outcome<void> spread_over_rows(CallerFacts& facts, int64_t rows, int64_t received_ms) {
  if (auto ok = spread(facts.keys, rows, kKey); !ok) return ok;
  if (facts.event_times_ms.empty()) {
    facts.event_times_ms.assign(static_cast<size_t>(rows), received_ms);
    return {};
  }
  return spread(facts.event_times_ms, rows, kEventTime);
}

}  // namespace fettle::gateway
