#include "data/cache.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/id.h"
#include "data/failures.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;
constexpr size_t kBlock = size_t{1} << 20;
constexpr auto kAbandonedAfter = std::chrono::hours(24);
constexpr uint64_t kMaxTreeBytes = uint64_t{4} << 30;

fs::path beside(const fs::path& target) {
  return target.parent_path() / fmt::format(".{}.tmp", to_hex(random_bytes(8)));
}

Fd create(const fs::path& path, mode_t mode) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  Fd fd(::open(path.c_str(), flags, mode));
  if (!fd && errno == ENOENT) {  // another process of a shared cache may just have removed the empty directory
    fs::create_directories(path.parent_path());
    fd = Fd(::open(path.c_str(), flags, mode));
  }
  if (!fd) fail_errno(errno, "cannot create", path);
  return fd;
}

// Copies and hashes in one pass.
std::string copy_hashing(int from, int to, const fs::path& source, const fs::path& target) {
  Hasher hasher(HashKind::md5);
  thread_local std::string buffer;
  buffer.resize(kBlock);
  while (true) {
    ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, "cannot read", source);
    if (got == 0) break;
    std::string_view piece(buffer.data(), static_cast<size_t>(got));
    hasher.update(piece);
    write_all(to, piece, target);
  }
  return hasher.finish_hex();
}

bool clone_file(int from, int to) { return ::ioctl(to, FICLONE, from) == 0; }

// What a killed process left behind. Others may be writing here right now: only what is old goes.
void remove_abandoned(const fs::path& directory) {
  auto limit = fs::file_time_type::clock::now() - kAbandonedAfter;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.last_write_time(ignored) < limit) fs::remove(entry.path(), ignored);
  }
}

// Removes the file at the end unless it was kept.
struct Temporary {
  fs::path path;
  bool keep = false;
  ~Temporary() {
    if (!keep) ::unlink(path.c_str());
  }
};

}  // namespace

LinkType parse_link_type(std::string_view name) {
  if (name == "reflink") return LinkType::reflink;
  if (name == "hardlink") return LinkType::hardlink;
  if (name == "symlink") return LinkType::symlink;
  if (name == "copy") return LinkType::copy;
  throw ConfigFailure(
      Error{Code::invalid_argument,
            fmt::format("configuration error - config file error: unsupported cache type '{}', expected reflink, "
                        "hardlink, symlink or copy",
                        name)});
}

mode_t default_mode(mode_t base) {
  static const mode_t mask = [] {
    mode_t old = ::umask(0);
    ::umask(old);
    return old;
  }();
  return base & ~mask;
}

Cache::Cache(fs::path directory, Options options) : directory_(std::move(directory)), options_(std::move(options)) {
  default_mode(0666);  // read the umask before threads start
}

Cache::~Cache() {
  if (!directory_.empty()) ::rmdir((directory_ / "incoming").c_str());  // stays where another process still writes
}

fs::path Cache::object_path(std::string_view oid, Algorithm algorithm) const {
  FETTLE_CHECK(is_object_id(oid), "an object id was checked when it was read");
  fs::path base = algorithm == Algorithm::md5 ? directory_ / "files" / "md5" : directory_;
  return base / oid.substr(0, 2) / oid.substr(2);
}

bool Cache::has(std::string_view oid, Algorithm algorithm) const {
  if (!is_object_id(oid)) return false;
  fs::path path = object_path(oid, algorithm);
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  if ((info.st_mode & 07777) == 0444) return true;
  Algorithm how = is_directory_id(oid) ? Algorithm::md5 : algorithm;
  if (file_md5(path, how) != oid.substr(0, 32)) {
    ::unlink(path.c_str());
    return false;
  }
  ::chmod(path.c_str(), 0444);
  return true;
}

bool Cache::has_all(std::string_view oid, Algorithm algorithm) const {
  if (!has(oid, algorithm)) return false;
  if (!is_directory_id(oid)) return true;
  Outcome<Tree> tree = outcome_of([&] { return read_tree(oid, algorithm); });
  if (!tree) return false;
  std::atomic<bool> complete = true;
  parallel_for(tree->entries.size(), [&](size_t i) {
    if (complete && !has(tree->entries[i].md5, algorithm)) complete = false;
  });
  return complete;
}

fs::path Cache::temporary() {
  fs::path directory = directory_ / "incoming";
  std::call_once(swept_, [&] {
    fs::create_directories(directory);
    remove_abandoned(directory);
  });
  return directory / to_hex(random_bytes(12));
}

void Cache::commit(const fs::path& temporary, const fs::path& object) {
  ::chmod(temporary.c_str(), 0444);
  if (::rename(temporary.c_str(), object.c_str()) == 0) return;
  if (errno != ENOENT) fail_errno(errno, "cannot store", object);
  fs::create_directories(object.parent_path());
  if (options_.group_shared) ::chmod(object.parent_path().c_str(), 02775);
  if (::rename(temporary.c_str(), object.c_str()) != 0) fail_errno(errno, "cannot store", object);
}

