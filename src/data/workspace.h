// What a path in the workspace is right now: its files and their hashes, read only where the state cache does not know
// them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/digest.h"
#include "data/repository.h"
#include "data/tree.h"

namespace fettle::data {

struct ScannedFile {
  std::string path;  // relative to the scanned directory, with `/`; empty for a scanned file
  FileStamp stamp;
  mode_t mode = 0;
  bool is_link = false;  // a symbolic link to a file: its target is what counts
};

struct Scan {
  bool is_directory = false;
  std::vector<ScannedFile> files;  // sorted by path
};

// Nothing when the path does not exist. Links to directories inside are passed over, as DVC does. Failures: not_found
// for a broken link inside, failed_precondition for a `.dvcignore` inside, invalid_argument for a name that is not
// UTF-8.
std::optional<Scan> scan(const Repository& repository, const std::filesystem::path& path);

struct Snapshot {
  std::string oid;
  uint64_t size = 0;
  uint64_t files = 0;  // of a directory
  bool is_directory = false;
  bool executable = false;
  Tree tree;  // of a directory
};

// The content of `path` by id; nothing when it does not exist. Does not touch the cache.
std::optional<Snapshot> snapshot(Repository& repository, const std::filesystem::path& path,
                                 Algorithm algorithm = Algorithm::md5);

// As snapshot, storing what the cache lacks. Throws not_found when the path does not exist.
Snapshot store(Repository& repository, const std::filesystem::path& path);

// Key of a workspace file in the state cache.
std::string state_key(const Repository& repository, const std::filesystem::path& path,
                      Algorithm algorithm = Algorithm::md5);

}  // namespace fettle::data
