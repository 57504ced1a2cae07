// Directory objects (`.dir`): what a tracked directory consists of, by content (spec data-versioning 1.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fettle::data {

// md5 in lower-case hex, `.dir` appended for a directory object: the name of a cached object.
bool is_object_id(std::string_view text);
inline bool is_directory_id(std::string_view oid) { return oid.ends_with(".dir"); }

struct TreeEntry {
  std::string path;  // relative, with `/`, UTF-8
  std::string md5;
  bool operator==(const TreeEntry&) const = default;
};

struct Tree {
  std::vector<TreeEntry> entries;  // sorted by path, as bytes
  bool operator==(const Tree&) const = default;
};

// The object's bytes: a JSON array in Python's style. The entries must be sorted.
std::string encode_tree(const Tree& tree);
// md5 of the bytes, with `.dir`.
std::string tree_id(std::string_view encoded);

// Throws data_loss, naming `oid`, for anything that is not a well-formed directory object: bad JSON, an entry without
// md5, a path that is absolute, empty, leaves the directory, has a `.git` or `.dvc` part, stands twice, or is both file
// and directory.
Tree decode_tree(std::string_view encoded, std::string_view oid);

}  // namespace fettle::data
