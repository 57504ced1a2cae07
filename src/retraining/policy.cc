#include "retraining/policy.h"

#include <algorithm>

#include "base/time_text.h"

namespace fettle::retraining {
namespace {

const FiringAlert* first_firing(const std::vector<std::string>& names, const std::vector<FiringAlert>& firing) {
  for (const auto& name : names) {
    auto found =
        std::find_if(firing.begin(), firing.end(), [&](const FiringAlert& alert) { return alert.name == name; });
    if (found != firing.end()) return &*found;
  }
  return nullptr;
}

Decision block(std::string reason, const FiringAlert* alert) {
  Decision decision{Verdict::block, std::move(reason), std::nullopt};
  if (alert != nullptr) decision.alert = *alert;
  return decision;
}

// Reasons that hold a triggered policy back; empty: none.
std::string held_back(const Policy& policy, const Observations& seen) {
  if (policy.paused) return "the policy is paused";
  if (const FiringAlert* blocking = first_firing(policy.block_on, seen.firing)) {
    return fmt::format("alert '{}' fires: the data is broken, retraining on it would learn the breakage",
                       blocking->name);
  }
  if (seen.rejections >= policy.max_rejections) {
    return fmt::format("the circuit is open after {} rejected runs; start one by hand to close it", seen.rejections);
  }
  if (seen.last_start_event_ms && seen.newest_event_ms) {
    int64_t since_ms = *seen.newest_event_ms - *seen.last_start_event_ms;
    if (since_ms < policy.cooldown_ms) {
      return fmt::format("cool-down: {} since the last start, {} are required",
                         format_duration(std::max<int64_t>(0, since_ms)), format_duration(policy.cooldown_ms));
    }
  }
  if (seen.new_labels < policy.min_new_labels) {
    return fmt::format("{} new labels since the last start, {} are required", seen.new_labels, policy.min_new_labels);
  }
  return {};
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::start: return "start";
    case Verdict::block: return "block";
    case Verdict::wait: break;
  }
  return "wait";
}

Decision decide(const Policy& policy, const Observations& seen) {
  if (seen.running) return {Verdict::wait, "a run of this policy is in progress", std::nullopt};
  if (seen.by_hand) return {Verdict::start, "started by hand", std::nullopt};
  const FiringAlert* alert = first_firing(policy.on, seen.firing);
  if (alert == nullptr) return {Verdict::wait, "no alert of the policy fires", std::nullopt};
  if (std::string reason = held_back(policy, seen); !reason.empty()) return block(std::move(reason), alert);
  return {
      Verdict::start,
      fmt::format("alert '{}' fires since window {}, with {} new labels", alert->name, alert->window, seen.new_labels),
      *alert};
}

}  // namespace fettle::retraining
