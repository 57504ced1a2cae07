#include "monitoring/monitoring.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/thread_pool.h"
#include "journal/journal.h"

namespace fettle::monitoring {

Monitoring::Monitoring(sql::Database& database, ReferenceSource& references, AlertSink& sink, const Clock& clock,
                       metrics::Registry& registry, MonitoringConfig config)
    : database_(database),
      sink_(sink),
      clock_(clock),
      registry_(registry),
      config_(config),
      log_(database, clock, registry, config.log),
      labels_(database, log_, clock, config.labels),
      references_(references),
      windows_(database),
      computer_(database, log_, labels_, references_),
      alerts_(database, clock, registry),
      reader_(database, log_, labels_),
      touch_([this](sql::Connection& connection, std::string_view endpoint, const std::vector<int64_t>& event_ms) {
        return windows_.touch(connection, endpoint, event_ms);
      }),
      errors_(registry.counter("fettle_monitoring_errors_total",
                               "Background steps of monitoring that failed and are tried again.")),
      queue_share_(
          registry.gauge("fettle_prediction_log_queue_share", "How full the queue of the prediction log is, 0 to 1.")) {
  registry.on_collect([this] { queue_share_.set(log_.queue_share()); });
}

Monitoring::~Monitoring() { stop(); }

void Monitoring::start() {
  std::lock_guard lock(stop_mutex_);
  if (!stop_) return;
  stop_ = false;
  flusher_ = std::jthread([this] { flush_loop(); });
  judge_ = std::jthread([this] { judge_loop(); });
}

void Monitoring::stop() {
  {
    std::lock_guard lock(stop_mutex_);
    if (stop_) return;
    stop_ = true;
  }
  stopping_.notify_all();
  flusher_.join();
  judge_.join();
  try {
    flush();
  } catch (const std::exception& error) {
    log_error("the last predictions could not be written", {{"error", error.what()}});
  }
}

bool Monitoring::wait(int64_t ms) {
  std::unique_lock lock(stop_mutex_);
  stopping_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stop_; });
  return !stop_;
}

void Monitoring::flush_loop() {
  name_thread("monitor-log");
  int64_t pause = config_.flush_interval_ms;
  while (wait(pause)) {
    try {
      flush();
      pause = config_.flush_interval_ms;
    } catch (const std::exception& error) {
      errors_.add();
      pause = std::min<int64_t>(pause * 2, 5000);
      log_error("predictions could not be written, they stay queued",
                {{"error", error.what()}, {"queue_share", log_.queue_share()}});
    }
  }
}

void Monitoring::judge_loop() {
  name_thread("monitor-judge");
  int64_t kept_up_ns = clock_.steady_ns();
  while (wait(config_.evaluate_interval_ms)) {
    try {
      evaluate_due();
      alerts_.deliver(sink_);
      if (clock_.steady_ns() - kept_up_ns < config_.upkeep_interval_ms * 1'000'000) continue;
      kept_up_ns = clock_.steady_ns();
      keep_up();
    } catch (const std::exception& error) {
      errors_.add();
      log_error("windows could not be evaluated", {{"error", error.what()}});
    }
  }
}

void Monitoring::set_retention(const std::string& endpoint, int64_t retention_ms) {
  retention_ms_.with([&](auto& by_endpoint) { by_endpoint[endpoint] = retention_ms; });
}

void Monitoring::keep_up() {
  for (const auto& endpoint : log_.endpoints()) {
    int64_t keep = retention_ms_.with([&](auto& by_endpoint) {
      auto at = by_endpoint.find(endpoint);
      return at == by_endpoint.end() ? config_.retention_ms : at->second;
    });
    log_.expire(endpoint, clock_.now_ms() - keep);
    while (log_.compact(endpoint) > 0) {
    }
  }
}

