#include "http/streams.h"

#include "base/text.h"
#include "http/status.h"

namespace fettle::http {
namespace {

// A small piece of gzip may become a thousand times larger.
constexpr size_t kInflatePiece = 16 << 10;

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  for (char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
  out += '\n';
}

}  // namespace

StreamBody::StreamBody(Coding coding, size_t limit_bytes, size_t buffer_bytes, std::function<void()> wanted)
    : limit_bytes_(limit_bytes), buffer_bytes_(buffer_bytes), wanted_(std::move(wanted)) {
  if (coding != Coding::identity) inflater_ = std::make_unique<Inflater>(coding, limit_bytes);
}

std::string StreamBody::read(size_t limit) {
  if (!inflater_) return take_raw(limit);
  while (inflated_.empty()) {
    std::string raw = take_raw(kInflatePiece);
    if (raw.empty()) {
      inflater_->finish();
      return {};
    }
    inflater_->feed(raw, inflated_);
  }
  std::string piece = inflated_.substr(0, limit);
  inflated_.erase(0, piece.size());
  return piece;
}

std::string StreamBody::take_raw(size_t limit) {
  std::unique_lock lock(mutex_);
  if (!started_) {
    started_ = true;
    lock.unlock();
    wanted_();
    lock.lock();
  }
  ready_.wait(lock, [&] { return !buffer_.empty() || ended_ || aborted_; });
  if (aborted_) {
    if (why_ == Broken::too_large) throw BodyTooLarge(limit_bytes_);
    if (why_ == Broken::malformed) fail(Code::invalid_argument, "the body's chunks are malformed");
    fail(Code::unavailable, "the client went away before the whole body was there");
  }
  bool was_full = buffer_.size() >= buffer_bytes_;
  std::string piece;
  if (buffer_.size() <= limit) {
    piece.swap(buffer_);
  } else {
    piece = buffer_.substr(0, limit);
    buffer_.erase(0, limit);
  }
  bool resume = was_full && buffer_.size() < buffer_bytes_;
  lock.unlock();
  if (resume) wanted_();
  return piece;
}

bool StreamBody::put(std::string&& bytes) {
  std::lock_guard lock(mutex_);
  received_ += bytes.size();
  if (received_ > limit_bytes_) {
    aborted_ = true;
    why_ = Broken::too_large;
  } else if (buffer_.empty()) {
    buffer_ = std::move(bytes);
  } else {
    buffer_ += bytes;
  }
  ready_.notify_one();
  return !aborted_ && buffer_.size() < buffer_bytes_;
}

bool StreamBody::full() const {
  std::lock_guard lock(mutex_);
  return buffer_.size() >= buffer_bytes_;
}

void StreamBody::end() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  ready_.notify_one();
}

void StreamBody::abort(Broken why) {
  std::lock_guard lock(mutex_);
  if (aborted_ || ended_) return;
  aborted_ = true;
  why_ = why;
  ready_.notify_one();
}

bool StreamBody::too_large() const {
  std::lock_guard lock(mutex_);
  return aborted_ && why_ == Broken::too_large;
}

bool EventQueue::send(std::string_view event, std::string_view data, std::string_view id) {
  std::unique_lock lock(mutex_);
  if (closed_ || finished_) return false;
  if (!id.empty()) append_line(pending_, "id: ", id);
  if (!event.empty()) append_line(pending_, "event: ", event);
  for (std::string_view line : split(data, '\n')) append_line(pending_, "data: ", line);
  pending_ += '\n';
  if (pending_.size() + unsent_ > buffer_bytes_) closed_ = overflowed_ = true;
  bool sent = !closed_;
  notify(lock);
  return sent;
}

void EventQueue::notify(std::unique_lock<std::mutex>& lock) {
  bool first = !std::exchange(notified_, true);
  lock.unlock();
  if (first) ready_();
}

bool EventQueue::open() const {
  std::lock_guard lock(mutex_);
  return !closed_;
}

void EventQueue::finish() {
  std::unique_lock lock(mutex_);
  finished_ = true;
  notified_ = false;
  notify(lock);
}

void EventQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

std::string EventQueue::take(bool& finished) {
  std::lock_guard lock(mutex_);
  notified_ = false;
  finished = finished_ || closed_;
  return std::exchange(pending_, {});
}

void EventQueue::set_unsent(size_t bytes) {
  std::lock_guard lock(mutex_);
  unsent_ = bytes;
}

bool EventQueue::overflowed() const {
  std::lock_guard lock(mutex_);
  return overflowed_;
}

}  // namespace fettle::http
