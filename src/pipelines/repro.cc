#include "pipelines/repro.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pipelines/stage_runner.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

// The stages that a command names; without targets, those of the dvc.yaml here.
std::vector<size_t> named_stages(const Project& project, const std::vector<std::string>& targets,
                                 const ReproOptions& options) {
  std::vector<size_t> named;
  if (options.all_pipelines || (!targets.empty())) {
    return project.select(options.all_pipelines ? std::vector<std::string>() : targets,
                          Project::TargetKind::stages_only, options.recursive);
  }
  fs::path here = project.cwd() / "dvc.yaml";
  std::error_code ignored;
  if (!fs::exists(here, ignored)) fail(Code::not_found, "'dvc.yaml' does not exist");
  for (size_t i = 0; i < project.stages().size(); ++i) {
    if (project.stages()[i].file == here) named.push_back(i);
  }
  return named;
}

std::vector<size_t> order_of(const Graph& graph, const std::vector<size_t>& named, const ReproOptions& options) {
  if (options.single_item) return named;
  if (options.downstream) return graph.with_downstream(named);
  if (options.pipeline) return graph.connected(named);
  return graph.with_upstream(named);
}

Failure with_stage(const std::string& address, const Failure& failure) {
  Error error = failure.error();
  error.message = fmt::format("failed to reproduce '{}': {}", address, error.message);
  return Failure(std::move(error));
}

}  // namespace

ReproResult reproduce(Project& project, const std::vector<std::string>& targets, const ReproOptions& options,
                      const ReproEdge& edge) {
  Graph graph(project);
  std::vector<size_t> order = order_of(graph, named_stages(project, targets, options), options);
  StageRunner runner(project, options, edge);
  ReproResult result;
  std::set<size_t> forced;
  std::set<size_t> blocked;
  bool blank = false;
  for (size_t stage : order) {
    if (blocked.contains(stage)) {
      for (size_t below : graph.needed_by(stage)) blocked.insert(below);
      continue;
    }
    if (blank) edge.say("");
    blank = false;
    bool force = options.force || forced.contains(stage);
    try {
      if (runner.bring_up_to_date(stage, force)) {
        ++result.executed;
        blank = true;
        if (options.force_downstream) forced.insert(graph.needed_by(stage).begin(), graph.needed_by(stage).end());
      }
    } catch (const Failure& failure) {
      Failure named = with_stage(project.address(stage), failure);
      if (!options.keep_going && !options.ignore_errors) throw named;
      result.failures.emplace_back(named.what());
      if (options.keep_going) blocked.insert(graph.needed_by(stage).begin(), graph.needed_by(stage).end());
    }
  }
  result.changed_files = runner.changed_files();
  return result;
}

ReproResult run_stage(Project& project, size_t stage, const ReproEdge& edge) {
  ReproOptions options;
  StageRunner runner(project, options, edge);
  ReproResult result;
  try {
    result.executed = runner.bring_up_to_date(stage, false) ? 1 : 0;
  } catch (const Failure& failure) {
    throw with_stage(project.address(stage), failure);
  }
  result.changed_files = runner.changed_files();
  return result;
}

}  // namespace fettle::pipelines
