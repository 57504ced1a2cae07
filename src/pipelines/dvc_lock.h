// dvc.lock: what each stage consumed and produced when it last ran (spec data-versioning 1.8).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "data/repository.h"
#include "pipelines/stage.h"

namespace fettle::pipelines {

// All entries by stage name; none when the file does not exist. invalid_argument in DVC's words otherwise.
std::map<std::string, LockEntry> load_lock(const data::Repository& repository, const std::filesystem::path& file);

enum class LockWrite { unchanged, updated, created };
// Puts one stage's entry in; the rest of the file keeps its bytes.
LockWrite save_lock_entry(const std::filesystem::path& file, const std::string& stage, const LockEntry& entry);
// Takes one out; the file goes with its last entry.
void remove_lock_entry(const std::filesystem::path& file, const std::string& stage);

// Names of a run in the run cache (1.9): `key` from what went in, `value` from what came out too; `text` is the cached
// file.
struct RunCacheNames {
  std::string key;
  std::string value;
  std::string text;
};
RunCacheNames run_cache_names(const LockEntry& entry);
// Reads a run-cache file; nothing when it is malformed or names unsafe paths.
std::optional<LockEntry> parse_run_cache(const std::string& text);

}  // namespace fettle::pipelines
