// Content hashes of files, and the small parallel loop that bulk work runs on.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace fettle::data {

// How an entry's md5 was taken. dos2unix is DVC 2's: CRLF of text blocks counts as LF.
enum class Algorithm { md5, md5_dos2unix };

// Of the whole content, lower-case hex. Throws as read_file does.
std::string file_md5(const std::filesystem::path& path, Algorithm algorithm = Algorithm::md5);

// Identity of a file's content without reading it.
struct FileStamp {
  uint64_t inode = 0;
  int64_t mtime_ns = 0;
  uint64_t size = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const struct stat& info);

// Calls body(0) … body(count - 1) on up to `threads` threads (0: one a core, at most 8). The first exception stops the
// rest and is thrown here.
void parallel_for(size_t count, const std::function<void(size_t)>& body, size_t threads = 0);

}  // namespace fettle::data
