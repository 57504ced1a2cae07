// Alerts and their history in SQL: rules, state, transitions, silences, acknowledgements and the notifications that are
// still to be sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "metrics/registry.h"
#include "monitoring/alert.h"
#include "monitoring/window_result.h"
#include "sql/database.h"

namespace fettle::monitoring {

struct AlertView {
  std::string name, monitor, endpoint;
  AlertSpec spec;
  std::string spec_json;
  int64_t generation = 0;
  AlertMemory memory;
  std::optional<double> value;
  std::string window_id;  // last judged; empty: none yet
  int64_t window_start_ms = 0;
  int64_t since_ms = 0;  // of the state
  std::string reason;
  std::string acknowledged_by, acknowledged_reason;
  int64_t acknowledged_ms = 0;  // 0: not acknowledged
  int64_t silenced_until_ms = 0;
};

struct AlertTransition {
  std::string id, window_id, from, to, reason, decision;
  std::string notification;  // "none", "silenced", "pending", "sent", "failed"
  std::optional<double> value;
  int64_t at_ms = 0;
};

// Thread-safe.
class AlertStore {
 public:
  AlertStore(sql::Database& database, const Clock& clock, metrics::Registry& registry);

  // Idempotent per generation; a changed rule keeps its state. invalid_argument as parse_alert_spec.
  void put(const std::string& name, const std::string& spec_json, int64_t generation);
  void remove(const std::string& name);

  std::vector<AlertView> list();           // by name
  AlertView get(const std::string& name);  // not_found with the nearest name
  std::vector<AlertTransition> transitions(const std::string& name, int64_t limit = 100);  // newest first

  // Until 0 or in the past lifts it. Both are audited.
  void silence(const std::string& name, int64_t until_ms, const std::string& by, const std::string& reason);
  void acknowledge(const std::string& name, const std::string& by, const std::string& reason);

  // Judges the monitor's alerts by a computed window, in the transaction that stores it: state, transition, decision,
  // audit and lineage together. The newest judged window may be judged again (its labels arrived); older ones only
  // inform.
  std::vector<AlertEvent> judge(sql::Connection& connection, const std::string& monitor, const std::string& endpoint,
                                const WindowResult& window);

  // Sends due notifications; 5xx, 429 and no answer are tried again with back-off, up to 8 times. Returns how many were
  // sent or given up.
  int64_t deliver(AlertSink& sink);

 private:
  std::vector<AlertView> load(sql::Connection& connection, std::string_view where, std::string_view argument);
  void store_state(sql::Connection& connection, const AlertView& alert, const AlertMemory& before);
  AlertEvent record(sql::Connection& connection, const AlertView& alert, AlertState from, const AlertStep& step,
                    const AlertObservation& seen, const AlertMemory& saw, const WindowResult& window);

  sql::Database& database_;
  const Clock& clock_;
  metrics::Counter& sent_;
  metrics::Counter& failed_;
};

}  // namespace fettle::monitoring
