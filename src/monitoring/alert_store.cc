#include "monitoring/alert_store.h"

#include <algorithm>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "journal/journal.h"

namespace fettle::monitoring {
namespace {

constexpr int64_t kAttemptsLimit = 8;
constexpr int64_t kFirstRetryMs = 1000;
constexpr int64_t kLastRetryMs = 300'000;

constexpr std::string_view kColumns =
    "a.name, a.monitor, a.spec, a.generation, a.state, a.holding, a.clear, a.value, a.window_id, a.window_start_ms, "
    "a.since_ms, a.reason, "
    "a.acknowledged_by, a.acknowledged_ms, a.acknowledged_reason, a.silenced_until_ms, coalesce(m.endpoint, '')";

AlertView view_from(const sql::Row& row) {
  AlertView v;
  v.name = row.text(0);
  v.monitor = row.text(1);
  v.spec_json = row.text(2);
  v.spec = parse_alert_spec(v.spec_json);
  v.generation = row.integer(3);
  v.memory = {parse_state(row.view(4)).value_or(AlertState::inactive), row.integer(5), row.integer(6)};
  v.value = row.find_real(7);
  v.window_id = row.text(8);
  v.window_start_ms = row.integer(9);
  v.since_ms = row.integer(10);
  v.reason = row.text(11);
  v.acknowledged_by = row.text(12);
  v.acknowledged_ms = row.integer(13);
  v.acknowledged_reason = row.text(14);
  v.silenced_until_ms = row.integer(15);
  v.endpoint = row.text(16);
  return v;
}

AlertObservation observe(const AlertSpec& spec, const WindowResult& window) {
  AlertObservation seen{.window_id = window.id, .window_start_ms = window.start_ms};
  seen.value = window.value(spec, seen.why_no_value);
  bool judged = window.status == "ok" || window.status == "drifted";
  seen.impossible = judged && !spec.feature.empty() && window.feature(spec.feature) == nullptr;
  return seen;
}

}  // namespace

AlertStore::AlertStore(sql::Database& database, const Clock& clock, metrics::Registry& registry)
    : database_(database),
      clock_(clock),
      sent_(registry.counter("fettle_alert_notifications_total", "Webhook notifications by outcome.",
                             {{"outcome", "sent"}})),
      failed_(registry.counter("fettle_alert_notifications_total", "Webhook notifications by outcome.",
                               {{"outcome", "failed"}})) {}

void AlertStore::put(const std::string& name, const std::string& spec_json, int64_t generation) {
  AlertSpec spec = parse_alert_spec(spec_json);
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "insert into alerts (name, monitor, spec, generation, state, holding, clear, value, window_id, "
        "window_start_ms, since_ms, reason, "
        "before_state, before_holding, before_clear, acknowledged_by, acknowledged_ms, acknowledged_reason, "
        "silenced_until_ms) "
        "values ($1, $2, $3, $4, 'inactive', 0, 0, null, '', -1, $5, '', 'inactive', 0, 0, '', 0, '', 0) "
        "on conflict (name) do update set monitor = excluded.monitor, spec = excluded.spec, generation = "
        "excluded.generation",
        name, spec.monitor, spec_json, generation, now);
  });
}

void AlertStore::remove(const std::string& name) {
  database_.write([&](sql::Connection& connection) {
    connection.exec("delete from alerts where name = $1", name);
    connection.exec("delete from alert_transitions where alert = $1", name);
  });
}

std::vector<AlertView> AlertStore::load(sql::Connection& connection, std::string_view where,
                                        std::string_view argument) {
  std::vector<AlertView> found;
  auto text = fmt::format("select {} from alerts a left join monitors m on m.name = a.monitor where {} order by a.name",
                          kColumns, where);
  for (const auto& row : connection.query(text, argument)) found.push_back(view_from(row));
  return found;
}

std::vector<AlertView> AlertStore::list() {
  return database_.read([&](sql::Connection& connection) { return load(connection, "$1 = ''", ""); });
}

AlertView AlertStore::get(const std::string& name) {
  auto all = list();
  std::vector<std::string> names;
  for (auto& alert : all) {
    if (alert.name == name) return alert;
    names.push_back(alert.name);
  }
  auto near = nearest(name, names);
  fail(Code::not_found, "there is no alert '{}'{}", name, near ? fmt::format(", did you mean '{}'?", *near) : "");
}

