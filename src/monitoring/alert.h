// What an alert does with a computed window: a pure state machine, and the events that come out of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "monitoring/spec.h"

namespace fettle::monitoring {

enum class AlertState { inactive, pending, firing, resolved, error };
std::string_view state_name(AlertState state);
std::optional<AlertState> parse_state(std::string_view text);

struct AlertMemory {
  AlertState state = AlertState::inactive;
  int64_t holding = 0;  // consecutive windows that held
  int64_t clear = 0;    // consecutive windows that did not
  friend bool operator==(const AlertMemory&, const AlertMemory&) = default;
};

struct AlertObservation {
  std::string window_id;
  int64_t window_start_ms = 0;
  std::optional<double> value;
  std::string why_no_value;
  bool impossible = false;  // the rule names something that does not exist: state error
};

struct AlertStep {
  AlertMemory next;
  bool judged = false;  // false: no data and the rule keeps its state
  std::string verdict;  // "fire", "hold", "resolve" (docs/rest.md 11, decisions)
  std::string reason;   // one sentence
};

// inactive/resolved -> pending -> firing after `for_windows` that hold; firing -> resolved after `resolve_windows` that
// do not; pending -> inactive at the first that does not. Windows come in order of time.
AlertStep judge_alert(const AlertSpec& spec, const AlertMemory& before, const AlertObservation& seen);

// A transition that was committed.
struct AlertEvent {
  std::string alert, monitor, endpoint, severity;
  AlertState from = AlertState::inactive;
  AlertState to = AlertState::inactive;
  std::string window_id;
  int64_t window_start_ms = 0, window_end_ms = 0;
  std::optional<double> value;
  std::string expr;
  double threshold = 0;
  std::string reason;
  std::string decision;  // id
  std::map<std::string, std::string> labels;
  int64_t at_ms = 0;  // wall clock
};

// Retraining listens. Called after the commit, on the thread that evaluated, in order of events; must not call
// evaluate. A process that dies between the commit and the call loses the call: a listener reads AlertStore::list at
// start.
class AlertListener {
 public:
  virtual ~AlertListener() = default;
  virtual void on_alert(const AlertEvent& event) = 0;
};

struct WebhookRequest {
  std::string url;
  std::string body;  // JSON
  int64_t timeout_ms = 10'000;
};
struct WebhookAnswer {
  int status = 0;     // HTTP; 0: no answer
  std::string error;  // of status 0
};
// Sends one notification; connected to the HTTP client in app/. Blocks up to the timeout; called by the monitoring
// thread alone.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual WebhookAnswer deliver(const WebhookRequest& request) = 0;
};

// Alertmanager's webhook document, version 4 (webhook_file.cc).
std::string format_webhook(const AlertEvent& event, int64_t since_ms);
// 16 hex digits of FNV-1a-64 over sorted `name 0xFF value 0xFF`, as Alertmanager does.
std::string alert_fingerprint(const std::map<std::string, std::string>& labels);
// JSON detail of the audit events of silence and acknowledgement; `until_ms` 0 is left out.
std::string format_silence(int64_t until_ms, const std::string& reason);
// JSON of what judge_alert saw, kept with the decision.
std::string format_observation(const AlertSpec& spec, const AlertMemory& before, const AlertObservation& seen);

}  // namespace fettle::monitoring
