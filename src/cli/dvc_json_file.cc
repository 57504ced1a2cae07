#include "cli/dvc_json_file.h"

#include "base/text.h"
#include "json/json.h"

namespace fettle::cli {
namespace {

json::Value to_json(const pipelines::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.held)) return *flag;
  if (const auto* whole = std::get_if<int64_t>(&value.held)) return *whole;
  if (const auto* real = std::get_if<double>(&value.held)) return *real;
  if (const auto* text = std::get_if<std::string>(&value.held)) return json::Value(*text);
  if (const auto* list = std::get_if<pipelines::Value::List>(&value.held)) {
    json::Array out;
    for (const pipelines::Value& item : *list) out.push_back(to_json(item));
    return out;
  }
  if (const auto* map = std::get_if<pipelines::Value::Map>(&value.held)) {
    json::Object out;
    for (const auto& [key, item] : *map) out[key] = to_json(item);
    return out;
  }
  return nullptr;
}

json::Array files_json(const std::vector<pipelines::StageReport::File>& files) {
  json::Array out;
  for (const auto& file : files)
    out.push_back(json::Object{{"path", file.path}, {"hash", "md5:" + file.md5}, {"size_bytes", file.size_bytes}});
  return out;
}

}  // namespace

std::string stage_report_json(const pipelines::StageReport& report, const std::string& directory,
                              const std::string& job) {
  json::Object params;
  for (const auto& [key, value] : report.params) params[key] = to_json(value);
  return json::format(json::Object{{"id", report.id},
                                   {"stage", report.stage},
                                   {"command", report.command},
                                   {"directory", directory},
                                   {"git_commit", report.git_commit},
                                   {"job", job},
                                   {"started_at_ms", report.started_ms},
                                   {"ended_at_ms", report.ended_ms},
                                   {"inputs", files_json(report.deps)},
                                   {"outputs", files_json(report.outs)},
                                   {"params", std::move(params)}});
}

std::string run_context_json(const std::string& existing, const std::string& id, const std::string& stage) {
  Outcome<json::Value> parsed = outcome_of([&] { return json::parse(existing); });
  json::Object tags;
  if (parsed && parsed->is_object()) tags = parsed->get_object();
  tags["fettle.pipeline_run"] = id;
  tags["fettle.stage"] = stage;
  return json::format(tags);
}

std::string metrics_json(const std::vector<pipelines::MetricsOfFile>& files) {
  json::Object data;
  for (const pipelines::MetricsOfFile& file : files) data[file.path] = json::Object{{"data", to_json(file.root)}};
  json::Object workspace;
  if (!data.empty()) workspace["data"] = std::move(data);
  return json::format(json::Object{{"", std::move(workspace)}}, {.spaced = true, .non_finite = json::NonFinite::bare});
}

std::string value_text(const pipelines::Value& value, int precision) {
  if (const auto* real = std::get_if<double>(&value.held)) {
    std::string text = fmt::format("{:.{}g}", *real, precision);
    return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
  }
  if (const auto* text = std::get_if<std::string>(&value.held)) return *text;
  return json::format(to_json(value), {.spaced = true});
}

std::string status_json(const std::vector<std::pair<std::string, pipelines::StageStatus>>& dirty) {
  json::Object all;
  for (const auto& [address, status] : dirty) {
    json::Array changes;
    json::Object deps;
    for (const pipelines::DepChange& dep : status.deps) {
      if (!dep.word.empty()) {
        deps[dep.path] = dep.word;
        continue;
      }
      json::Object params;
      for (const auto& [key, change] : dep.params) params[key] = pipelines::word_of(change);
      deps[dep.path] = std::move(params);
    }
    if (!deps.empty()) changes.push_back(json::Object{{"changed deps", std::move(deps)}});
    json::Object outs;
    for (const pipelines::OutChange& change : status.outs) outs[change.path] = data::word_of(change.state);
    if (!outs.empty()) changes.push_back(json::Object{{"changed outs", std::move(outs)}});
    if (status.always_changed) changes.push_back("always changed");
    if (status.command_changed) changes.push_back("changed command");
    all[address] = std::move(changes);
  }
  return json::format(all, {.spaced = true});
}

}  // namespace fettle::cli
