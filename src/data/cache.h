// The cache of a repository in DVC 3's layout: objects named by their md5, mode 0444 being the mark of a trusted one
// (spec data-versioning 1.5). Objects appear whole: a temporary is renamed over, so a kill leaves no broken object.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "data/digest.h"
#include "data/tree.h"

namespace fettle::data {

enum class LinkType { reflink, hardlink, symlink, copy };
// Throws ConfigFailure for an unknown name.
LinkType parse_link_type(std::string_view name);

// Thread-safe.
class Cache {
 public:
  struct Options {
    std::vector<LinkType> link_types = {LinkType::reflink, LinkType::copy};
    bool group_shared = false;
  };
  Cache(std::filesystem::path directory, Options options);
  ~Cache();
  Cache(const Cache&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  // Where the object is or would be; legacy objects (DVC 2) lie directly below the directory.
  std::filesystem::path object_path(std::string_view oid, Algorithm algorithm = Algorithm::md5) const;
  // Whether a trusted object is there. One with another mode than 0444 is hashed first: removed if wrong, protected if
  // right.
  bool has(std::string_view oid, Algorithm algorithm = Algorithm::md5) const;
  // Whether the object, and for a directory all that it lists, is there. Objects that cannot be read count as missing.
  bool has_all(std::string_view oid, Algorithm algorithm = Algorithm::md5) const;

  // Stores the content of a file; returns its md5, taken from the very bytes that were stored.
  std::string add_file(const std::filesystem::path& source);
  // As above under a known id; data_loss when the content does not hash to it. For downloads and legacy objects.
  void add_file_as(const std::filesystem::path& source, std::string_view oid, Algorithm algorithm = Algorithm::md5);
  void add_bytes(std::string_view oid, std::string_view content);
  // Throws not_found, or data_loss when it is malformed.
  Tree read_tree(std::string_view oid, Algorithm algorithm = Algorithm::md5) const;

  // Puts the object at `destination`, replacing a file there, by the first link type that works. Copies are verified:
  // data_loss when the object does not hash to its name (it is moved aside then).
  void place(std::string_view oid, const std::filesystem::path& destination, bool executable,
             Algorithm algorithm = Algorithm::md5);
  // Whether a workspace file is already what the first configured link type would make of it. Reflinks and copies count
  // as one.
  bool is_placed_as_configured(const std::filesystem::path& file, std::string_view oid) const;

 private:
  std::filesystem::path temporary();
  void commit(const std::filesystem::path& temporary, const std::filesystem::path& object);
  void copy_verified(std::string_view oid, const std::filesystem::path& object, const std::filesystem::path& target);
  bool try_link(LinkType type, std::string_view oid, const std::filesystem::path& object,
                const std::filesystem::path& target);

  std::filesystem::path directory_;
  Options options_;
  std::once_flag swept_;
};

// 0666 or 0777 without the process's umask.
mode_t default_mode(mode_t base);

}  // namespace fettle::data
