#include "app/lineage_source.h"

#include <algorithm>

#include "base/text.h"
#include "platform/pipeline_runs.h"

namespace fettle::app {
namespace {

using journal::Direction;
using journal::Edge;
using journal::Node;
using platform::LineageNode;

struct RowId {
  std::string request;
  int64_t row = 0;
};
RowId parse_row_id(const std::string& id) {
  size_t slash = id.find('/');
  if (slash == std::string::npos) return {id, 0};
  return {id.substr(0, slash), parse_int(id.substr(slash + 1)).value_or(-1)};
}

const monitoring::JoinedLabel* label_of(const monitoring::LoggedPrediction& logged, int64_t row) {
  auto found =
      std::find_if(logged.labels.begin(), logged.labels.end(), [&](const auto& label) { return label.row == row; });
  return found == logged.labels.end() ? nullptr : &*found;
}

std::pair<std::string, std::string> split_once(const std::string& text, char separator) {
  size_t at = text.rfind(separator);
  return at == std::string::npos ? std::pair(text, std::string()) : std::pair(text.substr(0, at), text.substr(at + 1));
}

}  // namespace

std::vector<Edge> LineageFacts::prediction_edges(const Node& node, Direction direction) {
  RowId id = parse_row_id(node.id);
  auto logged = parts_.monitoring.predictions().find(id.request);
  if (!logged) return {};
  const auto& request = logged->block.requests[logged->request];
  std::vector<Edge> edges;
  if (direction == Direction::up) {
    edges.push_back({{"endpoint_revision", logged->block.revision_id}, node, "answered", request.received_ms});
    return edges;
  }
  if (const auto* label = label_of(*logged, id.row))
    edges.push_back({node, {"label", node.id}, "labelled", label->posted_ms});
  if (id.row < 0 || id.row >= request.rows) return edges;
  int64_t event_ms = logged->block.event_ms[request.first_row + static_cast<size_t>(id.row)];
  for (const auto& monitor : parts_.monitoring.windows().monitors()) {
    if (monitor->spec.endpoint != logged->block.endpoint) continue;
    auto bounds = monitoring::window_of(monitor->spec.window, event_ms);
    std::string window = monitoring::window_id(monitor->spec.window, bounds.start_ms);
    edges.push_back({node, {"window", monitor->name + "/" + window}, "counted", event_ms});
  }
  return edges;
}

std::vector<Edge> LineageFacts::computed_edges(const Node& node, Direction direction, int64_t) {
  if (node.kind == "prediction") return prediction_edges(node, direction);
  if (node.kind == "label" && direction == Direction::up) return {{{"prediction", node.id}, node, "labelled", 0}};
  return {};
}

bool LineageFacts::describe_prediction(LineageNode& node) {
  RowId id = parse_row_id(node.node.id);
  auto logged = parts_.monitoring.predictions().find(id.request);
  if (!logged) return false;
  const auto& request = logged->block.requests[logged->request];
  if (id.row < 0 || id.row >= request.rows) return false;
  size_t row = request.first_row + static_cast<size_t>(id.row);
  node.at_ms = request.received_ms;
  if (!logged->block.keys.empty()) node.name = logged->block.keys[row];
  if (!logged->block.scores.empty()) node.attributes["score"] = fmt::format("{:.4f}", logged->block.scores[row]);
  if (const auto* label = label_of(*logged, id.row)) {
    node.attributes["label"] = label->label;
    if (node.node.kind == "label") node.at_ms = label->posted_ms;
  } else if (node.node.kind == "label") {
    return false;
  }
  return true;
}

bool LineageFacts::describe_run(LineageNode& node) {
  auto run = parts_.tracking.runs.find(node.node.id);
  if (!run) return false;
  node.name = run->name;
  node.state = to_lower(tracking::format_status(run->status));
  node.at_ms = run->start_ms;
  return true;
}

bool LineageFacts::describe_model_version(LineageNode& node) {
  auto [model, number] = split_once(node.node.id, '/');
  auto version = parts_.registry.find_version(model, number);
  if (!version) return false;
  node.at_ms = version->created_ms;
  if (!version->aliases.empty()) node.attributes["aliases"] = join(version->aliases, ",");
  return true;
}

bool LineageFacts::describe_endpoint(LineageNode& node) { return parts_.gateway.has(node.node.id); }

bool LineageFacts::describe_gate_report(LineageNode& node) {
  auto report = parts_.validation.find_report(node.node.id);
  if (!report) return false;
  node.name = "gate " + report->gate;
  node.state = validation::verdict_name(report->verdict);
  node.at_ms = report->started_at_ms;
  return true;
}

bool LineageFacts::describe_rollout(LineageNode& node) {
  auto rollout = parts_.control.find_rollout(node.node.id);
  if (!rollout) return false;
  node.state = gateway::state_name(rollout->state);
  node.at_ms = rollout->started_at_ms;
  node.attributes["candidate"] = rollout->model + "/" + rollout->candidate;
  return true;
}

bool LineageFacts::describe_job(LineageNode& node) {
  auto job = parts_.jobs.find(node.node.id);
  if (!job) return false;
  node.name = job->spec.name;
  node.state = jobs::state_name(job->state);
  node.at_ms = job->created_at_ms;
  return true;
}

bool LineageFacts::describe_retraining_run(LineageNode& node) {
  auto run = parts_.retraining.find(node.node.id);
  if (!run) return false;
  node.name = run->policy;
  node.state = retraining::state_name(run->state);
  node.at_ms = run->started_at_ms;
  return true;
}

bool LineageFacts::describe_window(LineageNode& node) {
  auto [monitor, window] = split_once(node.node.id, '/');
  auto view = parts_.monitoring.windows().find(monitor, window);
  if (!view) return false;
  node.state = view->result ? view->result->status : view->state;
  node.at_ms = view->end_ms;
  if (view->result) node.attributes["rows"] = std::to_string(view->result->rows);
  return true;
}

bool LineageFacts::describe_alert(LineageNode& node) {
  for (const auto& alert : parts_.monitoring.alerts().list()) {
    if (alert.name != node.node.id) continue;
    node.state = monitoring::state_name(alert.memory.state);
    node.at_ms = alert.since_ms;
    return true;
  }
  return false;
}

bool LineageFacts::describe_data(LineageNode& node) {
  if (auto file = platform::find_data(parts_.database, node.node.id)) {
    node.name = file->path;
    node.attributes["path"] = file->path;
    if (file->size_bytes > 0) node.attributes["size_bytes"] = std::to_string(file->size_bytes);
    return true;
  }
  return parts_.database.read([&](sql::Connection& connection) {
    return !journal::edges(connection, node.node, Direction::down, 1).empty() ||
           !journal::edges(connection, node.node, Direction::up, 1).empty();
  });
}

bool LineageFacts::describe_pipeline_run(LineageNode& node) {
  auto run = platform::find_pipeline_run(parts_.database, node.node.id);
  if (!run) return false;
  node.name = run->stage;
  node.at_ms = run->ended_at_ms;
  node.attributes["stage"] = run->stage;
  node.attributes["command"] = run->command;
  if (!run->git_commit.empty()) node.attributes["git_commit"] = run->git_commit;
  return true;
}

bool LineageFacts::describe_decision(LineageNode& node) {
  auto decision = parts_.database.read(
      [&](sql::Connection& connection) { return journal::find_decision(connection, node.node.id); });
  if (!decision) return false;
  node.name = fmt::format("{} {}", decision->kind, decision->verdict);
  node.state = decision->verdict;
  node.at_ms = decision->at_ms;
  node.attributes["reason"] = decision->reason;
  return true;
}

bool LineageFacts::describe_by_edges(LineageNode& node) {
  return parts_.database.read([&](sql::Connection& connection) {
    auto up = journal::edges(connection, node.node, Direction::up, 1);
    if (!up.empty()) node.at_ms = up.front().at_ms;
    return !up.empty() || !journal::edges(connection, node.node, Direction::down, 1).empty();
  });
}

bool LineageFacts::describe(LineageNode& node) {
  using Describe = bool (LineageFacts::*)(LineageNode&);
  static constexpr std::pair<std::string_view, Describe> kKinds[] = {
      {"prediction", &LineageFacts::describe_prediction},
      {"label", &LineageFacts::describe_prediction},
      {"data", &LineageFacts::describe_data},
      {"pipeline_run", &LineageFacts::describe_pipeline_run},
      {"decision", &LineageFacts::describe_decision},
      {"run", &LineageFacts::describe_run},
      {"model_version", &LineageFacts::describe_model_version},
      {"endpoint", &LineageFacts::describe_endpoint},
      {"gate_report", &LineageFacts::describe_gate_report},
      {"rollout", &LineageFacts::describe_rollout},
      {"job", &LineageFacts::describe_job},
      {"retraining_run", &LineageFacts::describe_retraining_run},
      {"window", &LineageFacts::describe_window},
      {"alert", &LineageFacts::describe_alert},
  };
  for (const auto& [kind, describe_kind] : kKinds) {
    if (kind == node.node.kind) return (this->*describe_kind)(node);
  }
  return describe_by_edges(node);
}

std::optional<std::string> LineageFacts::model_version(std::string_view model, std::string_view alias) {
  auto version = parts_.registry.find_version(std::string(model), std::string(alias));
  if (!version) return std::nullopt;
  return std::to_string(version->version);
}

std::vector<std::string> LineageFacts::runs_with_prefix(std::string_view prefix) {
  constexpr int64_t kLimit = 3;
  return parts_.database.read([&](sql::Connection& connection) {
    std::vector<std::string> runs;
    std::string end = std::string(prefix) + "g";  // after every hex digit
    for (const auto& row :
         connection.query("select id from runs where id >= $1 and id < $2 order by id limit $3", prefix, end, kLimit)) {
      runs.push_back(row.text(0));
    }
    return runs;
  });
}

}  // namespace fettle::app
