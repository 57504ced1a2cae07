#include "pipelines/checkout.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pipelines/placed.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

std::string shown(const Project& project, const data::Output& out, bool is_directory) {
  return shown_path(out.location, project.cwd()) + (is_directory ? "/" : "");
}

void check_out(Project& project, const data::Output& out, const CheckoutRequest& request, CheckoutReport& report) {
  bool is_directory = data::is_directory_id(out.oid);
  try {
    switch (data::checkout(project.repository(), out, {request.force, request.relink})) {
      case data::CheckoutChange::added: report.added.push_back(shown(project, out, is_directory)); break;
      case data::CheckoutChange::modified: report.modified.push_back(shown(project, out, is_directory)); break;
      default: break;
    }
  } catch (const Failure& failure) {
    if (failure.code() != Code::not_found && failure.code() != Code::data_loss) throw;
    if (failure.code() == Code::not_found && request.allow_missing) return;
    report.failed.push_back(shown_path(out.location, project.cwd()));
    if (failure.code() == Code::data_loss) report.reasons.emplace_back(failure.what());
  }
}

// A path that an earlier commit tracked and this one does not: it goes, if its content is safe in the cache.
void remove_unused(Project& project, const CheckoutRequest& request, CheckoutReport& report) {
  std::set<std::string> before = read_placed(project.repository());
  std::set<std::string> now;
  for (const Stage& stage : project.stages()) {
    for (const data::Output& out : stage.outs) {
      if (out.cached && out.has_hash()) now.insert(project.repository().relative(out.location));
    }
  }
  for (const std::string& path : before) {
    if (now.contains(path)) continue;
    fs::path location = project.repository().root() / path;
    if (project.repository().is_git_tracked(location)) continue;
    std::error_code ignored;
    bool is_directory = fs::is_directory(location, ignored);
    if (data::remove_from_workspace(project.repository(), location, request.force) == data::CheckoutChange::deleted) {
      report.deleted.push_back(shown_path(location, project.cwd()) + (is_directory ? "/" : ""));
    }
  }
  if (now == before) return;
  write_placed(project.repository(), now);
}

}  // namespace

CheckoutReport checkout(Project& project, const std::vector<std::string>& targets, const CheckoutRequest& request) {
  CheckoutReport report;
  if (targets.empty()) remove_unused(project, request, report);
  for (size_t index : project.select(targets, Project::TargetKind::stages_and_outputs, request.recursive)) {
    const Stage& stage = project.stages()[index];
    for (const data::Output& out : stage.outs) {
      if (!out.cached) continue;
      if (!out.has_hash()) {
        if (!stage.is_data() && !stage.lock) continue;
        report.reasons.push_back(
            fmt::format("No file hash info found for '{}'. It won't be created.", out.location.string()));
        report.failed.push_back(shown_path(out.location, project.cwd()));
        continue;
      }
      check_out(project, out, request, report);
    }
  }
  for (auto* list : {&report.modified, &report.added, &report.deleted, &report.failed})
    std::sort(list->begin(), list->end());
  return report;
}

}  // namespace fettle::pipelines
