#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "base/bytes.h"
#include "base/error.h"
#include "base/id.h"

namespace fettle {
namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return Code::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return Code::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE: return Code::resource_exhausted;
    case EEXIST: return Code::already_exists;
    default: return Code::internal;
  }
}

}  // namespace

Fd::~Fd() { reset(); }
Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}
int Fd::release() { return std::exchange(fd_, -1); }
void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

void fail_errno(int error_number, std::string_view doing, const std::filesystem::path& path) {
  fail(code_of(error_number), "{} '{}': {}", doing, path.string(), std::generic_category().message(error_number));
}

std::string read_file(const std::filesystem::path& path, uint64_t limit_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail_errno(errno, "cannot open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) fail_errno(errno, "cannot stat", path);
  if (S_ISDIR(info.st_mode)) fail(Code::invalid_argument, "'{}' is a directory, expected a file", path.string());
  std::string content;
  content.resize(static_cast<size_t>(info.st_size) + 1);
  size_t have = 0;
  while (true) {
    if (have > limit_bytes) fail(Code::resource_exhausted, "'{}' is larger than {} bytes", path.string(), limit_bytes);
    if (have == content.size()) content.resize(content.size() * 2);
    ssize_t got = ::read(fd.get(), content.data() + have, content.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, "cannot read", path);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  content.resize(have);
  return content;
}

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail_errno(errno, "cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
}

void sync_directory(const std::filesystem::path& directory) {
  Fd fd(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) ::fsync(fd.get());
}

void write_file_atomic(const std::filesystem::path& path, std::string_view content, Durability durability) {
  std::filesystem::path temporary = path;
  temporary += "." + to_hex(random_bytes(6)) + ".tmp";
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) fail_errno(errno, "cannot create", path);
  try {
    write_all(fd.get(), content, path);
    if (durability == Durability::synced && ::fdatasync(fd.get()) != 0) fail_errno(errno, "cannot sync", path);
    fd.reset();
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_errno(errno, "cannot write", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (durability == Durability::synced) sync_directory(path.parent_path());
}

TemporaryDirectory::TemporaryDirectory(const std::filesystem::path& parent) {
  std::string pattern = (parent / "fettle-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail_errno(errno, "cannot create a directory in", parent);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace fettle
