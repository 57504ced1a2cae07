// A data repository: where it is, how it is configured, and the cache and memory that operations on its files share.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "data/cache.h"
#include "data/config.h"
#include "data/ignore.h"
#include "data/lock.h"
#include "data/state.h"

namespace fettle::data {

// Counters that long work advances and a progress display reads. Thread-safe.
struct Progress {
  std::atomic<const char*> verb = "";
  std::atomic<uint64_t> files = 0;
  std::atomic<uint64_t> total_files = 0;  // 0: not known yet
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> total_bytes = 0;
  void start(const char* what, uint64_t all_files, uint64_t all_bytes);
  void advance(uint64_t more_bytes);
};

// One opened repository. Operations on it run on one thread at a time; the cache, the state and the progress are shared
// with workers.
class Repository {
 public:
  // The nearest folder with a `.dvc` at or above `start`. Throws NotInRepository, ConfigFailure.
  static Repository open(const std::filesystem::path& start);
  // Makes one. Throws failed_precondition in DVC's words when it exists or there is no git repository.
  struct InitOptions {
    bool no_scm = false;
    bool force = false;
    bool subdirectory = false;
  };
  static void init(const std::filesystem::path& directory, const InitOptions& options);

  ~Repository();
  Repository(Repository&&) noexcept;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path dvc_dir() const { return root_ / ".dvc"; }
  std::filesystem::path temporary_dir() const { return root_ / ".dvc" / "tmp"; }
  // The git repository around it; nothing with core.no_scm.
  const std::optional<std::filesystem::path>& git_root() const { return git_root_; }
  const Config& config() const { return config_; }
  Cache& cache() { return *cache_; }
  StateCache& state() { return *state_; }
  Progress& progress() { return *progress_; }

  RepositoryLock lock(bool wait_forever = false) const;
  // `path` (absolute) relative to the root, with `/`.
  std::string relative(const std::filesystem::path& path) const;
  bool contains(const std::filesystem::path& path) const;
  // The `.dvcignore` rules that hold at `directory` (absolute) and above; paths relative to the root.
  IgnoreRules ignore_rules_at(const std::filesystem::path& directory) const;
  // Whether git tracks anything at this path.
  bool is_git_tracked(const std::filesystem::path& path) const;
  // `git add`, where core.autostage asks for it or the caller insists. Returns whether it was done.
  bool git_add(const std::vector<std::filesystem::path>& paths, bool insist = false) const;
  // HEAD's commit id; nothing without git or before the first commit.
  std::optional<std::string> git_commit() const;

 private:
  Repository(std::filesystem::path root, Config config);
  std::filesystem::path root_;
  std::optional<std::filesystem::path> git_root_;
  Config config_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<StateCache> state_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace fettle::data
