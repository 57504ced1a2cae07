#include "data/digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace fettle::data {
namespace {

constexpr size_t kBlock = size_t{1} << 20;

// DVC 2 decides for each block of 1 MiB by its first 512 bytes.
bool is_text_block(std::string_view block) {
  std::string_view head = block.substr(0, 512);
  if (head.find('\0') != std::string_view::npos) return false;
  auto odd = std::count_if(head.begin(), head.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return !(byte >= 0x20 && byte <= 0x7E) && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\b';
  });
  return static_cast<double>(odd) <= 0.30 * static_cast<double>(head.size());
}

void to_unix(std::string& block) {
  size_t out = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    if (block[i] == '\r' && i + 1 < block.size() && block[i + 1] == '\n') continue;
    block[out++] = block[i];
  }
  block.resize(out);
}

}  // namespace

std::string file_md5(const std::filesystem::path& path, Algorithm algorithm) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail_errno(errno, "cannot open", path);
  Hasher hasher(HashKind::md5);
  thread_local std::string buffer;
  while (true) {
    buffer.resize(kBlock);
    ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, "cannot read", path);
    if (got == 0) break;
    buffer.resize(static_cast<size_t>(got));
    if (algorithm == Algorithm::md5_dos2unix && is_text_block(buffer)) to_unix(buffer);
    hasher.update(buffer);
  }
  return hasher.finish_hex();
}

FileStamp stamp_of(const struct stat& info) {
  return {info.st_ino, int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
          static_cast<uint64_t>(info.st_size)};
}

void parallel_for(size_t count, const std::function<void(size_t)>& body, size_t threads) {
  if (threads == 0) threads = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), 8);
  threads = std::min(threads, count / 16 + 1);
  if (threads <= 1) {
    for (size_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (size_t i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace fettle::data
