// push, fetch, pull, and `status -c`.
#include "base/error.h"
#include "base/text.h"
#include "cli/dvc_call.h"
#include "cli/dvc_cloud_status.h"
#include "data/failures.h"
#include "data/transfer.h"

namespace fettle::cli {
namespace {

using pipelines::Project;

std::vector<data::TransferItem> items_of(const DvcCall& call, const Project& project, bool for_push) {
  std::vector<data::TransferItem> items;
  auto add = [&](size_t index, const std::filesystem::path& inside) {
    const pipelines::Stage& stage = project.stages()[index];
    if (stage.is_import && for_push) return;
    for (const data::Output& out : stage.outs) {
      bool meant = inside.empty() || out.location == inside || inside.native().starts_with(out.location.native() + "/");
      if (!out.cached || !out.has_hash() || !out.unknown_algorithm.empty() || (for_push && !out.pushed) || !meant)
        continue;
      data::TransferItem item{out, inside == out.location ? std::filesystem::path() : inside};
      item.output.path = pipelines::shown_path(out.location, project.cwd());
      items.push_back(std::move(item));
    }
  };
  if (call.targets().empty()) {
    for (size_t i = 0; i < project.stages().size(); ++i) add(i, {});
  }
  for (const std::string& target : call.targets()) {
    for (const auto& found : project.find(target, Project::TargetKind::stages_and_outputs, call.has("recursive")))
      add(found.stage, found.inside);
  }
  return items;
}

std::string files(size_t count) { return fmt::format("{} file{}", count, count == 1 ? "" : "s"); }

void warn_missing(const data::TransferReport& report) {
  if (report.missing.empty()) return;
  complain("WARNING: Some of the cache files do not exist neither locally nor on remote. Missing cache files:");
  for (size_t i = 0; i < report.missing.size() && i < 20; ++i) complain("md5: " + report.missing[i]);
  if (report.missing.size() > 20) complain(fmt::format("and {} more", report.missing.size() - 20));
}

int push(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  std::vector<data::TransferItem> items = items_of(call, project, true);
  data::Config::Remote remote = data::choose_remote(repository, call.options.get_or("remote", ""));
  data::TransferReport report;
  {
    ProgressDisplay display(call, repository.progress());
    report = data::push(repository, remote, items);
    if (call.has("run-cache")) report.moved += data::push_run_cache(repository, remote);
  }
  warn_missing(report);
  if (!report.missing.empty()) fail(Code::data_loss, "{} failed to upload", files(report.missing.size()));
  call.say(report.moved == 0 ? "Everything is up to date." : files(report.moved) + " pushed");
  return 0;
}

data::TransferReport run_fetch(DvcCall& call, data::Repository& repository, const Project& project) {
  std::vector<data::TransferItem> items = items_of(call, project, false);
  data::Config::Remote remote = data::choose_remote(repository, call.options.get_or("remote", ""));
  ProgressDisplay display(call, repository.progress());
  data::TransferReport report = data::fetch(repository, remote, items);
  if (call.has("run-cache")) report.moved += data::fetch_run_cache(repository, remote);
  return report;
}

int fetch(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  data::TransferReport report = run_fetch(call, repository, project);
  warn_missing(report);
  if (!report.missing.empty()) fail(Code::data_loss, "{} failed to download", files(report.missing.size()));
  call.say(report.moved == 0 ? "Everything is up to date." : files(report.moved) + " fetched");
  return 0;
}

int pull(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  data::RepositoryLock lock = repository.lock(call.wait_for_lock);
  Project project(repository, call.cwd);
  data::TransferReport fetched = run_fetch(call, repository, project);
  warn_missing(fetched);
  pipelines::CheckoutReport report;
  {
    ProgressDisplay display(call, repository.progress());
    report = pipelines::checkout(
        project, call.targets(),
        {.force = call.has("force"), .recursive = call.has("recursive"), .allow_missing = call.has("allow-missing")});
  }
  report_checkout(call, report, false);
  std::vector<std::string> parts;
  if (fetched.moved > 0) parts.push_back(files(fetched.moved) + " fetched");
  if (!report.modified.empty()) parts.push_back(files(report.modified.size()) + " modified");
  if (!report.added.empty()) parts.push_back(files(report.added.size()) + " added");
  if (!report.deleted.empty()) parts.push_back(files(report.deleted.size()) + " deleted");
  call.say(parts.empty() ? "Everything is up to date." : join(parts, " and "));
  return 0;
}

const std::vector<DvcOption> kTransferOptions = {{"jobs", 'j', true}, {"remote", 'r', true}, {"all-branches", 'a'},
                                                 {"all-tags", 'T'},   {"all-commits", 'A'},  {"with-deps", 'd'},
                                                 {"recursive", 'R'},  {"run-cache"},         {"glob"},
                                                 {"force", 'f'},      {"allow-missing"},     {"no-run-cache"}};

}  // namespace

int cloud_status(DvcCall& call, Project& project) {
  data::Config::Remote remote = data::choose_remote(project.repository(), call.options.get_or("remote", ""));
  auto differences = data::compare_with_remote(project.repository(), remote, items_of(call, project, true));
  if (call.quiet_after_verb) return differences.empty() ? 0 : 1;
  for (const data::CloudDifference& difference : differences) {
    std::string_view word = difference.state == data::CloudState::only_local    ? "new"
                            : difference.state == data::CloudState::only_remote ? "deleted"
                                                                                : "missing";
    call.say(fmt::format("\t{:<20}{}", std::string(word) + ":", difference.name));
  }
  if (differences.empty()) call.say(fmt::format("Cache and remote '{}' are in sync.", remote.name));
  return 0;
}

std::vector<DvcVerb> transfer_verbs() {
  return {
      {.name = "push",
       .summary = "Upload tracked data to a remote.",
       .usage = "[-r name] [-R] [--run-cache] [targets ...]",
       .examples = "fettle push\nfettle push -r backup data/raw.csv.dvc",
       .options = kTransferOptions,
       .handler = push,
       .failure_exit = 1,
       .failure_prefix = "failed to push data to the cloud - "},
      {.name = "fetch",
       .summary = "Download tracked data into the cache.",
       .usage = "[-r name] [-R] [--run-cache] [targets ...]",
       .examples = "fettle fetch",
       .options = kTransferOptions,
       .handler = fetch,
       .failure_exit = 1,
       .failure_prefix = "failed to fetch data from the cloud - "},
      {.name = "pull",
       .summary = "Download tracked data and bring it into the workspace.",
       .usage = "[-r name] [-R] [-f] [--allow-missing] [--run-cache] [targets ...]",
       .examples = "fettle pull\nfettle pull data/raw.csv",
       .options = kTransferOptions,
       .handler = pull,
       .failure_exit = 1,
       .failure_prefix = "failed to pull data from the cloud - "},
  };
}

}  // namespace fettle::cli