void Monitoring::flush() {
  log_.flush([this](sql::Connection& connection, const std::vector<LogBlock>& blocks) {
    windows_.note_rows(connection, blocks);
    labels_.join_pending(connection, blocks, touch_);
  });
}

void Monitoring::put_monitor(const std::string& name, const std::string& spec_json, int64_t generation) {
  if (windows_.put(name, spec_json, generation)) backfill(*windows_.get(name));
}

// A monitor that is younger than the log gets the windows of what was logged before.
void Monitoring::backfill(const MonitorEntry& monitor) {
  flush();
  auto ids = database_.read([&](sql::Connection& connection) {
    return connection.query("select id from prediction_segments where endpoint = $1 order by id",
                            monitor.spec.endpoint);
  });
  constexpr size_t kAtOnce = 100;
  for (size_t first = 0; first < ids.size(); first += kAtOnce) {
    database_.write([&](sql::Connection& connection) {
      for (size_t i = first; i < std::min(first + kAtOnce, ids.size()); ++i) {
        auto row = connection.query_one("select head from prediction_segments where id = $1", ids[i].view(0));
        if (!row) continue;
        auto blocks = outcome_of([&] { return decode_head(row->view(0)); });
        if (!blocks) continue;  // damaged: counted when its window is computed
        for (const auto& block : *blocks) windows_.note_events(connection, monitor, block.event_ms);
      }
    });
  }
}

void Monitoring::add_listener(AlertListener& listener) { listeners_.push_back(&listener); }

LabelReport Monitoring::post_labels(const std::vector<LabelRow>& rows) {
  flush();
  return labels_.post(rows, touch_);
}

std::optional<int64_t> Monitoring::watermark_ms(const std::string& endpoint) {
  return database_.read([&](sql::Connection& connection) { return log_.newest_event_ms(connection, endpoint); });
}

Evaluation Monitoring::evaluate(const std::string& name, std::optional<int64_t> until_ms) {
  auto monitor = windows_.get(name);
  flush();
  int64_t until = until_ms ? *until_ms : watermark_ms(monitor->spec.endpoint).value_or(0);
  return run(*monitor, until, false);
}

void Monitoring::evaluate_due() {
  for (const auto& monitor : windows_.monitors()) {
    auto newest = watermark_ms(monitor->spec.endpoint);
    if (newest) run(*monitor, *newest - monitor->spec.grace_ms, true);
  }
  evaluated_ms_ = clock_.now_ms();
}

Evaluation Monitoring::run(const MonitorEntry& monitor, int64_t until_ms, bool only_rested) {
  std::lock_guard one(evaluate_mutex_);
  Evaluation evaluation;
  int64_t start = clock_.steady_ns();
  for (const auto& window : windows_.due(monitor.name, until_ms)) {
    if (only_rested) {
      // Labels arrive in many posts: a dirty window is recomputed when nothing touched it since the last look.
      int64_t& seen = resting_.try_emplace(monitor.name + "/" + window.id, -1).first->second;
      if (std::exchange(seen, window.touches) != window.touches) continue;
    }
    resting_.erase(monitor.name + "/" + window.id);
    compute(monitor, window, evaluation);
  }
  evaluation.took_ms = (clock_.steady_ns() - start) / 1'000'000;
  return evaluation;
}

void Monitoring::compute(const MonitorEntry& monitor, const WindowView& window, Evaluation& evaluation) {
  FindBaseline baseline = [&](const std::string& model, const std::string& version) {
    return windows_.baseline(monitor.name, model, version, window.start_ms, monitor.spec.min_rows);
  };
  WindowResult result = computer_.compute({monitor.spec, {window.start_ms, window.end_ms}, baseline});
  int64_t now = clock_.now_ms();
  auto events = database_.write([&](sql::Connection& connection) {
    windows_.store(connection, monitor.name, window, result);
    journal::Node node{"window", monitor.name + "/" + result.id};
    for (const auto& revision : result.revisions)
      journal::add_edge(connection, {{"endpoint_revision", revision}, node, "counted", now});
    return alerts_.judge(connection, monitor.name, monitor.spec.endpoint, result);
  });
  (window.state == "open" ? evaluation.closed : evaluation.recomputed).push_back(window.id);
  publish(monitor, result);
  for (const auto& event : events) {
    log_info("an alert changed", {{"alert", event.alert},
                                  {"from", state_name(event.from)},
                                  {"to", state_name(event.to)},
                                  {"reason", event.reason}});
    for (auto* listener : listeners_) listener->on_alert(event);
    evaluation.alerts.push_back(event);
  }
}