std::vector<AlertTransition> AlertStore::transitions(const std::string& name, int64_t limit) {
  return database_.read([&](sql::Connection& connection) {
    std::vector<AlertTransition> found;
    for (const auto& row :
         connection.query("select id, window_id, from_state, to_state, reason, decision, notification, value, at_ms "
                          "from alert_transitions where alert = $1 order by id desc limit $2",
                          name, limit)) {
      found.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5), row.text(6),
                       row.find_real(7), row.integer(8)});
    }
    return found;
  });
}

void AlertStore::silence(const std::string& name, int64_t until_ms, const std::string& by, const std::string& reason) {
  get(name);
  int64_t now = clock_.now_ms();
  int64_t until = until_ms > now ? until_ms : 0;
  database_.write([&](sql::Connection& connection) {
    connection.exec("update alerts set silenced_until_ms = $2 where name = $1", name, until);
    std::string detail = format_silence(until, reason);
    journal::record_audit(connection, {.actor = by,
                                       .action = until > 0 ? "alert.silence" : "alert.unsilence",
                                       .subject = "alert/" + name,
                                       .detail = detail,
                                       .at_ms = now});
  });
}

void AlertStore::acknowledge(const std::string& name, const std::string& by, const std::string& reason) {
  get(name);
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& connection) {
    connection.exec(
        "update alerts set acknowledged_by = $2, acknowledged_ms = $3, acknowledged_reason = $4 where name = $1", name,
        by, now, reason);
    journal::record_audit(connection, {.actor = by,
                                       .action = "alert.ack",
                                       .subject = "alert/" + name,
                                       .detail = format_silence(0, reason),
                                       .at_ms = now});
  });
}

void AlertStore::store_state(sql::Connection& connection, const AlertView& a, const AlertMemory& before) {
  connection.exec(
      "update alerts set state = $2, holding = $3, clear = $4, value = $5, window_id = $6, window_start_ms = $7, "
      "since_ms = $8, reason = $9, "
      "before_state = $10, before_holding = $11, before_clear = $12, acknowledged_by = $13, acknowledged_ms = $14, "
      "acknowledged_reason = $15 "
      "where name = $1",
      a.name, state_name(a.memory.state), a.memory.holding, a.memory.clear, a.value, a.window_id, a.window_start_ms,
      a.since_ms, a.reason, state_name(before.state), before.holding, before.clear, a.acknowledged_by,
      a.acknowledged_ms, a.acknowledged_reason);
}

AlertEvent AlertStore::record(sql::Connection& connection, const AlertView& alert, AlertState from,
                              const AlertStep& step, const AlertObservation& seen, const AlertMemory& saw,
                              const WindowResult& window) {
  int64_t now = clock_.now_ms();
  AlertEvent event{.alert = alert.name,
                   .monitor = alert.monitor,
                   .endpoint = alert.endpoint,
                   .severity = alert.spec.severity,
                   .from = from,
                   .to = step.next.state,
                   .window_id = window.id,
                   .window_start_ms = window.start_ms,
                   .window_end_ms = window.end_ms,
                   .value = seen.value,
                   .expr = alert.spec.expr,
                   .threshold = alert.spec.threshold,
                   .reason = step.reason,
                   .labels = alert.spec.labels,
                   .at_ms = now};
  event.decision = journal::record_decision(connection, {.kind = "alert",
                                                         .subject = alert.name,
                                                         .verdict = step.verdict,
                                                         .reason = step.reason,
                                                         .policy_version = std::to_string(alert.generation),
                                                         .observations = format_observation(alert.spec, saw, seen),
                                                         .actor = "system",
                                                         .at_ms = now});
  std::string detail = fmt::format("{{\"from\":\"{}\",\"to\":\"{}\",\"window\":\"{}\"}}", state_name(from),
                                   state_name(step.next.state), window.id);
  journal::record_audit(connection, {.actor = "system",
                                     .action = "alert.transition",
                                     .subject = "alert/" + alert.name,
                                     .detail = detail,
                                     .at_ms = now});
  journal::Node alert_node{"alert", alert.name};
  journal::add_edge(connection, {{"window", alert.monitor + "/" + window.id}, alert_node, "evaluated", now});
  journal::add_edge(connection, {alert_node, {"decision", event.decision}, "triggered", now});
  bool tells = event.to == AlertState::firing || (from == AlertState::firing && event.to != AlertState::firing);
  std::string notification = !tells || alert.spec.webhook_url.empty() ? "none"
                             : alert.silenced_until_ms > now          ? "silenced"
                                                                      : "pending";
  connection.exec(
      "insert into alert_transitions (id, alert, at_ms, window_id, from_state, to_state, value, reason, decision, "
      "notification, attempts, "
      "next_attempt_ms, url, timeout_ms, body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $3, $11, $12, $13)",
      new_id(now), alert.name, now, window.id, state_name(from), state_name(event.to), seen.value, step.reason,
      event.decision, notification, alert.spec.webhook_url, alert.spec.webhook_timeout_ms,
      notification == "pending" ? format_webhook(event, event.to == AlertState::firing ? now : alert.since_ms)
                                : std::string());
  return event;
}

