#include "monitoring/alert.h"

#include <array>

#include "base/text.h"

namespace fettle::monitoring {
namespace {

constexpr std::array<std::string_view, 5> kStates = {"inactive", "pending", "firing", "resolved", "error"};

AlertMemory after_holding(const AlertSpec& spec, AlertMemory memory) {
  ++memory.holding;
  memory.clear = 0;
  if (memory.state != AlertState::firing) {
    memory.state = memory.holding >= spec.for_windows ? AlertState::firing : AlertState::pending;
  }
  return memory;
}

AlertMemory after_clear(const AlertSpec& spec, AlertMemory memory) {
  ++memory.clear;
  memory.holding = 0;
  if (memory.state == AlertState::firing && memory.clear >= spec.resolve_windows) {
    memory.state = AlertState::resolved;
  } else if (memory.state == AlertState::pending || memory.state == AlertState::error) {
    memory.state = AlertState::inactive;
  }
  return memory;
}

std::string verdict_of(AlertState state) {
  if (state == AlertState::firing) return "fire";
  return state == AlertState::resolved ? "resolve" : "hold";
}

std::string describe(const AlertSpec& spec, const AlertObservation& seen, bool holds, const AlertMemory& next) {
  std::string subject = spec.feature.empty() ? spec.metric : fmt::format("{} of {}", spec.metric, spec.feature);
  std::string value = seen.value ? fmt::format("{} is {:.4g} in {}", subject, *seen.value, seen.window_id)
                                 : fmt::format("{} is not known in {}: {}", subject, seen.window_id, seen.why_no_value);
  if (holds)
    return fmt::format("{}: '{}' holds for {} of {} windows", value, spec.expr, next.holding, spec.for_windows);
  return fmt::format("{}: '{}' does not hold", value, spec.expr);
}

}  // namespace

std::string_view state_name(AlertState state) { return kStates[static_cast<size_t>(state)]; }

std::optional<AlertState> parse_state(std::string_view text) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == text) return static_cast<AlertState>(i);
  }
  return std::nullopt;
}

AlertStep judge_alert(const AlertSpec& spec, const AlertMemory& before, const AlertObservation& seen) {
  AlertStep step{.next = before};
  if (seen.impossible) {
    step.judged = true;
    if (before.state != AlertState::firing) step.next = {.state = AlertState::error};
    step.verdict = verdict_of(step.next.state);
    step.reason = seen.why_no_value;
    return step;
  }
  if (!seen.value && spec.no_data == NoData::keep) {
    step.verdict = verdict_of(before.state);
    step.reason = seen.why_no_value;
    return step;
  }
  bool holds = seen.value ? spec.holds(*seen.value) : spec.no_data == NoData::alert;
  step.judged = true;
  step.next = holds ? after_holding(spec, before) : after_clear(spec, before);
  step.verdict = verdict_of(step.next.state);
  step.reason = describe(spec, seen, holds, step.next);
  return step;
}

std::string alert_fingerprint(const std::map<std::string, std::string>& labels) {
  uint64_t hash = 14695981039346656037ULL;
  auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * 1099511628211ULL; };
  for (const auto& [name, value] : labels) {
    for (const auto* text : {&name, &value}) {
      for (char c : *text) mix(static_cast<unsigned char>(c));
      mix(0xFF);
    }
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace fettle::monitoring
