#include "data/workspace.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/failures.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxDepth = 500;

std::string shown_bytes(std::string_view name) {
  std::string out;
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

[[noreturn]] void missing(const fs::path& path) {
  fail(Code::not_found, "[Errno 2] No such file or directory: '{}'", path.string());
}

// Walks one directory tree, entry by entry relative to open directories.
class Walker {
 public:
  Walker(fs::path top, std::string top_relative, const IgnoreRules& rules, std::vector<ScannedFile>& out)
      : top_(std::move(top)), top_relative_(std::move(top_relative)), rules_(rules), out_(out) {}

  void walk(const std::string& prefix, size_t depth) {
    if (depth > kMaxDepth)
      fail(Code::resource_exhausted, "directories nested deeper than {} levels in '{}'", kMaxDepth, top_.string());
    fs::path directory = prefix.empty() ? top_ : top_ / prefix;
    DIR* opened = ::opendir(directory.c_str());
    if (opened == nullptr) fail_errno(errno, "cannot read directory", directory);
    std::unique_ptr<DIR, int (*)(DIR*)> guard(opened, ::closedir);
    std::vector<std::string> below;
    while (const struct dirent* entry = ::readdir(opened)) {
      std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (visit(::dirfd(opened), directory, prefix, std::string(name))) below.emplace_back(name);
    }
    guard.reset();
    for (const std::string& name : below) walk(prefix.empty() ? name : prefix + "/" + name, depth + 1);
  }

 private:
  // True for a directory to descend into.
  bool visit(int at, const fs::path& directory, const std::string& prefix, const std::string& name) {
    struct stat info{};
    if (::fstatat(at, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) missing(directory / name);
    bool is_link = S_ISLNK(info.st_mode);
    std::string path = prefix.empty() ? name : prefix + "/" + name;
    if (name == ".dvcignore") {
      throw CollectFailure(
          Error{Code::failed_precondition,
                fmt::format(".dvcignore file should not be in collected dir path: '{}'", directory.string())});
    }
    if (rules_.ignores_leaf(top_relative_ + "/" + path, S_ISDIR(info.st_mode))) return false;
    if (is_link && ::fstatat(at, name.c_str(), &info, 0) != 0) missing(directory / name);
    if (!is_valid_utf8(name)) {
      fail(Code::invalid_argument, "file name '{}' in '{}' is not UTF-8; rename it", shown_bytes(name),
           directory.string());
    }
    if (S_ISDIR(info.st_mode)) return !is_link;
    if (S_ISREG(info.st_mode)) out_.push_back({std::move(path), stamp_of(info), info.st_mode, is_link});
    return false;
  }

  fs::path top_;
  std::string top_relative_;
  const IgnoreRules& rules_;
  std::vector<ScannedFile>& out_;
};

fs::path file_path(const fs::path& top, const ScannedFile& file) { return file.path.empty() ? top : top / file.path; }

// Fills in one md5 for each scanned file; `hash` is asked where the state does not know.
template <class Hash>
std::vector<std::string> hashes_of(Repository& repository, const fs::path& top, const Scan& scanned,
                                   Algorithm algorithm, Hash&& hash) {
  std::vector<std::string> md5s(scanned.files.size());
  parallel_for(scanned.files.size(), [&](size_t i) {
    const ScannedFile& file = scanned.files[i];
    fs::path path = file_path(top, file);
    std::string key = state_key(repository, path, algorithm);
    std::optional<std::string> known = repository.state().find(key, file.stamp);
    int64_t now = wall_ns();
    md5s[i] = hash(path, std::move(known));
    repository.state().record(key, file.stamp, md5s[i], now);
    repository.progress().advance(file.stamp.size);
  });
  return md5s;
}

Snapshot snapshot_of(const Scan& scanned, std::vector<std::string> md5s) {
  Snapshot result;
  result.is_directory = scanned.is_directory;
  for (const ScannedFile& file : scanned.files) result.size += file.stamp.size;
  if (!scanned.is_directory) {
    result.oid = std::move(md5s[0]);
    result.executable = (scanned.files[0].mode & 0111) != 0;
    return result;
  }
  result.files = scanned.files.size();
  result.tree.entries.reserve(md5s.size());
  for (size_t i = 0; i < md5s.size(); ++i) result.tree.entries.push_back({scanned.files[i].path, std::move(md5s[i])});
  return result;
}

}  // namespace

std::string state_key(const Repository& repository, const fs::path& path, Algorithm algorithm) {
  const std::string& full = path.native();
  const std::string& root = repository.root().native();
  bool inside = full.size() > root.size() && full.starts_with(root) && full[root.size()] == '/';
  std::string key = inside ? full.substr(root.size() + 1) : full;
  return algorithm == Algorithm::md5 ? key : "dos2unix:" + key;
}

std::optional<Scan> scan(const Repository& repository, const fs::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  bool is_link = S_ISLNK(info.st_mode);
  if (is_link && ::stat(path.c_str(), &info) != 0) missing(path);
  Scan result;
  result.is_directory = S_ISDIR(info.st_mode);
  if (!result.is_directory) {
    if (!S_ISREG(info.st_mode)) fail(Code::invalid_argument, "'{}' is neither a file nor a directory", path.string());
    result.files.push_back({"", stamp_of(info), info.st_mode, is_link});
    return result;
  }
  IgnoreRules rules = repository.ignore_rules_at(path.parent_path());
  Walker(path, repository.relative(path), rules, result.files).walk("", 0);
  std::sort(result.files.begin(), result.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return result;
}

std::optional<Snapshot> snapshot(Repository& repository, const fs::path& path, Algorithm algorithm) {
  std::optional<Scan> scanned = scan(repository, path);
  if (!scanned) return std::nullopt;
  auto hash = [&](const fs::path& file, std::optional<std::string> known) {
    return known ? *known : file_md5(file, algorithm);
  };
  Snapshot result = snapshot_of(*scanned, hashes_of(repository, path, *scanned, algorithm, hash));
  if (result.is_directory) result.oid = tree_id(encode_tree(result.tree));
  return result;
}

Snapshot store(Repository& repository, const fs::path& path) {
  std::optional<Scan> scanned = scan(repository, path);
  if (!scanned) missing(path);
  uint64_t bytes = 0;
  for (const ScannedFile& file : scanned->files) bytes += file.stamp.size;
  repository.progress().start("add", scanned->files.size(), bytes);
  auto keep = [&](const fs::path& file, std::optional<std::string> known) {
    if (known && repository.cache().has(*known)) return *known;
    return repository.cache().add_file(file);
  };
  Snapshot result = snapshot_of(*scanned, hashes_of(repository, path, *scanned, Algorithm::md5, keep));
  if (result.is_directory) {
    std::string encoded = encode_tree(result.tree);
    result.oid = tree_id(encoded);
    repository.cache().add_bytes(result.oid, encoded);
  }
  return result;
}

}  // namespace fettle::data
