// JSON of notifications and of what an alert saw.
#include "base/text.h"
#include "base/time_text.h"
#include "json/json.h"
#include "monitoring/alert.h"

namespace fettle::monitoring {
namespace {

json::Object object_of(const std::map<std::string, std::string>& fields) {
  json::Object object;
  for (const auto& [name, value] : fields) object[name] = value;
  return object;
}

std::map<std::string, std::string> labels_of(const AlertEvent& event) {
  std::map<std::string, std::string> labels = event.labels;
  labels["alertname"] = event.alert;
  labels["monitor"] = event.monitor;
  labels["endpoint"] = event.endpoint;
  labels["severity"] = event.severity;
  return labels;
}

}  // namespace

std::string format_webhook(const AlertEvent& event, int64_t since_ms) {
  bool firing = event.to == AlertState::firing;
  auto labels = labels_of(event);
  // What varies from notification to notification stands in the annotations, so that grouping by labels holds.
  std::map<std::string, std::string> annotations = {{"summary", event.reason},
                                                    {"expr", event.expr},
                                                    {"threshold", format_double(event.threshold)},
                                                    {"window", event.window_id},
                                                    {"decision", event.decision}};
  if (event.value) annotations["value"] = format_double(*event.value);
  json::Object alert;
  alert["status"] = firing ? "firing" : "resolved";
  alert["labels"] = object_of(labels);
  alert["annotations"] = object_of(annotations);
  alert["startsAt"] = format_utc(since_ms);
  alert["endsAt"] = firing ? "0001-01-01T00:00:00Z" : format_utc(event.at_ms);
  alert["generatorURL"] = "";
  alert["fingerprint"] = alert_fingerprint(labels);
  json::Object document;
  document["version"] = "4";
  document["groupKey"] = fmt::format("{{}}:{{alertname=\"{}\"}}", event.alert);
  document["truncatedAlerts"] = 0;
  document["status"] = alert["status"];
  document["receiver"] = "fettle";
  document["groupLabels"] = json::Object{{"alertname", event.alert}};
  document["commonLabels"] = object_of(labels);
  document["commonAnnotations"] = object_of(annotations);
  document["externalURL"] = "";
  document["alerts"] = json::Array{alert};
  return json::format(document);
}

std::string format_silence(int64_t until_ms, const std::string& reason) {
  json::Object document;
  if (until_ms > 0) document["until_ms"] = until_ms;
  document["reason"] = reason;
  return json::format(document);
}

std::string format_observation(const AlertSpec& spec, const AlertMemory& before, const AlertObservation& seen) {
  json::Object document;
  document["expr"] = spec.expr;
  document["for_windows"] = spec.for_windows;
  document["resolve_windows"] = spec.resolve_windows;
  document["state"] = state_name(before.state);
  document["holding"] = before.holding;
  document["clear"] = before.clear;
  document["window"] = seen.window_id;
  document["window_start_ms"] = seen.window_start_ms;
  document["value"] = seen.value ? json::Value(*seen.value) : json::Value(nullptr);
  if (!seen.value) document["why_no_value"] = seen.why_no_value;
  return json::format(document);
}

}  // namespace fettle::monitoring
