#include "data/output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

// After storing: links to elsewhere become regular files, and files become links where the cache type is one.
void relink(Repository& repository, const fs::path& location, const Scan& scanned, const Snapshot& stored) {
  Cache& cache = repository.cache();
  parallel_for(scanned.files.size(), [&](size_t i) {
    const ScannedFile& file = scanned.files[i];
    fs::path path = file.path.empty() ? location : location / file.path;
    const std::string& oid = scanned.is_directory ? stored.tree.entries[i].md5 : stored.oid;
    if (cache.is_placed_as_configured(path, oid)) return;
    cache.place(oid, path, (file.mode & 0111) != 0);
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0)
      repository.state().record(state_key(repository, path), stamp_of(info), oid, wall_ns());
  });
}

}  // namespace

fs::path resolve_output(const Repository& repository, const fs::path& directory, const std::string& path) {
  if (path.empty()) fail(Code::invalid_argument, "an output has an empty path");
  fs::path location = (directory / path).lexically_normal();
  if (!location.has_filename()) location = location.parent_path();
  if (!repository.contains(location) || location == repository.root()) {
    fail(Code::failed_precondition, "output '{}' is outside of the repository", path);
  }
  std::string inside = repository.relative(location);
  if (inside == ".git" || inside.starts_with(".git/") || inside == ".dvc" || inside.starts_with(".dvc/")) {
    fail(Code::failed_precondition, "Path '{}' is ignored by :.{}", location.string(),
         inside.starts_with(".git") ? "git" : "dvc");
  }
  return location;
}

std::string_view word_of(OutputState state) {
  switch (state) {
    case OutputState::unchanged: return "";
    case OutputState::modified: return "modified";
    case OutputState::deleted: return "deleted";
    case OutputState::added: return "new";
    case OutputState::not_in_cache: return "not in cache";
  }
  return "";
}

bool is_changed(Repository& repository, const Output& output) {
  std::optional<Snapshot> now = snapshot(repository, output.location, output.algorithm);
  return !now || now->oid != output.oid;
}

OutputState state_of(Repository& repository, const Output& output) {
  if (output.has_hash() && output.cached) {
    if (!output.unknown_algorithm.empty()) return OutputState::not_in_cache;
    if (!repository.cache().has_all(output.oid, output.algorithm)) return OutputState::not_in_cache;
  }
  std::optional<Snapshot> now = snapshot(repository, output.location, output.algorithm);
  if (!now) return OutputState::deleted;
  if (!output.has_hash()) return OutputState::added;
  return now->oid == output.oid ? OutputState::unchanged : OutputState::modified;
}

void fill_from(Output& output, const Snapshot& snapshot) {
  bool same = output.oid == snapshot.oid;
  output.oid = snapshot.oid;
  output.executable = snapshot.executable;
  if (!same || !output.size) output.size = static_cast<int64_t>(snapshot.size);
  output.files = snapshot.is_directory ? std::optional(static_cast<int64_t>(snapshot.files)) : std::nullopt;
}

void save(Repository& repository, Output& output, bool into_cache) {
  if (output.algorithm == Algorithm::md5_dos2unix && output.has_hash() && !is_changed(repository, output)) return;
  if (!into_cache) {
    std::optional<Snapshot> now = snapshot(repository, output.location);
    if (!now) fail(Code::not_found, "output '{}' does not exist", output.path);
    output.algorithm = Algorithm::md5;
    fill_from(output, *now);
    return;
  }
  Snapshot stored = store(repository, output.location);
  std::optional<Scan> scanned = scan(repository, output.location);
  output.algorithm = Algorithm::md5;
  fill_from(output, stored);
  // A file that came or went meanwhile is the next command's business.
  bool same = scanned && scanned->is_directory == stored.is_directory &&
              (!stored.is_directory || scanned->files.size() == stored.tree.entries.size());
  if (same) relink(repository, output.location, *scanned, stored);
}

void unprotect(const fs::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return;
  if (S_ISDIR(info.st_mode)) {
    for (const auto& entry : fs::directory_iterator(path)) unprotect(entry.path());
    return;
  }
  bool is_linked = S_ISLNK(info.st_mode) || info.st_nlink > 1;
  if (!S_ISLNK(info.st_mode) && !S_ISREG(info.st_mode)) return;
  if (is_linked) {
    fs::path copy = path.parent_path() / fmt::format(".{}.tmp", to_hex(random_bytes(8)));
    fs::copy_file(path, copy);
    fs::rename(copy, path);
  }
  if (is_linked || (info.st_mode & 0222) == 0) ::chmod(path.c_str(), default_mode(0666) | (info.st_mode & 0100));
}

}  // namespace fettle::data
