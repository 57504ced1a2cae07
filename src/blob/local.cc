#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/text.h"
#include "blob/store.h"

namespace fettle::blob {
namespace {

namespace fs = std::filesystem;

bool is_digest(std::string_view text) { return text.size() == 64 && from_hex(text) && to_lower(text) == text; }

class LocalUpload final : public Upload {
 public:
  LocalUpload(const fs::path& root) : root_(root), temporary_(root / "tmp" / to_hex(random_bytes(12))) {
    fd_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd_) fail_errno(errno, "cannot create", temporary_);
  }
  ~LocalUpload() override {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void append(std::string_view bytes) override {
    write_all(fd_.get(), bytes, temporary_);
    sha256_.update(bytes);
    md5_.update(bytes);
    size_ += bytes.size();
  }

  Info commit() override {
    Info info{.sha256 = sha256_.finish_hex(), .md5 = md5_.finish_hex(), .size_bytes = size_};
    if (::fdatasync(fd_.get()) != 0) fail_errno(errno, "cannot sync", temporary_);
    fd_.reset();
    fs::path directory = root_ / info.sha256.substr(0, 2);
    fs::path target = directory / info.sha256.substr(2);
    fs::create_directories(directory);
    if (::rename(temporary_.c_str(), target.c_str()) != 0) fail_errno(errno, "cannot store", target);
    temporary_.clear();
    sync_directory(directory);
    return info;
  }

 private:
  fs::path root_;
  fs::path temporary_;
  Fd fd_;
  Hasher sha256_{HashKind::sha256};
  Hasher md5_{HashKind::md5};
  uint64_t size_ = 0;
};

class LocalReader final : public Reader {
 public:
  LocalReader(Fd fd, const std::string& sha256, uint64_t offset, uint64_t length, bool whole)
      : fd_(std::move(fd)), sha256_(sha256), offset_(offset), left_(length), length_(length), whole_(whole) {}

  std::string read(size_t limit) override {
    std::string piece(static_cast<size_t>(std::min<uint64_t>(limit, left_)), '\0');
    size_t have = 0;
    while (have < piece.size()) {
      ssize_t got = ::pread(fd_.get(), piece.data() + have, piece.size() - have, static_cast<off_t>(offset_ + have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail(Code::data_loss, "blob '{}' is shorter than when it was opened", sha256_);
      have += static_cast<size_t>(got);
    }
    offset_ += have;
    left_ -= have;
    if (whole_) verify(piece);
    return piece;
  }
  uint64_t size_bytes() const override { return length_; }

 private:
  void verify(std::string_view piece) {
    hasher_.update(piece);
    if (left_ > 0 || verified_) return;
    verified_ = true;
    if (hasher_.finish_hex() != sha256_) {
      fail(Code::data_loss, "blob '{}' does not have its digest any more: the stored bytes were changed", sha256_);
    }
  }

  Fd fd_;
  std::string sha256_;
  uint64_t offset_;
  uint64_t left_;
  const uint64_t length_;
  const bool whole_;
  bool verified_ = false;
  Hasher hasher_{HashKind::sha256};
};

class LocalStore final : public Store {
 public:
  explicit LocalStore(fs::path root) : root_(std::move(root)) {
    fs::create_directories(root_);
    std::error_code ignored;
    fs::remove_all(root_ / "tmp", ignored);
    fs::create_directories(root_ / "tmp");
  }

  std::unique_ptr<Upload> begin_upload() override { return std::make_unique<LocalUpload>(root_); }

  std::unique_ptr<Reader> open(const std::string& sha256, uint64_t offset, std::optional<uint64_t> length) override {
    fs::path path = path_of(sha256);
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0) fail(Code::not_found, "no blob '{}' in the store", sha256);
    auto size = static_cast<uint64_t>(info.st_size);
    if (offset > size)
      fail(Code::invalid_argument, "range starts at {}, but blob '{}' has {} bytes", offset, sha256, size);
    uint64_t take = std::min(length.value_or(size - offset), size - offset);
    bool whole = offset == 0 && take == size;
    return std::make_unique<LocalReader>(std::move(fd), sha256, offset, take, whole);
  }

  std::optional<Info> find(const std::string& sha256) override {
    if (!is_digest(sha256)) return std::nullopt;
    struct stat info{};
    if (::stat(path_of(sha256).c_str(), &info) != 0) return std::nullopt;
    return Info{.sha256 = sha256, .size_bytes = static_cast<uint64_t>(info.st_size)};
  }

  bool remove(const std::string& sha256) override { return ::unlink(path_of(sha256).c_str()) == 0; }

  void each(const std::function<void(const std::string&, uint64_t, int64_t)>& visit) override {
    for (const auto& directory : fs::directory_iterator(root_)) {
      std::string prefix = directory.path().filename().string();
      if (prefix.size() != 2) continue;
      for (const auto& file : fs::directory_iterator(directory.path())) {
        struct stat info{};
        if (::stat(file.path().c_str(), &info) != 0) continue;
        int64_t modified_ms = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000;
        visit(prefix + file.path().filename().string(), static_cast<uint64_t>(info.st_size), modified_ms);
      }
    }
  }

 private:
  fs::path path_of(const std::string& sha256) const {
    if (!is_digest(sha256)) fail(Code::invalid_argument, "'{}' is not a SHA-256 digest of 64 hex digits", sha256);
    return root_ / sha256.substr(0, 2) / sha256.substr(2);
  }

  fs::path root_;
};

}  // namespace

std::unique_ptr<Store> open_local(const fs::path& directory) { return std::make_unique<LocalStore>(directory); }

}  // namespace fettle::blob