std::vector<AlertEvent> AlertStore::judge(sql::Connection& connection, const std::string& monitor,
                                          const std::string& endpoint, const WindowResult& window) {
  std::vector<AlertEvent> events;
  for (auto& alert : load(connection, "a.monitor = $1", monitor)) {
    alert.endpoint = endpoint;
    if (window.start_ms < alert.window_start_ms) continue;
    AlertMemory start = alert.memory;
    if (window.start_ms == alert.window_start_ms) {  // judged before: as if that had not happened
      auto row = connection.query_one("select before_state, before_holding, before_clear from alerts where name = $1",
                                      alert.name);
      start = {parse_state(row->view(0)).value_or(AlertState::inactive), row->integer(1), row->integer(2)};
    }
    AlertObservation seen = observe(alert.spec, window);
    AlertStep step = judge_alert(alert.spec, start, seen);
    if (!step.judged) continue;
    AlertState from = alert.memory.state;
    // What fired and is taken back by a recomputed window is resolved, not forgotten.
    if (from == AlertState::firing && step.next.state != AlertState::firing) step.next.state = AlertState::resolved;
    bool changed = from != step.next.state;
    if (changed) {
      step.verdict = step.next.state == AlertState::firing     ? "fire"
                     : step.next.state == AlertState::resolved ? "resolve"
                                                               : "hold";
      events.push_back(record(connection, alert, from, step, seen, start, window));
      alert.since_ms = clock_.now_ms();
      if (step.next.state == AlertState::firing) {
        alert.acknowledged_by.clear();
        alert.acknowledged_reason.clear();
        alert.acknowledged_ms = 0;
      }
    }
    alert.memory = step.next;
    alert.value = seen.value;
    alert.window_id = window.id;
    alert.window_start_ms = window.start_ms;
    alert.reason = step.reason;
    store_state(connection, alert, start);
  }
  return events;
}

int64_t AlertStore::deliver(AlertSink& sink) {
  int64_t now = clock_.now_ms();
  struct Due {
    std::string id, alert;
    WebhookRequest request;
    int64_t attempts;
  };
  auto due = database_.read([&](sql::Connection& connection) {
    std::vector<Due> found;
    for (const auto& row :
         connection.query("select id, alert, url, body, timeout_ms, attempts from alert_transitions "
                          "where notification = 'pending' and next_attempt_ms <= $1 order by id limit 20",
                          now)) {
      found.push_back({row.text(0), row.text(1), {row.text(2), row.text(3), row.integer(4)}, row.integer(5)});
    }
    return found;
  });
  int64_t finished = 0;
  for (const auto& item : due) {
    WebhookAnswer answer = sink.deliver(item.request);
    bool sent = answer.status >= 200 && answer.status < 300;
    bool again = !sent && (answer.status == 0 || answer.status == 429 || answer.status >= 500) &&
                 item.attempts + 1 < kAttemptsLimit;
    int64_t wait = std::min(kLastRetryMs, kFirstRetryMs << std::min<int64_t>(item.attempts, 10));
    std::string state = sent ? "sent" : again ? "pending" : "failed";
    database_.write([&](sql::Connection& connection) {
      connection.exec(
          "update alert_transitions set notification = $2, attempts = attempts + 1, next_attempt_ms = $3 where id = $1",
          item.id, state, clock_.now_ms() + wait);
    });
    if (again) continue;
    ++finished;
    (sent ? sent_ : failed_).add();
    if (!sent)
      log_warn("a notification was given up",
               {{"alert", item.alert}, {"status", answer.status}, {"error", answer.error}});
  }
  return finished;
}

}  // namespace fettle::monitoring
