// Monitoring of models in service: logs every prediction, joins labels, computes windows, judges alerts. One object
// owns the parts and two threads: one writes the log, one evaluates and notifies. Serving goes on whatever happens
// here: the log is bounded and drops are counted.
//
//   Monitoring m(database, references, webhooks, clock, registry, {});
//   m.start();  …  m.offer(std::move(batch));  …  m.evaluate("flights-monthly", std::nullopt);
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/sync.h"
#include "metrics/registry.h"
#include "monitoring/alert.h"
#include "monitoring/alert_store.h"
#include "monitoring/label_store.h"
#include "monitoring/prediction_log.h"
#include "monitoring/prediction_reader.h"
#include "monitoring/reference.h"
#include "monitoring/window_compute.h"
#include "monitoring/window_store.h"

namespace fettle::monitoring {

struct MonitoringConfig {
  PredictionLogConfig log;
  LabelStoreConfig labels;
  int64_t flush_interval_ms = 100;           // what kill -9 may lose; 10 to 10,000
  int64_t evaluate_interval_ms = 1000;       // how often windows are closed and dirty ones recomputed
  int64_t upkeep_interval_ms = 60'000;       // how often small log segments are merged and old ones removed
  int64_t retention_ms = 90LL * 86'400'000;  // of logged predictions by arrival, where an endpoint has none of its own
};

struct Evaluation {
  std::vector<std::string> closed;  // window ids, oldest first
  std::vector<std::string> recomputed;
  std::vector<AlertEvent> alerts;  // transitions, in order
  int64_t took_ms = 0;
};

// A monitor as people see it.
struct MonitorSummary {
  std::shared_ptr<const MonitorEntry> monitor;
  std::string state;    // "ok", "drifted", "degraded" (an alert of it fires), "insufficient_data", "no_windows"
  std::string verdict;  // one sentence
  int64_t windows = 0;
  std::string last_window;              // newest computed; empty: none
  std::optional<int64_t> watermark_ms;  // newest logged event
  int64_t lag_ms = 0;                   // since the last evaluation, while windows wait for one
};

// Thread-safe.
class Monitoring {
 public:
  Monitoring(sql::Database& database, ReferenceSource& references, AlertSink& sink, const Clock& clock,
             metrics::Registry& registry, MonitoringConfig config = {});
  ~Monitoring();
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  void start();
  // Writes what is queued, then joins the threads. Idempotent.
  void stop();

  // Data plane; never waits. False: dropped and counted.
  bool offer(PredictionBatch&& batch) { return log_.offer(std::move(batch)); }
  // Everything offered before is durable when it returns. Throws what the database threw; nothing is lost by that.
  void flush();

  // Resources. Idempotent per spec; invalid_argument as parse_monitor_spec and parse_alert_spec.
  void put_monitor(const std::string& name, const std::string& spec_json, int64_t generation);
  void remove_monitor(const std::string& name) { windows_.remove(name); }
  void put_alert(const std::string& name, const std::string& spec_json, int64_t generation) {
    alerts_.put(name, spec_json, generation);
  }
  void remove_alert(const std::string& name) { alerts_.remove(name); }
  void add_listener(AlertListener& listener);  // before start; outlives this

  // Flushes first, so that a label may follow its prediction at once.
  LabelReport post_labels(const std::vector<LabelRow>& rows);

  // Flushes, closes every window that ends at or before `until_ms` (default: the newest event time), recomputes dirty
  // ones, judges the alerts in order of time, tells the listeners. Repeating it changes nothing.
  Evaluation evaluate(const std::string& monitor, std::optional<int64_t> until_ms);
  // As the background does: windows whose end + grace the newest event has reached, and dirty ones that have come to
  // rest.
  void evaluate_due();

  // How long an endpoint's predictions are kept (Endpoint.log.retention_ms).
  void set_retention(const std::string& endpoint, int64_t retention_ms);
  // Removes what is older than its retention and merges small segments; the background calls it.
  void keep_up();

  MonitorSummary summary(const std::string& monitor);
  std::vector<MonitorSummary> summaries();
  std::optional<int64_t> watermark_ms(const std::string& endpoint);

  AlertStore& alerts() { return alerts_; }
  WindowStore& windows() { return windows_; }
  LabelStore& labels() { return labels_; }
  PredictionReader& predictions() { return reader_; }
  PredictionLog& log() { return log_; }

 private:
  void backfill(const MonitorEntry& monitor);
  Evaluation run(const MonitorEntry& monitor, int64_t until_ms, bool only_rested);
  void compute(const MonitorEntry& monitor, const WindowView& window, Evaluation& evaluation);
  void publish(const MonitorEntry& monitor, const WindowResult& result);
  MonitorSummary summarize(const std::shared_ptr<const MonitorEntry>& monitor, const std::vector<AlertView>& alerts);
  void flush_loop();
  void judge_loop();
  // False when stopping.
  bool wait(int64_t ms);

  sql::Database& database_;
  AlertSink& sink_;
  const Clock& clock_;
  metrics::Registry& registry_;
  const MonitoringConfig config_;
  PredictionLog log_;
  LabelStore labels_;
  ReferenceCache references_;
  WindowStore windows_;
  WindowComputer computer_;
  AlertStore alerts_;
  PredictionReader reader_;
  const LabelStore::Touch touch_;
  std::vector<AlertListener*> listeners_;
  metrics::Counter& errors_;
  metrics::Gauge& queue_share_;

  std::mutex evaluate_mutex_;
  std::map<std::string, int64_t> resting_;  // "MONITOR/ID" -> touches at the last look; guarded by evaluate_mutex_
  std::atomic<int64_t> evaluated_ms_{0};

  Sync<std::map<std::string, int64_t>> retention_ms_;  // by endpoint

  std::mutex stop_mutex_;
  std::condition_variable stopping_;
  bool stop_ = true;
  std::jthread flusher_;
  std::jthread judge_;
};

}  // namespace fettle::monitoring
