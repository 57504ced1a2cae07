// Bringing one output into the workspace: plan against what is there, check everything, then write.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/output.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

struct Change {
  std::string path;  // relative to the output; empty for a file output
  std::string oid;   // empty: the file goes
};

struct Plan {
  std::vector<Change> place;
  std::vector<Change> remove;  // oid: what is there now
  bool replaces_kind = false;  // a file where a directory is wanted, or the other way round
  bool existed = false;
};

// What the entry asks for, as path -> object.
std::map<std::string, std::string> wanted_files(Repository& repository, const Output& output) {
  Cache& cache = repository.cache();
  if (!output.unknown_algorithm.empty() || !cache.has(output.oid, output.algorithm)) {
    fail(Code::not_found, "object {} of '{}' is not in the cache", output.oid, output.path);
  }
  if (!is_directory_id(output.oid)) return {{"", output.oid}};
  std::map<std::string, std::string> wanted;
  for (TreeEntry& entry : cache.read_tree(output.oid, output.algorithm).entries) {
    wanted.emplace_hint(wanted.end(), std::move(entry.path), std::move(entry.md5));
  }
  std::vector<const std::string*> oids;
  for (const auto& [path, oid] : wanted) oids.push_back(&oid);
  parallel_for(oids.size(), [&](size_t i) {
    if (!cache.has(*oids[i], output.algorithm))
      fail(Code::not_found, "object {} of '{}' is not in the cache", *oids[i], output.path);
  });
  return wanted;
}

Plan make_plan(Repository& repository, const Output& output, bool relink) {
  std::map<std::string, std::string> wanted = wanted_files(repository, output);
  std::optional<Snapshot> now = snapshot(repository, output.location, output.algorithm);
  Plan plan;
  std::map<std::string, std::string> present;
  bool want_directory = is_directory_id(output.oid);
  if (now) {
    plan.existed = true;
    plan.replaces_kind = now->is_directory != want_directory;
    if (!now->is_directory) present.emplace("", now->oid);
    for (TreeEntry& entry : now->tree.entries)
      present.emplace_hint(present.end(), std::move(entry.path), std::move(entry.md5));
  }
  for (const auto& [path, oid] : present) {
    if (plan.replaces_kind || !wanted.contains(path)) plan.remove.push_back({path, oid});
  }
  for (const auto& [path, oid] : wanted) {
    auto found = present.find(path);
    bool same = !plan.replaces_kind && found != present.end() && found->second == oid;
    fs::path file = path.empty() ? output.location : output.location / path;
    if (same && !(relink && !repository.cache().is_placed_as_configured(file, oid))) continue;
    plan.place.push_back({path, oid});
  }
  return plan;
}

// Content that only the workspace has must not be lost.
void check_unsaved(Repository& repository, const Output& output, const Plan& plan) {
  Error error{Code::failed_precondition,
              "Can't remove the following unsaved files without confirmation. Use `--force` to force."};
  auto consider = [&](const std::string& path, const std::string& oid) {
    fs::path file = path.empty() ? output.location : output.location / path;
    if (!repository.cache().has(oid, output.algorithm)) error.details.push_back({file.string(), ""});
  };
  for (const Change& change : plan.remove) consider(change.path, change.oid);
  if (!plan.replaces_kind && plan.existed) {
    for (const Change& change : plan.place) {
      fs::path file = change.path.empty() ? output.location : output.location / change.path;
      struct stat info{};
      if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      std::string key = state_key(repository, file, output.algorithm);
      std::optional<std::string> known = repository.state().find(key, stamp_of(info));
      consider(change.path, known ? *known : file_md5(file, output.algorithm));
    }
  }
  if (!error.details.empty()) fail(std::move(error));
}

