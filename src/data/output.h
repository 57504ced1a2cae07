// One tracked path: what its entry in a `.dvc`, dvc.yaml or dvc.lock says, and the operations on it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/repository.h"
#include "data/workspace.h"

namespace fettle::data {

enum class OutputKind { plain, metric, plot };

struct Output {
  std::string path;                // as the file writes it
  std::filesystem::path location;  // absolute, normal
  std::string oid;                 // empty: no hash yet
  Algorithm algorithm = Algorithm::md5;
  std::string unknown_algorithm;  // a `hash:` that is not supported: the object cannot be found
  std::optional<int64_t> size;
  std::optional<int64_t> files;
  bool executable = false;
  bool cached = true;
  bool persist = false;
  bool pushed = true;
  std::string remote;
  OutputKind kind = OutputKind::plain;

  bool has_hash() const { return !oid.empty(); }
};

// Resolves `path` of a file in `directory` and checks that it is inside the repository: failed_precondition otherwise.
std::filesystem::path resolve_output(const Repository& repository, const std::filesystem::path& directory,
                                     const std::string& path);

enum class OutputState { unchanged, modified, deleted, added, not_in_cache };
// "modified", "deleted", "new", "not in cache"; empty for unchanged.
std::string_view word_of(OutputState state);

// In DVC's order of questions: the cache first, then the workspace.
OutputState state_of(Repository& repository, const Output& output);
// Whether the workspace has other content than the entry says (or none at all).
bool is_changed(Repository& repository, const Output& output);

// Takes the hash, size and mode of the workspace into the entry; with `into_cache` the content is stored first, and the
// workspace relinked where the configured cache type asks for it.
void save(Repository& repository, Output& output, bool into_cache);
void fill_from(Output& output, const Snapshot& snapshot);

// Takes links to the cache away, so that the file may be written: a hardlink or symlink becomes a copy.
void unprotect(const std::filesystem::path& path);

enum class CheckoutChange { none, added, modified, deleted };
struct CheckoutOptions {
  bool force = false;  // overwrite files whose content is not in the cache
  bool relink = false;
};
// Makes the workspace equal to the entry. Everything is checked first: data_loss/not_found when an object is missing or
// malformed, and failed_precondition when a file that would go is not in the cache (details: the files). Nothing was
// changed then.
CheckoutChange checkout(Repository& repository, const Output& output, const CheckoutOptions& options);
// Takes an output out of the workspace, under the same guard.
CheckoutChange remove_from_workspace(Repository& repository, const std::filesystem::path& location, bool force);

}  // namespace fettle::data
