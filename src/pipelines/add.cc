#include "pipelines/add.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "data/dvc_file.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/dvc_yaml.h"
#include "pipelines/placed.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& path, const fs::path& directory) {
  return path.native().starts_with(directory.native() + "/");
}

void check_links(const data::Repository& repository, const fs::path& location) {
  fs::path at = repository.root();
  for (const fs::path& part : location.lexically_relative(repository.root())) {
    at /= part;
    std::error_code ignored;
    if (fs::is_symlink(at, ignored) && fs::is_directory(at, ignored)) {
      fail(Code::failed_precondition,
           "Cannot add files inside symlinked directories to DVC. See "
           "<https://dvc.org/doc/user-guide/troubleshooting#add-symlink> for more information.");
    }
  }
}

void check_overlap(const Project& project, const fs::path& location, const fs::path& own_file) {
  for (const Stage& stage : project.stages()) {
    if (stage.file == own_file) continue;
    for (const data::Output& out : stage.outs) {
      std::string other = address_of(stage, project.cwd());
      if (out.location == location) {
        fail(Code::failed_precondition,
             "output '{}' is already specified in stage: '{}'. Use `dvc commit` to record a new version of it.",
             shown_path(location, project.cwd()), other);
      }
      if (is_inside(out.location, location) || is_inside(location, out.location)) {
        fail(Code::failed_precondition,
             "The output paths:\n'{}'('{}')\n'{}'('{}')\noverlap and are thus in the same tracked directory.\nTo keep "
             "reproducibility, "
             "outputs should be in separate tracked directories or tracked individually.",
             shown_path(location, project.cwd()), shown_path(own_file, project.cwd()),
             shown_path(out.location, project.cwd()), other);
      }
    }
  }
}

data::DvcFile file_of(const Stage& stage) {
  data::DvcFile file;
  file.path = stage.file;
  file.directory = stage.directory;
  file.outs = stage.outs;
  return file;
}

// Renews the entries of `inside` within a tracked directory and leaves the others as they were recorded.
void renew_part(data::Repository& repository, data::Output& output, const fs::path& inside, const AddOptions& options) {
  if (!repository.cache().has(output.oid, output.algorithm)) {
    fail(Error{Code::not_found,
               fmt::format("directory object {} of '{}' is not in the cache", output.oid, output.path),
               {},
               "fettle fetch"});
  }
  data::Tree tree = repository.cache().read_tree(output.oid, output.algorithm);
  std::string path = inside.lexically_relative(output.location).generic_string();
  size_t before = tree.entries.size();
  std::erase_if(tree.entries,
                [&](const data::TreeEntry& e) { return e.path == path || e.path.starts_with(path + "/"); });
  bool removed = tree.entries.size() != before;
  uint64_t added_bytes = 0;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(inside, ignored))) {
    data::Snapshot part = options.into_cache ? data::store(repository, inside) : *data::snapshot(repository, inside);
    added_bytes = part.size;
    if (!part.is_directory) tree.entries.push_back({path, part.oid});
    for (const data::TreeEntry& entry : part.tree.entries) tree.entries.push_back({path + "/" + entry.path, entry.md5});
  } else if (!removed) {
    fail(Code::not_found, "[Errno 2] No such file or directory: '{}'", inside.string());
  }
  std::sort(tree.entries.begin(), tree.entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::string encoded = data::encode_tree(tree);
  std::string oid = data::tree_id(encoded);
  if (oid == output.oid) return;
  repository.cache().add_bytes(oid, encoded);
  output.oid = oid;
  output.files = static_cast<int64_t>(tree.entries.size());
  bool only_added = !removed && output.size.has_value();
  output.size = only_added ? std::optional(*output.size + static_cast<int64_t>(added_bytes)) : std::nullopt;
}

}  // namespace

std::vector<fs::path> ignore_output(data::Repository& repository, const data::Output& output) {
  if (!output.cached || !repository.git_root()) return {};
  std::error_code ignored;
  bool is_directory = fs::is_directory(output.location, ignored);
  if (data::git_ignores(*repository.git_root(), output.location, is_directory)) return {};
  if (repository.is_git_tracked(output.location)) {
    std::string name = repository.relative(output.location);
    fail(Code::failed_precondition,
         " output '{0}' is already tracked by SCM (e.g. Git).\n    You can remove it from Git, then add to DVC.\n      "
         "  To stop tracking "
         "from Git:\n            git rm -r --cached '{0}'\n            git commit -m \"stop tracking {0}\" ",
         name);
  }
  return {data::add_git_ignore(output.location)};
}

