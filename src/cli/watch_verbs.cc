// monitor, drift, labels, alerts, retrain, validate.
#include <cstdio>

#include "base/clock.h"
#include "base/time_text.h"
#include "base/uri.h"
#include "cli/verb.h"

namespace fettle::cli {
namespace {

int list_monitors(const Context& context) {
  context.print(context.api.get("/monitors"), {{"NAME", "name"},
                                               {"ENDPOINT", "endpoint"},
                                               {"STATE", "state"},
                                               {"WINDOWS", "windows", CellKind::integer},
                                               {"LAST", "last_window"},
                                               {"VERDICT", "verdict"}});
  return kDone;
}

int show_monitor(const Context& context) {
  json::Value windows =
      context.api.get("/monitors/" + percent_encode(context.name(0, "a monitor")) + "/windows?limit=100");
  context.print(windows, {{"WINDOW", "id"},
                          {"STATUS", "status"},
                          {"ROWS", "metrics.rows", CellKind::integer},
                          {"LABELLED", "metrics.label_coverage", CellKind::percent},
                          {"DRIFT SHARE", "metrics.drift_share", CellKind::number},
                          {"SCORE", "metrics.score_mean", CellKind::number},
                          {"RATE", "metrics.label_rate", CellKind::number},
                          {"AUC", "metrics.auc", CellKind::number},
                          {"LOG LOSS", "metrics.log_loss", CellKind::number},
                          {"CALIBRATION", "metrics.calibration_error", CellKind::number},
                          {"MISSING", "metrics.missing_rate", CellKind::percent}});
  return kDone;
}

int drift(const Context& context) {
  json::Value windows =
      context.api.get("/monitors/" + percent_encode(context.name(0, "a monitor")) + "/windows?limit=1000");
  const auto& items = windows.at("items").as_array();
  std::string wanted = context.parsed.get("--window");
  for (auto it = items.rbegin(); it != items.rend(); ++it) {
    if (!wanted.empty() && it->at("id").as_string() != wanted) continue;
    json::Array features = it->at("features").as_array();
    if (!context.json)
      std::printf("window %s: %s\n", it->at("id").as_string().c_str(), it->at("status").as_string().c_str());
    context.print(json::Object{{"items", features}}, {{"FEATURE", "name"},
                                                      {"DRIFTED", "drifted"},
                                                      {"TEST", "test"},
                                                      {"SCORE", "score", CellKind::number},
                                                      {"THRESHOLD", "threshold", CellKind::number},
                                                      {"Q", "q_value", CellKind::number},
                                                      {"MISSING", "missing_rate", CellKind::percent},
                                                      {"MEAN", "mean", CellKind::number},
                                                      {"TRAINING", "reference_mean", CellKind::number}});
    bool drifted = it->at("status").as_string() == "drifted";
    return drifted && context.parsed.has("--exit-code") ? kNeedsYou : kDone;
  }
  fail(Code::not_found, "no window{}", wanted.empty() ? " yet" : fmt::format(" '{}'", wanted));
}

int labels_status(const Context& context) {
  context.print(context.api.get("/labels/status?endpoint=" + percent_encode(context.name(0, "an endpoint"))));
  return kDone;
}

int list_alerts(const Context& context) {
  json::Value alerts = context.api.get("/alerts");
  context.print(alerts, {{"NAME", "name"},
                         {"STATE", "state"},
                         {"EXPR", "expr"},
                         {"VALUE", "value", CellKind::number},
                         {"WINDOW", "window"},
                         {"SEVERITY", "severity"},
                         {"MONITOR", "monitor"}});
  if (!context.parsed.has("--exit-code")) return kDone;
  for (const auto& alert : alerts.at("items").as_array()) {
    if (alert.at("state").as_string() == "firing") return kNeedsYou;
  }
  return kDone;
}

int show_alert(const Context& context) {
  json::Value alert = context.api.get("/alerts/" + percent_encode(context.name(0, "an alert")));
  if (context.json) {
    context.print(alert);
    return kDone;
  }
  std::printf("%s  %s  %s\n", alert.at("name").as_string().c_str(), alert.at("state").as_string().c_str(),
              alert.at("expr").as_string().c_str());
  context.print(json::Object{{"items", alert.at("transitions")}}, {{"WHEN", "at_ms", CellKind::time},
                                                                   {"WINDOW", "window"},
                                                                   {"FROM", "from"},
                                                                   {"TO", "to"},
                                                                   {"VALUE", "value", CellKind::number},
                                                                   {"REASON", "reason"}});
  return kDone;
}

int silence(const Context& context) {
  auto duration_ms = parse_duration_ms(context.parsed.get("--for", "2h"));
  if (!duration_ms)
    fail(Code::invalid_argument, "--for '{}': expected a duration such as 30m, 2h, 7d", context.parsed.get("--for"));
  json::Object body{
      {"until_ms", SystemClock().now_ms() + *duration_ms}, {"by", "cli"}, {"reason", context.parsed.get("--reason")}};
  context.print(context.api.post("/alerts/" + percent_encode(context.name(0, "an alert")) + "/silence", body));
  return kDone;
}

int acknowledge(const Context& context) {
  json::Object body{{"by", "cli"}, {"reason", context.parsed.get("--reason")}};
  context.print(context.api.post("/alerts/" + percent_encode(context.name(0, "an alert")) + "/ack", body));
  return kDone;
}

int list_policies(const Context& context) {
  context.print(context.api.get("/retraining/policies"), {{"NAME", "name"},
                                                          {"ENDPOINT", "endpoint"},
                                                          {"MODEL", "model"},
                                                          {"NEW LABELS", "new_labels", CellKind::integer},
                                                          {"REJECTIONS", "rejections", CellKind::integer},
                                                          {"CIRCUIT", "circuit"},
                                                          {"RUNNING", "running"},
                                                          {"LAST", "last_decision.reason"}});
  return kDone;
}

int list_retrainings(const Context& context) {
  context.print(context.api.get("/retraining/runs"), {{"ID", "id"},
                                                      {"POLICY", "policy"},
                                                      {"STATE", "state"},
                                                      {"ALERT", "alert"},
                                                      {"CANDIDATE", "candidate"},
                                                      {"GATE", "gate_verdict"},
                                                      {"STARTED", "started_at_ms", CellKind::time},
                                                      {"CPU", "cost.cpu_ms", CellKind::duration},
                                                      {"REASON", "reason"}});
  return kDone;
}

int retrain_now(const Context& context) {
  json::Object body{{"by", "cli"}, {"reason", context.parsed.get("--reason")}};
  json::Value run =
      context.api.post("/retraining/policies/" + percent_encode(context.name(0, "a policy")) + "/run", body);
  if (context.json) {
    context.print(run);
  } else {
    context.say(fmt::format("started retraining-run/{}", run.at("id").as_string().c_str()));
    context.hint("fettle retrain runs");
  }
  return kDone;
}

int list_decisions(const Context& context) {
  std::string kind = context.parsed.get("--kind");
  context.print(context.api.get("/decisions?limit=50" + (kind.empty() ? "" : "&kind=" + percent_encode(kind))),
                {{"WHEN", "at_ms", CellKind::time},
                 {"KIND", "kind"},
                 {"SUBJECT", "subject"},
                 {"VERDICT", "verdict"},
                 {"REASON", "reason"}});
  return kDone;
}

int validate(const Context& context) {
  std::string gate = context.parsed.get("--gate");
  if (gate.empty()) fail(Code::invalid_argument, "--gate NAME is missing");
  json::Object data;
  if (context.parsed.has("--monitor")) {
    data["labelled"] = json::Object{{"monitor", context.parsed.get("--monitor")},
                                    {"window", context.parsed.get("--window", "latest")}};
  } else if (context.parsed.has("--run") && context.parsed.has("--path")) {
    data["artifact"] = json::Object{{"run_id", context.parsed.get("--run")}, {"path", context.parsed.get("--path")}};
  } else {
    fail(Error{
        Code::invalid_argument, "which data?", {}, "--monitor NAME [--window ID], or --run ID --path reference.csv"});
  }
  json::Object body{{"candidate", context.name(0, "a model version")}, {"data", data}, {"by", "cli"}};
  if (context.parsed.has("--champion")) body["champion"] = context.parsed.get("--champion");
  json::Value report = context.api.post("/gates/" + percent_encode(gate) + "/runs", body);
  std::string format = context.parsed.get("--report");
  if (format == "md" || format == "junit") {
    std::string id(report.at("id").as_string());
    std::fputs(context.api.text("GET", "/gate-reports/" + id + "?format=" + format).c_str(), stdout);
  } else if (context.json || format == "json") {
    std::printf("%s\n", json::format(report).c_str());
  } else {
    std::printf("%s: %s\n", report.at("verdict").as_string().c_str(), report.at("reason").as_string().c_str());
    context.print(json::Object{{"items", report.at("checks")}}, {{"GROUP", "group"},
                                                                 {"CHECK", "name"},
                                                                 {"VERDICT", "verdict"},
                                                                 {"VALUE", "value", CellKind::number},
                                                                 {"CHAMPION", "champion", CellKind::number},
                                                                 {"MESSAGE", "message"}});
  }
  std::string_view verdict = report.at("verdict").as_string();
  return verdict == "pass" ? kDone : verdict == "fail" ? kNeedsYou : kInconclusive;
}

}  // namespace

std::span<const Verb> watch_verbs() {
  static const std::vector<OptionSpec> kReason = {{"--reason", "", true, "kept in the history"}};
  static const Verb kVerbs[] = {
      {"monitor list", "", "monitors and their verdicts", "", {}, list_monitors},
      {"monitor show",
       "MONITOR",
       "windows with volume, drift and quality",
       "  fettle monitor show flights-monthly",
       {},
       show_monitor},
      {"drift",
       "MONITOR",
       "drift of each feature in a window",
       "  fettle drift flights-monthly --window 2013-07",
       {{"--window", "", true, "id (default: the newest)"}, {"--exit-code", "", false, "2 when drifted"}},
       drift},
      {"labels status", "ENDPOINT", "how much of the traffic has labels", "", {}, labels_status},
      {"alerts list", "", "alerts and their states", "", {{"--exit-code", "", false, "2 when one fires"}}, list_alerts},
      {"alerts show", "ALERT", "one alert with its transitions", "", {}, show_alert},
      {"alerts silence",
       "ALERT --for 2h",
       "no notifications for a while",
       "",
       {{"--for", "", true, "30m, 2h, 7d"}, {"--reason", "", true, "kept in the history"}},
       silence},
      {"alerts ack", "ALERT", "somebody looks after it", "", kReason, acknowledge},
      {"retrain list", "", "retrain policies", "", {}, list_policies},
      {"retrain runs", "", "what was retrained, why, and how it ended", "", {}, list_retrainings},
      {"retrain now", "POLICY", "start one by hand", "", kReason, retrain_now},
      {"retrain decisions",
       "",
       "what was decided, and why",
       "",
       {{"--kind", "", true, "retrain, rollout, alert or gate"}},
       list_decisions},
      {"validate",
       "MODEL --gate NAME --monitor NAME",
       "run a gate; exit code 0 pass, 2 fail, 3 inconclusive",
       "  fettle validate flights-delay/2 --gate flights --monitor flights-monthly --report junit",
       {{"--gate", "", true, "the gate"},
        {"--champion", "", true, "version to defend (default: the gate's alias)"},
        {"--monitor", "", true, "labelled predictions of this monitor"},
        {"--window", "", true, "window id, or latest"},
        {"--run", "", true, "a run whose artifact is the data"},
        {"--path", "", true, "of that artifact"},
        {"--report", "", true, "md, junit or json"}},
       validate},
  };
  return kVerbs;
}

}  // namespace fettle::cli
