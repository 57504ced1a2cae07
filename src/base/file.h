// Whole files, and writes that survive a crash. Failures are thrown with the path as the caller wrote it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace fettle {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Code of an errno: ENOENT not_found, EACCES permission_denied, ENOSPC/EDQUOT resource_exhausted, EEXIST
// already_exists, else internal.
[[noreturn]] void fail_errno(int error_number, std::string_view doing, const std::filesystem::path& path);

// The whole file; resource_exhausted if it is larger than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, uint64_t limit_bytes = uint64_t{1} << 31);

enum class Durability { buffered, synced };
// Writes a temporary beside `path` and renames it over: readers see the old or the new content, never a part.
void write_file_atomic(const std::filesystem::path& path, std::string_view content,
                       Durability durability = Durability::buffered);

// Writes all of it, resuming after short writes.
void write_all(int fd, std::string_view bytes, const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& directory);

// A directory of its own, removed with its content at the end.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::filesystem::path& parent = std::filesystem::temp_directory_path());
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace fettle
