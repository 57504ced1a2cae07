// Content-addressed store of immutable byte strings, shared by artifacts, models, data versions and logs. A digest is
// the lower-case hex SHA-256 of the whole content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::blob {

struct Info {
  std::string sha256;
  std::string md5;  // known after commit(); find() leaves it empty
  uint64_t size_bytes = 0;
};

// Receives content piece by piece; commit() makes it visible under its digest, the destructor drops what was not
// committed.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual void append(std::string_view bytes) = 0;
  // Idempotent for equal content. The bytes are durable when it returns.
  virtual Info commit() = 0;
};

// Reads a range in order.
class Reader {
 public:
  virtual ~Reader() = default;
  // Up to `limit` next bytes; empty at the end. data_loss when the content does not have its digest any more (checked
  // when the whole content is read from the start).
  virtual std::string read(size_t limit = size_t{1} << 20) = 0;
  virtual uint64_t size_bytes() const = 0;  // of the range
};

// Thread-safe.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::unique_ptr<Upload> begin_upload() = 0;
  // not_found when absent; invalid_argument when the range does not start inside the content.
  virtual std::unique_ptr<Reader> open(const std::string& sha256, uint64_t offset = 0,
                                       std::optional<uint64_t> length = {}) = 0;
  virtual std::optional<Info> find(const std::string& sha256) = 0;
  virtual bool remove(const std::string& sha256) = 0;
  // Each content once, in any order; with its last-write time.
  virtual void each(
      const std::function<void(const std::string& sha256, uint64_t size_bytes, int64_t modified_ms)>& visit) = 0;

  Info put(std::string_view bytes);
  std::string get(const std::string& sha256, uint64_t limit_bytes = uint64_t{1} << 31);
};

// `DIR/ab/cdef…` with a small header-free content file; uploads in `DIR/tmp` (leftovers of a crash are removed on
// open).
std::unique_ptr<Store> open_local(const std::filesystem::path& directory);

struct SweepResult {
  uint64_t removed = 0;
  uint64_t removed_bytes = 0;
  uint64_t kept = 0;
};
// Garbage collection by reachability: removes each content that `is_reachable` denies and that is older than the grace
// period.
SweepResult sweep(Store& store, const std::function<bool(const std::string& sha256)>& is_reachable, int64_t now_ms,
                  int64_t grace_ms);

}  // namespace fettle::blob
