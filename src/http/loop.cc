#include "http/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "http/connection.h"
#include "http/writer.h"

namespace fettle::http {
namespace {

constexpr size_t kScratchBytes = 256 << 10;
constexpr int kAcceptsATurn = 64;
thread_local const Loop* current_loop = nullptr;

// Addresses of the epoll set's own members; never dereferenced.
char listener_tag;
char wake_tag;

std::string address_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(), text.size());
  }
  std::string name = text.data();
  return name.starts_with("::ffff:") ? name.substr(7) : name;
}

// Timeouts are checked four times in the shortest of them.
int64_t tick_of(const ServerConfig& config) {
  int64_t shortest = std::min({config.header_timeout_ms, config.body_timeout_ms, config.idle_timeout_ms,
                               config.write_timeout_ms, config.linger_timeout_ms, config.events_heartbeat_ms});
  return std::clamp<int64_t>(shortest / 4, 5, 250) * 1'000'000;
}

}  // namespace

Loop::Loop(std::shared_ptr<Context> context, Fd listener)
    : context_(std::move(context)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      listener_(std::move(listener)),
      tick_ns_(tick_of(context_->config)),
      scratch_(kScratchBytes, '\0') {
  if (!epoll_ || !wake_)
    fail(Code::resource_exhausted, "no file descriptor is left for an event loop; raise the limit (ulimit -n)");
  epoll_event event{EPOLLIN, {.ptr = &wake_tag}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  event = {EPOLLIN, {.ptr = &listener_tag}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
}

Loop::~Loop() = default;

void Loop::post(std::function<void()> task) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    posted_.push_back(std::move(task));
    wake = !woken_ && current_loop != this;
    woken_ = woken_ || wake;
  }
  if (!wake) return;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(wake_.get(), &one, sizeof one);
}

void Loop::stop() {
  stopping_ = true;
  post([] {});
}

std::string_view Loop::date() {
  int64_t now_ms = context_->clock.now_ms();
  if (now_ms / 1000 != date_second_) {
    date_second_ = now_ms / 1000;
    date_ = http_date(now_ms);
  }
  return date_;
}

void Loop::run() {
  current_loop = this;
  now_ns_ = last_tick_ns_ = context_->clock.steady_ns();
  while (!stopping_) {
    wait();
    run_posted();
    auto again = std::move(again_);
    again_.clear();
    for (auto& connection : again) connection->on_turn();
    if (now_ns_ - last_tick_ns_ >= tick_ns_) tick();
    flush_counters();
    closed_.clear();
  }
  auto connections = connections_;
  for (auto& [key, connection] : connections) connection->close();
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  flush_counters();
  // Tasks may hold the last reference to what posts when it dies, so they go without the lock.
  posted_.clear();
  again_.clear();
  closed_.clear();
}

int Loop::wait_ms() const {
  if (!again_.empty()) return 0;
  if (connections_.empty() && listening_) return -1;
  return static_cast<int>(tick_ns_ / 1'000'000);
}

void Loop::wait() {
  std::array<epoll_event, 256> events;
  int timeout = wait_ms();
  if (timeout != 0) {
    std::lock_guard lock(mutex_);
    if (!posted_.empty()) timeout = 0;
  }
  int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  now_ns_ = context_->clock.steady_ns();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr == &wake_tag) {
      uint64_t ignored = 0;
      std::lock_guard lock(mutex_);
      [[maybe_unused]] ssize_t got = read(wake_.get(), &ignored, sizeof ignored);
      woken_ = false;
    } else if (event.data.ptr == &listener_tag) {
      accept_some();
    } else {
      static_cast<Connection*>(event.data.ptr)->on_event(event.events);
    }
  }
}

// A few a turn, so that a storm of connections does not starve those that are there.
Loop::Accepted Loop::accept_some() {
  for (int i = 0; i < kAcceptsATurn && listener_; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    int fd = accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      add(fd, address_of(address));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // Asking again at once would spin; the next tick does.
      log_warn("cannot accept connections", {{"error", std::string_view(strerror(errno))}});
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
      listening_ = false;
    }
    return Accepted::all;
  }
  return listener_ ? Accepted::some : Accepted::all;
}

void Loop::add(int fd, const std::string& remote) {
  context_->metrics.accepted.add();
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_shared<Connection>(shared_from_this(), fd, remote);
  if (context_->open_connections.fetch_add(1) >= context_->config.connections_limit) {
    context_->metrics.refused.add();
    connection->refuse();
    context_->open_connections.fetch_sub(1);
    return;
  }
  context_->metrics.connections.add(1);
  connections_.emplace(connection.get(), connection);
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = connection.get()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::remove(Connection& connection) {
  auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
  context_->metrics.connections.add(-1);
  if (context_->open_connections.fetch_sub(1) == 1) {
    std::lock_guard lock(context_->idle_mutex);
    context_->idle.notify_all();
  }
}

void Loop::again(std::shared_ptr<Connection> connection) { again_.push_back(std::move(connection)); }

void Loop::begin_drain() {
  while (accept_some() == Accepted::some) {
  }
  listener_.reset();
  auto connections = connections_;
  for (auto& [key, connection] : connections) connection->on_drain();
  drained_ = true;
  std::lock_guard lock(context_->idle_mutex);
  context_->idle.notify_all();
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::tick() {
  last_tick_ns_ = now_ns_;
  auto connections = connections_;
  for (auto& [key, connection] : connections) connection->on_tick();
  if (!listening_ && listener_) {
    epoll_event event{EPOLLIN, {.ptr = &listener_tag}};
    listening_ = epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event) == 0;
  }
}

void Loop::flush_counters() {
  if (received_ > 0) context_->metrics.received_bytes.add(std::exchange(received_, 0));
  if (sent_ > 0) context_->metrics.sent_bytes.add(std::exchange(sent_, 0));
}

}  // namespace fettle::http
