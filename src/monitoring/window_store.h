// Monitors and their windows in SQL: which windows have rows, which must be computed (again), and what came out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitoring/log_block.h"
#include "monitoring/spec.h"
#include "monitoring/window_compute.h"
#include "monitoring/window_result.h"
#include "sql/database.h"

namespace fettle::monitoring {

struct MonitorEntry {
  std::string name;
  MonitorSpec spec;
  std::string spec_json;
  int64_t generation = 0;
};

// A row of the window table. `result` is nothing while the window is open.
struct WindowView {
  std::string id;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  std::string state;  // "open", "closed", "dirty"
  int64_t revision = 0;
  int64_t touches = 0;
  std::optional<WindowResult> result;
};

struct WindowPage {
  std::vector<WindowView> items;
  int64_t total = 0;
  std::optional<int64_t> next_start_ms;
};

struct WindowCounts {
  int64_t windows = 0;
  int64_t dirty = 0;
  int64_t open = 0;
};

// Thread-safe.
class WindowStore {
 public:
  explicit WindowStore(sql::Database& database);

  // True when the policy is new or changed: its closed windows are dirty then; a changed window rule forgets them.
  bool put(const std::string& name, const std::string& spec_json, int64_t generation);
  void remove(const std::string& name);
  std::vector<std::shared_ptr<const MonitorEntry>> monitors() const;       // by name
  std::shared_ptr<const MonitorEntry> get(const std::string& name) const;  // not_found with the nearest name

  // Rows were logged: opens their windows, and closed ones become dirty (late rows).
  void note_rows(sql::Connection& connection, const std::vector<LogBlock>& blocks);
  // As note_rows for the events of one endpoint that were logged before (a monitor that came later).
  void note_events(sql::Connection& connection, const MonitorEntry& monitor, const std::vector<int64_t>& event_ms);
  // Labels changed: closed windows become dirty. Returns "MONITOR/ID" of the windows touched, open ones too.
  std::vector<std::string> touch(sql::Connection& connection, std::string_view endpoint,
                                 const std::vector<int64_t>& event_ms);

  // Open windows that end at or before `until_ms`, and dirty ones, oldest first.
  std::vector<WindowView> due(const std::string& monitor, int64_t until_ms);
  // Stores a computed window; it stays dirty when it was touched meanwhile.
  void store(sql::Connection& connection, const std::string& monitor, const WindowView& window,
             const WindowResult& result);

  struct Range {
    std::string from, to;             // window ids, inclusive; empty: open
    std::optional<int64_t> start_ms;  // of the page
    int64_t limit = 90;
  };
  WindowPage list(const std::string& monitor, const Range& range);
  std::optional<WindowView> find(const std::string& monitor, const std::string& id);
  std::optional<WindowView> newest_computed(const std::string& monitor);
  // The newest computed window in which quality is mature, or (any_labels) some rows have labels.
  std::optional<WindowView> newest_labelled(const std::string& monitor, bool mature_only);
  WindowCounts counts(const std::string& monitor);
  // Of the first computed window with enough rows whose main version is this one, before `start_ms`.
  PredictionBaseline baseline(const std::string& monitor, const std::string& model, const std::string& version,
                              int64_t start_ms, int64_t min_rows);

 private:
  void reload();
  std::vector<std::shared_ptr<const MonitorEntry>> of_endpoint(std::string_view endpoint) const;

  sql::Database& database_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const MonitorEntry>> monitors_;  // guarded by mutex_
};

}  // namespace fettle::monitoring
