#include "http/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "http/context.h"
#include "http/loop.h"

namespace fettle::http {
namespace {

constexpr int kBacklog = 4096;

size_t cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return static_cast<size_t>(CPU_COUNT(&set));
  return 1;
}

struct AddressFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// The addresses of a host that can be bound to, IPv4 first: clients that are told `localhost` try that.
std::unique_ptr<addrinfo, AddressFree> resolve(const std::string& host, int port, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  int result = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (result != 0 && family == AF_INET) return resolve(host, port, AF_INET6);
  if (result != 0) fail(Code::invalid_argument, "cannot listen on host '{}': {}", host, gai_strerror(result));
  return std::unique_ptr<addrinfo, AddressFree>(list);
}

enum class Sharing { alone, shared };

Fd bind_socket(const ServerConfig& config, int port, Sharing sharing) {
  auto address = resolve(config.host, port, AF_INET);
  Fd fd(socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) fail(Code::unavailable, "cannot make a socket: {}", strerror(errno));
  int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::shared) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd.get(), address->ai_addr, address->ai_addrlen) != 0) {
    fail(Code::unavailable, "cannot listen on {}:{}: {}", config.host, port, strerror(errno));
  }
  return fd;
}

int port_of(const Fd& fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  in_port_t port = address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                                 : reinterpret_cast<sockaddr_in&>(address).sin_port;
  return ntohs(port);
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<Context> context;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<ThreadPool> stream_pool;
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::jthread> threads;
  int port = 0;

  // Handlers may still run on the pool; what they answer is dropped.
  void stop_loops() {
    for (auto& loop : loops) loop->stop();
    threads.clear();
    loops.clear();
  }
};

Server::Server(ServerConfig config, const Router& router, Authoriser authorise, const Clock& clock,
               metrics::Registry& registry)
    : impl_(std::make_unique<Impl>()) {
  for (const auto& route : router.routes()) {
    bool plain = std::holds_alternative<Handler>(route->handler) && route->run == Run::pool;
    FETTLE_CHECK(route->body == Body::whole || plain, "only a pool handler may read a streamed body: " + route->path);
  }
  impl_->context = std::make_shared<Context>(std::move(config), router, std::move(authorise), clock, registry);
}

Server::~Server() {
  impl_->stop_loops();
  impl_->stream_pool.reset();
  impl_->pool.reset();
}

void Server::start() {
  const ServerConfig& config = impl_->context->config;
  // With SO_REUSEPORT a second server would bind the same port without a word; a socket that does not share finds out.
  if (config.port != 0) bind_socket(config, config.port, Sharing::alone);
  size_t count = config.loops == 0 ? cores() : config.loops;
  std::vector<Fd> listeners;
  int port = config.port;
  for (size_t i = 0; i < count; ++i) {
    listeners.push_back(bind_socket(config, port, Sharing::shared));
    port = port_of(listeners.back());
  }
  for (Fd& listener : listeners) {
    if (listen(listener.get(), kBacklog) != 0)
      fail(Code::unavailable, "cannot listen on {}:{}: {}", config.host, port, strerror(errno));
  }
  impl_->port = port;
  impl_->pool =
      std::make_unique<ThreadPool>(ThreadPool::Config{"http-pool", config.pool_threads, config.pool_queue_limit});
  impl_->context->pool = impl_->pool.get();
  impl_->stream_pool =
      std::make_unique<ThreadPool>(ThreadPool::Config{"http-stream", config.stream_threads, config.pool_queue_limit});
  impl_->context->stream_pool = impl_->stream_pool.get();
  for (Fd& listener : listeners) impl_->loops.push_back(std::make_shared<Loop>(impl_->context, std::move(listener)));
  for (size_t i = 0; i < count; ++i) {
    impl_->threads.emplace_back([loop = impl_->loops[i], i] {
      name_thread("http-" + std::to_string(i));
      loop->run();
    });
  }
}

int Server::port() const { return impl_->port; }

bool Server::drain(int64_t timeout_ms) {
  Context& context = *impl_->context;
  context.draining = true;
  for (auto& loop : impl_->loops) loop->post([raw = loop.get()] { raw->begin_drain(); });
  // The listener closes on the loops' threads; a connection accepted until then counts.
  std::unique_lock lock(context.idle_mutex);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  auto all_done = [&] {
    for (auto& loop : impl_->loops) {
      if (!loop->drained()) return false;
    }
    return context.open_connections == 0;
  };
  bool finished = context.idle.wait_until(lock, deadline, all_done);
  lock.unlock();
  impl_->stop_loops();
  return finished;
}

}  // namespace fettle::http
