#include "data/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "data/failures.h"

namespace fettle::data {
namespace {

constexpr useconds_t kRetryMicroseconds = 500'000;

}  // namespace

RepositoryLock::RepositoryLock(std::filesystem::path file, Options options)
    : file_(std::move(file)), options_(options) {
  acquire();
}

void RepositoryLock::acquire() {
  std::filesystem::create_directories(file_.parent_path());
  Fd fd(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd) fail_errno(errno, "cannot open", file_);
  for (int attempt = 1; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR) fail_errno(errno, "cannot lock", file_);
    if (!options_.wait_forever && attempt >= options_.attempts) {
      std::string holder(trim(read_file(file_)));
      throw LockFailure(
          Error{Code::unavailable,
                "Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly. "
                "The process that holds it: " +
                    (holder.empty() ? "unknown" : holder)});
    }
    ::usleep(kRetryMicroseconds);
  }
  std::string line = fmt::format(" {}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) == 0) write_all(fd.get(), line, file_);
  fd_ = std::move(fd);
}

void RepositoryLock::release() { fd_.reset(); }

}  // namespace fettle::data
