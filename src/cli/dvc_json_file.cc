#include "cli/dvc_json_file.h"

#include "json/json.h"

namespace fettle::cli {

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
