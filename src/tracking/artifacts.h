// Artifacts: names onto content-addressed blobs. A path is relative to the artifact root
// (`0/<run>/artifacts/model/MLmodel`); everything that comes from a client goes through normal_artifact_path first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "blob/store.h"
#include "tracking/config.h"

namespace fettle::sql {
class Database;
}

namespace fettle::tracking {

struct ArtifactInfo {
  std::string path;  // relative to the artifact root
  std::string sha256;
  std::string md5;
  uint64_t size_bytes = 0;
  int64_t created_ms = 0;
};

// An entry of one directory level.
struct ArtifactEntry {
  std::string name;  // base name
  bool is_directory = false;
  uint64_t size_bytes = 0;
};

// Thread-safe; keeps references to its collaborators.
class Artifacts {
 public:
  Artifacts(sql::Database& database, blob::Store& store, const Clock& clock);

  // Receives a file; put_uploaded() gives it its name and makes the blob owned, in one transaction.
  std::unique_ptr<blob::Upload> begin_upload() { return store_.begin_upload(); }
  // Replaces what was there. invalid_argument for an unsafe path or one that ends in '/'.
  void put_uploaded(const std::string& path, const blob::Info& info);
  void put(const std::string& path, std::string_view bytes);

  // Nothing when there is no such file.
  std::optional<ArtifactInfo> find(const std::string& path) const;
  // not_found `No such artifact: '…'`; invalid_argument for a directory.
  ArtifactInfo get(const std::string& path) const;
  bool is_directory(const std::string& path) const;
  std::unique_ptr<blob::Reader> open(const ArtifactInfo& info, uint64_t offset = 0,
                                     std::optional<uint64_t> length = {}) const;
  // The whole content; resource_exhausted beyond `limit_bytes`.
  std::string read(const std::string& path, uint64_t limit_bytes = uint64_t{1} << 31) const;

  // One level below the directory, in order of name; empty when there is none.
  std::vector<ArtifactEntry> list(const std::string& directory) const;
  // Every file below the directory, in order of path.
  std::vector<ArtifactInfo> list_all(const std::string& directory) const;
  // The file or everything below the directory. How many files went.
  int64_t remove(const std::string& path);

  // Whether any reference holds the blob: the predicate of blob::sweep.
  bool is_owned(const std::string& sha256) const;

  // The path below the artifact root that an artifact URI of this server names (`mlflow-artifacts:/0/…`), optionally
  // joined with `below`. unimplemented for other schemes; invalid_argument `Invalid path` for an unsafe one.
  static std::string path_of(const std::string& artifact_uri, const std::string& below = "");

 private:
  sql::Database& database_;
  blob::Store& store_;
  const Clock& clock_;
};

}  // namespace fettle::tracking
