// `.dvc` files: one tracked path, or one import, each (spec data-versioning 1.2).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/output.h"

namespace fettle::data {

struct DvcFile {
  std::filesystem::path path;       // absolute
  std::filesystem::path directory;  // that its paths are relative to
  std::vector<Output> outs;
  std::vector<Output> deps;  // of an import
  bool is_import = false;    // from another repository or a URL: push leaves it alone
  bool frozen = false;
  bool always_changed = false;
  std::string description;

  // The file that `fettle add` makes for a path.
  static DvcFile for_path(const std::filesystem::path& location);
};

// Throws invalid_argument in DVC's words (`'./f.dvc' validation failed.` …) for what DVC's schema refuses. An empty
// file is valid.
DvcFile load_dvc_file(const Repository& repository, const std::filesystem::path& path);
// Writes the hashes of `file.outs`; other keys, comments and order of an existing file stay. Returns whether bytes
// changed.
bool save_dvc_file(const DvcFile& file);

}  // namespace fettle::data
