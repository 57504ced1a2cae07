#include "blob/store.h"

#include "base/error.h"

namespace fettle::blob {

Info Store::put(std::string_view bytes) {
  auto upload = begin_upload();
  upload->append(bytes);
  return upload->commit();
}

std::string Store::get(const std::string& sha256, uint64_t limit_bytes) {
  auto reader = open(sha256);
  if (reader->size_bytes() > limit_bytes) {
    fail(Code::resource_exhausted, "blob '{}' has {} bytes, more than the limit of {}", sha256, reader->size_bytes(),
         limit_bytes);
  }
  std::string content;
  content.reserve(reader->size_bytes());
  for (std::string piece = reader->read(); !piece.empty(); piece = reader->read()) content += piece;
  return content;
}

SweepResult sweep(Store& store, const std::function<bool(const std::string& sha256)>& is_reachable, int64_t now_ms,
                  int64_t grace_ms) {
  SweepResult result;
  std::vector<std::pair<std::string, uint64_t>> garbage;
  store.each([&](const std::string& sha256, uint64_t size_bytes, int64_t modified_ms) {
    if (modified_ms + grace_ms > now_ms || is_reachable(sha256)) {
      ++result.kept;
    } else {
      garbage.emplace_back(sha256, size_bytes);
    }
  });
  for (const auto& [sha256, size_bytes] : garbage) {
    if (!store.remove(sha256)) continue;
    ++result.removed;
    result.removed_bytes += size_bytes;
  }
  return result;
}

}  // namespace fettle::blob
