// The repository's lock, which DVC's own processes honour too: flock on `.dvc/tmp/lock` (spec data-versioning 1.14).
#pragma once

#include <filesystem>

#include "base/file.h"

namespace fettle::data {

class RepositoryLock {
 public:
  struct Options {
    int attempts = 6;  // half a second apart
    bool wait_forever = false;
  };
  // Throws LockFailure when another process keeps it.
  RepositoryLock(std::filesystem::path file, Options options);
  RepositoryLock(RepositoryLock&&) noexcept = default;
  RepositoryLock& operator=(RepositoryLock&&) noexcept = default;

  // Lets others in while a stage's command runs.
  void release();
  void acquire();

 private:
  std::filesystem::path file_;
  Options options_;
  Fd fd_;
};

}  // namespace fettle::data