// The newest window's values on /metrics; what is not computable keeps its last value, as Prometheus has no "unknown".
void Monitoring::publish(const MonitorEntry& monitor, const WindowResult& result) {
  auto newest = windows_.newest_computed(monitor.name);
  if (!newest || newest->id != result.id) return;
  for (const auto& [name, value] : result.metrics) {
    if (std::isnan(value)) continue;
    registry_
        .gauge("fettle_monitor_metric", "A metric of a monitor's newest computed window.",
               {{"monitor", monitor.name}, {"metric", name}})
        .set(value);
  }
  for (const auto& feature : result.features) {
    if (feature.status != FeatureStatus::ok) continue;
    registry_
        .gauge("fettle_monitor_feature_drift", "Drift score of a feature in a monitor's newest computed window.",
               {{"monitor", monitor.name}, {"feature", feature.name}})
        .set(feature.score);
  }
}

MonitorSummary Monitoring::summarize(const std::shared_ptr<const MonitorEntry>& monitor,
                                     const std::vector<AlertView>& alerts) {
  MonitorSummary summary{.monitor = monitor, .state = "no_windows", .verdict = "no window has been computed yet"};
  WindowCounts counts = windows_.counts(monitor->name);
  summary.windows = counts.windows;
  summary.watermark_ms = watermark_ms(monitor->spec.endpoint);
  if (counts.dirty > 0 && evaluated_ms_ > 0) summary.lag_ms = std::max<int64_t>(0, clock_.now_ms() - evaluated_ms_);
  auto newest = windows_.newest_computed(monitor->name);
  if (!newest || !newest->result) return summary;
  const WindowResult& w = *newest->result;
  summary.last_window = w.id;
  int64_t judged = 0;
  for (const auto& f : w.features) judged += f.status == FeatureStatus::ok && !f.name.starts_with("fettle_");
  double drifted = w.metrics.at("drifted_features");
  bool fires = std::any_of(alerts.begin(), alerts.end(), [&](const AlertView& a) {
    return a.monitor == monitor->name && a.memory.state == AlertState::firing;
  });
  summary.state = w.status == "drifted"             ? "drifted"
                  : w.status == "insufficient_data" ? "insufficient_data"
                  : fires                           ? "degraded"
                                                    : "ok";
  std::string labels = fmt::format("labels cover {:.0f} %", 100 * w.metrics.at("label_coverage"));
  if (w.status == "insufficient_data") {
    summary.verdict = fmt::format("{} rows in {}, needs {}; {}", w.rows, w.id, monitor->spec.min_rows, labels);
  } else if (std::isnan(drifted)) {
    summary.verdict = fmt::format("no training reference to compare {} with; {}", w.id, labels);
  } else {
    summary.verdict = fmt::format("drift in {} of {} features in {}; {}", drifted, judged, w.id, labels);
  }
  return summary;
}

MonitorSummary Monitoring::summary(const std::string& monitor) {
  return summarize(windows_.get(monitor), alerts_.list());
}

std::vector<MonitorSummary> Monitoring::summaries() {
  auto alerts = alerts_.list();
  std::vector<MonitorSummary> all;
  for (const auto& monitor : windows_.monitors()) all.push_back(summarize(monitor, alerts));
  return all;
}

}  // namespace fettle::monitoring