// No directory on the way from the output to the file may be a symbolic link: writing would leave the output.
void make_parents(const fs::path& location, const std::set<fs::path>& directories) {
  for (const fs::path& directory : directories) {
    fs::path at = location;
    for (const fs::path& part : directory) {
      if (part.empty() || part == ".") continue;
      at /= part;
      struct stat info{};
      if (::lstat(at.c_str(), &info) != 0) continue;
      if (S_ISLNK(info.st_mode)) {
        fail(Code::failed_precondition, "'{}' is a symbolic link; a tracked file would be written through it",
             at.string());
      }
      if (!S_ISDIR(info.st_mode)) ::unlink(at.c_str());
    }
    fs::create_directories(location / directory);
  }
}

void remove_files(const fs::path& location, const std::vector<Change>& changes) {
  std::set<fs::path> parents;
  for (const Change& change : changes) {
    fs::path file = change.path.empty() ? location : location / change.path;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail_errno(errno, "cannot remove", file);
    for (fs::path at = fs::path(change.path).parent_path(); !at.empty(); at = at.parent_path()) parents.insert(at);
  }
  for (auto at = parents.rbegin(); at != parents.rend(); ++at)
    ::rmdir((location / *at).c_str());  // fails where something is left
}

void apply(Repository& repository, const Output& output, const Plan& plan) {
  bool want_directory = is_directory_id(output.oid);
  remove_files(output.location, plan.remove);
  if (plan.replaces_kind && !want_directory) fs::remove_all(output.location);
  std::set<fs::path> parents;
  for (const Change& change : plan.place) parents.insert(fs::path(change.path).parent_path());
  fs::create_directories(want_directory ? output.location : output.location.parent_path());
  if (want_directory) make_parents(output.location, parents);
  parallel_for(plan.place.size(), [&](size_t i) {
    const Change& change = plan.place[i];
    fs::path file = change.path.empty() ? output.location : output.location / change.path;
    struct stat info{};
    if (::lstat(file.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) fs::remove_all(file);
    int64_t now = wall_ns();
    repository.cache().place(change.oid, file, output.executable, output.algorithm);
    if (::stat(file.c_str(), &info) == 0) {
      // Written by us a moment ago and known to be right: it may be remembered at once.
      std::string key = state_key(repository, file, output.algorithm);
      repository.state().record(key, stamp_of(info), change.oid, now + 3'600'000'000'000);
      repository.progress().advance(static_cast<uint64_t>(info.st_size));
    }
  });
}

}  // namespace

CheckoutChange checkout(Repository& repository, const Output& output, const CheckoutOptions& options) {
  bool in_cache = output.unknown_algorithm.empty() && repository.cache().has(output.oid, output.algorithm);
  if (!in_cache && output.unknown_algorithm.empty() && !is_changed(repository, output)) return CheckoutChange::none;
  Plan plan = make_plan(repository, output, options.relink);
  struct stat info{};
  bool missing_mode =
      output.executable && plan.existed && ::stat(output.location.c_str(), &info) == 0 && (info.st_mode & 0100) == 0;
  if (missing_mode) ::chmod(output.location.c_str(), info.st_mode | 0100);
  if (plan.existed && plan.place.empty() && plan.remove.empty() && !plan.replaces_kind) return CheckoutChange::none;
  if (!options.force) check_unsaved(repository, output, plan);
  repository.progress().start("checkout", plan.place.size(), 0);
  apply(repository, output, plan);
  return plan.existed ? CheckoutChange::modified : CheckoutChange::added;
}

CheckoutChange remove_from_workspace(Repository& repository, const fs::path& location, bool force) {
  std::optional<Snapshot> now = snapshot(repository, location);
  if (!now) return CheckoutChange::none;
  if (!force && !repository.cache().has_all(now->oid)) {
    fail(Error{Code::failed_precondition,
               "Can't remove the following unsaved files without confirmation. Use `--force` to force.",
               {{location.string(), ""}}});
  }
  fs::remove_all(location);
  return CheckoutChange::deleted;
}

}  // namespace fettle::data
