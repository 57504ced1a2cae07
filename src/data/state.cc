#include "data/state.h"

#include <ctime>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace fettle::data {
namespace {

constexpr std::string_view kMagic = "fettle state 1\n";
constexpr int64_t kRacyWindowNs = 20'000'000;
constexpr size_t kMaxEntries = 20'000'000;

}  // namespace

int64_t wall_ns() {
  struct timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void StateCache::load() {
  loaded_ = true;
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return;
  Outcome<std::string> content = outcome_of([&] { return read_file(file_); });
  if (!content || !content->starts_with(kMagic) || content->size() < kMagic.size() + 8) return;
  std::string_view rest = *content;
  uint64_t sum = load_le<uint64_t>(rest.data() + rest.size() - 8);
  rest.remove_suffix(8);
  if (hash64(rest) != sum) return;
  rest.remove_prefix(kMagic.size());
  while (!rest.empty()) {
    std::optional<uint64_t> length = read_varint(rest);
    if (!length || rest.size() < *length + 40 || entries_.size() >= kMaxEntries) break;
    Entry& entry = entries_[std::string(rest.substr(0, *length))];
    rest.remove_prefix(*length);
    entry.stamp = {load_le<uint64_t>(rest.data()), load_le<int64_t>(rest.data() + 8),
                   load_le<uint64_t>(rest.data() + 16)};
    std::memcpy(entry.md5, rest.data() + 24, 16);
    rest.remove_prefix(40);
  }
}

std::optional<std::string> StateCache::find(std::string_view key, const FileStamp& stamp) {
  std::lock_guard lock(mutex_);
  if (!loaded_) load();
  auto found = entries_.find(std::string(key));
  if (found == entries_.end() || found->second.stamp != stamp) return std::nullopt;
  return to_hex({found->second.md5, 16});
}

void StateCache::record(std::string_view key, const FileStamp& stamp, std::string_view md5, int64_t hashed_at_ns) {
  if (hashed_at_ns - stamp.mtime_ns < kRacyWindowNs) return;
  std::optional<std::string> raw = from_hex(md5.substr(0, 32));
  if (!raw || raw->size() != 16) return;
  std::lock_guard lock(mutex_);
  if (!loaded_) load();
  Entry& entry = entries_[std::string(key)];
  entry.stamp = stamp;
  std::memcpy(entry.md5, raw->data(), 16);
  changed_ = true;
}

void StateCache::flush() {
  std::lock_guard lock(mutex_);
  if (!changed_) return;
  std::string out(kMagic);
  for (const auto& [key, entry] : entries_) {
    append_varint(out, key.size());
    out += key;
    append_le(out, entry.stamp.inode);
    append_le(out, entry.stamp.mtime_ns);
    append_le(out, entry.stamp.size);
    out.append(entry.md5, 16);
  }
  append_le(out, hash64(out));
  changed_ = false;
  [[maybe_unused]] auto ignored = outcome_of([&] { write_file_atomic(file_, out); });
}

}  // namespace fettle::data
