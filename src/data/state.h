// What each file hashed to when it was last read, so that an unchanged file is not read again. Pure cache: it may be
// deleted.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "data/digest.h"

namespace fettle::data {

// One file, `.dvc/tmp/fettle.state`; keys are paths relative to the repository. Thread-safe.
class StateCache {
 public:
  explicit StateCache(std::filesystem::path file) : file_(std::move(file)) {}

  // The md5 (hex) if the file still has this stamp.
  std::optional<std::string> find(std::string_view key, const FileStamp& stamp);
  // `hashed_at_ns`: wall time when reading began. A file written within 20 ms before that is not remembered: a later
  // write in the same tick of the file system's clock would not show.
  void record(std::string_view key, const FileStamp& stamp, std::string_view md5, int64_t hashed_at_ns);
  // Writes the file if anything was recorded. Failures are ignored: the next command hashes again.
  void flush();

 private:
  struct Entry {
    FileStamp stamp;
    char md5[16];
  };
  void load();

  std::mutex mutex_;
  std::filesystem::path file_;
  bool loaded_ = false;
  bool changed_ = false;
  std::unordered_map<std::string, Entry> entries_;
};

// Wall time in nanoseconds, as file stamps have it.
int64_t wall_ns();

}  // namespace fettle::data