std::string Cache::add_file(const fs::path& source) {
  Fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) fail_errno(errno, "cannot open", source);
  Temporary target{temporary()};
  Fd to = create(target.path, 0600);
  std::string md5;
  if (options_.link_types[0] != LinkType::copy && clone_file(from.get(), to.get())) {
    md5 = file_md5(target.path);
  } else {
    md5 = copy_hashing(from.get(), to.get(), source, target.path);
  }
  to.reset();
  if (has(md5)) return md5;
  commit(target.path, object_path(md5));
  target.keep = true;
  return md5;
}

void Cache::add_file_as(const fs::path& source, std::string_view oid, Algorithm algorithm) {
  Fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) fail_errno(errno, "cannot open", source);
  Temporary target{temporary()};
  Fd to = create(target.path, 0600);
  std::string md5 = copy_hashing(from.get(), to.get(), source, target.path);
  to.reset();
  if (algorithm == Algorithm::md5_dos2unix && !is_directory_id(oid)) md5 = file_md5(target.path, algorithm);
  if (md5 != oid.substr(0, 32)) fail(Code::data_loss, "object {} is corrupt (got {})", oid, md5);
  commit(target.path, object_path(oid, algorithm));
  target.keep = true;
}

void Cache::add_bytes(std::string_view oid, std::string_view content) {
  if (has(oid)) return;
  Temporary target{temporary()};
  Fd to = create(target.path, 0600);
  write_all(to.get(), content, target.path);
  to.reset();
  commit(target.path, object_path(oid));
  target.keep = true;
}

Tree Cache::read_tree(std::string_view oid, Algorithm algorithm) const {
  return decode_tree(read_file(object_path(oid, algorithm), kMaxTreeBytes), oid);
}

void Cache::copy_verified(std::string_view oid, const fs::path& object, const fs::path& target) {
  Fd from(::open(object.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) fail_errno(errno, "cannot open", object);
  Fd to = create(target, 0666);
  std::string md5 = copy_hashing(from.get(), to.get(), object, target);
  if (md5 == oid.substr(0, 32)) return;
  to.reset();
  ::unlink(target.c_str());
  fs::path aside = directory_ / "quarantine";
  fs::create_directories(aside);
  ::rename(object.c_str(), (aside / std::string(oid)).c_str());
  fail(Error{Code::data_loss,
             fmt::format("cached object {} is damaged (its content hashes to {}) and was set aside", oid, md5),
             {},
             "fetch it again from a remote: fettle fetch"});
}

bool Cache::try_link(LinkType type, std::string_view oid, const fs::path& object, const fs::path& target) {
  switch (type) {
    case LinkType::hardlink: {
      struct stat info{};
      if (::stat(object.c_str(), &info) == 0 && info.st_size == 0) {
        create(target, 0666);  // a shared empty inode would run out of links
        return true;
      }
      return ::link(object.c_str(), target.c_str()) == 0;
    }
    case LinkType::symlink: return ::symlink(fs::absolute(object).c_str(), target.c_str()) == 0;
    case LinkType::reflink: {
      Fd from(::open(object.c_str(), O_RDONLY | O_CLOEXEC));
      if (!from) fail_errno(errno, "cannot open", object);
      Fd to = create(target, 0666);
      if (clone_file(from.get(), to.get())) return true;
      ::unlink(target.c_str());
      return false;
    }
    case LinkType::copy: copy_verified(oid, object, target); return true;
  }
  return false;
}

void Cache::place(std::string_view oid, const fs::path& destination, bool executable, Algorithm algorithm) {
  fs::path object = object_path(oid, algorithm);
  Temporary target{beside(destination)};
  bool done = false;
  LinkType used = LinkType::copy;
  if (algorithm == Algorithm::md5_dos2unix) {
    fs::copy_file(object, target.path);  // its name is not the md5 of its bytes
    ::chmod(target.path.c_str(), default_mode(0666));
    done = true;
  }
  for (LinkType type : options_.link_types) {
    if (done) break;
    used = type;
    done = try_link(type, oid, object, target.path);
  }
  if (!done) {
    fail(Code::failed_precondition, "cannot link '{}' from the cache: none of the configured cache types works here",
         destination.string());
  }
  bool own_inode = used == LinkType::copy || used == LinkType::reflink;
  if (executable && own_inode) ::chmod(target.path.c_str(), default_mode(0666) | 0100);
  if (::rename(target.path.c_str(), destination.c_str()) != 0) fail_errno(errno, "cannot write", destination);
  // rename() of two names of one inode does nothing, and leaves the temporary to be removed.
}

bool Cache::is_placed_as_configured(const fs::path& file, std::string_view oid) const {
  struct stat info{};
  if (::lstat(file.c_str(), &info) != 0) return false;
  LinkType first = options_.link_types[0];
  if (first == LinkType::symlink)
    return S_ISLNK(info.st_mode) && fs::read_symlink(file) == fs::absolute(object_path(oid));
  if (S_ISLNK(info.st_mode)) return false;
  if (first != LinkType::hardlink) return info.st_nlink == 1;
  struct stat object{};
  bool shared =
      ::stat(object_path(oid).c_str(), &object) == 0 && object.st_ino == info.st_ino && object.st_dev == info.st_dev;
  return shared || info.st_size == 0;
}

}  // namespace fettle::data
