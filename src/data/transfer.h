// Moving objects between the cache and a remote that is a directory in the cache's own layout (spec
// data-versioning 1.15).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/output.h"

namespace fettle::data {

// What of an output is meant.
struct TransferItem {
  Output output;
  std::filesystem::path inside;  // only this path (absolute) in a tracked directory; empty: all of it
};

struct TransferReport {
  size_t moved = 0;                  // objects
  std::vector<std::string> missing;  // objects that neither side has, or that are corrupt: `OID (PATH)`
};

// The remote named, or the default one. Throws ConfigFailure in DVC's words: no such remote, none configured.
Config::Remote choose_remote(const Repository& repository, const std::string& name);

// Children before their directory object: on a remote, a directory object promises that its files are there. Content is
// hashed on the way, in both directions; a wrong one is not stored. Throws unimplemented for a remote that is not a
// directory.
TransferReport push(Repository& repository, const Config::Remote& remote, const std::vector<TransferItem>& items);
TransferReport fetch(Repository& repository, const Config::Remote& remote, const std::vector<TransferItem>& items);

enum class CloudState { synced, only_local, only_remote, missing };
struct CloudDifference {
  std::string name;  // path of the file, or of the output for a directory object
  CloudState state;
};
// What a push or fetch of the items would have to move.
std::vector<CloudDifference> compare_with_remote(Repository& repository, const Config::Remote& remote,
                                                 const std::vector<TransferItem>& items);

// Run-cache entries (`runs/`) that the other side lacks; returns how many were copied.
size_t push_run_cache(Repository& repository, const Config::Remote& remote);
size_t fetch_run_cache(Repository& repository, const Config::Remote& remote);

}  // namespace fettle::data