std::vector<fs::path> add_path(Project& project, const std::string& target, const AddOptions& options) {
  data::Repository& repository = project.repository();
  fs::path location = (project.cwd() / target).lexically_normal();
  if (!location.has_filename()) location = location.parent_path();
  if (location == repository.root())
    fail(Code::invalid_argument, "'{}' is the repository itself; add a path inside it", target);
  if (!repository.contains(location))
    fail(Code::failed_precondition, "output '{}' is outside of the repository", target);
  data::resolve_output(repository, repository.root(), repository.relative(location));
  check_links(repository, location);
  for (Stage& stage : project.stages()) {
    for (data::Output& out : stage.outs) {
      if (!stage.is_data() || !is_inside(location, out.location) || !data::is_directory_id(out.oid)) continue;
      renew_part(repository, out, location, options);
      data::save_dvc_file(file_of(stage));
      return {stage.file};
    }
  }
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(location, ignored))) {
    fail(Code::not_found, "output '{}' does not exist: [Errno 2] No such file or directory: '{}'", target,
         location.string());
  }
  std::string name = location.filename().string();
  if (name.ends_with(".dvc") || name == "dvc.yaml" || name == "dvc.lock") {
    fail(Code::invalid_argument, "DVC file '{}' cannot be an output.", shown_path(location, project.cwd()));
  }
  data::DvcFile file = data::DvcFile::for_path(location);
  check_overlap(project, location, file.path);
  for (const Stage& stage : project.stages()) {
    bool same_out = stage.is_data() && stage.outs.size() == 1 && stage.outs[0].location == location;
    if (stage.file == file.path && same_out) file = file_of(stage);
  }
  std::vector<fs::path> changed = ignore_output(repository, file.outs[0]);
  try {
    data::save(repository, file.outs[0], options.into_cache);
  } catch (...) {
    if (!changed.empty()) data::remove_git_ignore(location);
    throw;
  }
  data::save_dvc_file(file);
  changed.insert(changed.begin(), file.path);
  return changed;
}

std::vector<fs::path> commit_stage(Project& project, size_t index, bool into_cache) {
  Stage& stage = project.stages()[index];
  data::Repository& repository = project.repository();
  std::vector<fs::path> changed;
  for (data::Output& dep : stage.deps) {
    if (!stage.is_data()) data::save(repository, dep, false);
  }
  for (data::Output& out : stage.outs) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(out.location, ignored)))
      fail(Code::not_found, "output '{}' does not exist", out.path);
    data::save(repository, out, into_cache && out.cached);
    if (!stage.is_import || stage.is_data()) {
      for (fs::path& file : ignore_output(repository, out)) changed.push_back(std::move(file));
    }
  }
  if (std::optional<fs::path> file = save_stage(stage)) changed.insert(changed.begin(), *file);
  return changed;
}

void remove_stage(Project& project, size_t index, bool remove_outputs) {
  const Stage& stage = project.stages()[index];
  // Data that is no longer tracked but stays is the user's: no later checkout may remove it.
  std::set<std::string> placed = read_placed(project.repository());
  size_t before = placed.size();
  for (const data::Output& out : stage.outs) placed.erase(project.repository().relative(out.location));
  if (placed.size() != before) write_placed(project.repository(), placed);
  for (const data::Output& out : stage.outs) {
    if (out.cached && project.repository().git_root()) data::remove_git_ignore(out.location);
    if (remove_outputs) {
      data::remove_from_workspace(project.repository(), out.location, true);
    } else if (stage.is_data()) {
      data::unprotect(out.location);
    }
  }
  if (stage.is_data()) {
    fs::remove(stage.file);
    return;
  }
  std::string name = stage.name.substr(0, stage.templated ? stage.name.find('@') : std::string::npos);
  remove_from_dvc_yaml(stage.file, name);
  remove_lock_entry(stage.lock_file(), stage.name);
}

}  // namespace fettle::pipelines
