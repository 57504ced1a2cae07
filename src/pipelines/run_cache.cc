#include "pipelines/run_cache.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "pipelines/dvc_lock.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

fs::path directory_of(Project& project, const std::string& key) {
  return project.repository().cache().directory() / "runs" / key.substr(0, 2) / key;
}

// Every output of the stage is in the entry, and its content in the cache.
bool can_restore(Project& project, const Stage& stage, const LockEntry& entry) {
  for (const data::Output& out : stage.outs) {
    const data::Output* recorded = entry.find_out(out.path);
    if (recorded == nullptr || !recorded->has_hash() || !recorded->unknown_algorithm.empty()) return false;
    if (!project.repository().cache().has_all(recorded->oid, recorded->algorithm)) return false;
  }
  return true;
}

}  // namespace

bool is_cacheable(const Stage& stage) {
  if (stage.is_data() || !stage.has_command() || stage.always_changed || stage.outs.empty()) return false;
  if (stage.deps.empty() && stage.params.empty()) return false;
  return std::none_of(stage.outs.begin(), stage.outs.end(), [](const data::Output& out) { return out.persist; });
}

std::optional<LockEntry> find_cached_run(Project& project, const Stage& stage, const LockEntry& current) {
  fs::path directory = directory_of(project, run_cache_names(current).key);
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) return std::nullopt;
  fs::path newest;
  fs::file_time_type newest_time;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    if (newest.empty() || entry.last_write_time() > newest_time) {
      newest = entry.path();
      newest_time = entry.last_write_time();
    }
  }
  if (newest.empty()) return std::nullopt;
  std::optional<LockEntry> entry = parse_run_cache(read_file(newest, kMaxBytes));
  if (!entry || !can_restore(project, stage, *entry)) return std::nullopt;
  return entry;
}

void save_run(Project& project, const Stage& stage, const LockEntry& entry) {
  for (const data::Output& out : stage.outs) {
    if (!out.cached) data::store(project.repository(), out.location);
  }
  RunCacheNames names = run_cache_names(entry);
  fs::path file = directory_of(project, names.key) / names.value;
  std::error_code ignored;
  if (fs::exists(file, ignored)) return;
  fs::create_directories(file.parent_path());
  write_file_atomic(file, names.text);
}

}  // namespace fettle::pipelines
