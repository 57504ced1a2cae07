// How many small requests one event loop answers on one core: a child process serves on core 0, this one asks from core
// 1 over 64 keep-alive connections with one request each in flight. Server CPU a request does not depend on who else
// uses the machine; requests a second do.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "http/server.h"

namespace {

constexpr size_t kConnections = 64;

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The child: tells its port through `port_pipe`, serves until SIGTERM.
[[noreturn]] void serve(int port_pipe) {
  pin_to(0);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  fettle::http::Router router;
  fettle::http::Route health;
  health.method = "GET";
  health.path = "/health";
  health.run = fettle::http::Run::inline_;
  health.handler =
      fettle::http::Handler([](fettle::http::Request&) { return fettle::http::Response::text(200, "OK"); });
  router.add(std::move(health));
  fettle::http::Route pooled;
  pooled.method = "GET";
  pooled.path = "/pool";
  pooled.handler =
      fettle::http::Handler([](fettle::http::Request&) { return fettle::http::Response::text(200, "OK"); });
  router.add(std::move(pooled));
  fettle::SystemClock clock;
  fettle::metrics::Registry registry;
  fettle::http::ServerConfig config;
  config.port = 0;
  config.loops = 1;
  config.pool_threads = 4;
  fettle::http::Server server(config, router, nullptr, clock, registry);
  server.start();
  int port = server.port();
  [[maybe_unused]] ssize_t written = write(port_pipe, &port, sizeof port);
  int signal = 0;
  sigwait(&stop, &signal);
  server.drain(1000);
  std::_Exit(0);
}

int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fmt::print(stderr, "cannot connect to port {}\n", port);
    std::exit(1);
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

struct Load {
  std::vector<float> latencies_us;
  double seconds = 0;
  size_t wrong = 0;
};

Load ask(int port, const std::string& path, double seconds) {
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n", path);
  int epoll = epoll_create1(0);
  std::array<int64_t, kConnections> sent{};
  std::array<int, kConnections> sockets{};
  Load load;
  for (size_t i = 0; i < kConnections; ++i) {
    sockets[i] = connect_to(port);
    epoll_event event{EPOLLIN, {.u64 = i}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event);
  }
  int64_t start = now_ns();
  int64_t end = start + static_cast<int64_t>(seconds * 1e9);
  auto send_one = [&](size_t i) {
    sent[i] = now_ns();
    load.wrong += send(sockets[i], request.data(), request.size(), 0) != static_cast<ssize_t>(request.size());
  };
  for (size_t i = 0; i < kConnections; ++i) send_one(i);
  std::array<epoll_event, kConnections> events;
  std::array<char, 4096> buffer;
  while (now_ns() < end) {
    int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    for (int k = 0; k < count; ++k) {
      size_t i = events[static_cast<size_t>(k)].data.u64;
      ssize_t got = recv(sockets[i], buffer.data(), buffer.size(), 0);
      // The whole small answer is one segment; anything else is counted as wrong.
      bool right = got > 15 && std::string_view(buffer.data(), 15) == "HTTP/1.1 200 OK" &&
                   buffer[static_cast<size_t>(got) - 1] == 'K';
      load.wrong += !right;
      if (got <= 0) return load;
      load.latencies_us.push_back(static_cast<float>(now_ns() - sent[i]) * 1e-3F);
      send_one(i);
    }
  }
  load.seconds = static_cast<double>(now_ns() - start) * 1e-9;
  for (int fd : sockets) close(fd);
  close(epoll);
  return load;
}

// User and system seconds of the process: it lives on between the measurements.
double cpu_seconds(pid_t pid) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void measure(pid_t server, int port, const std::string& path, double seconds) {
  ask(port, path, 0.3);
  double before = cpu_seconds(server);
  Load load = ask(port, path, seconds);
  double cpu = cpu_seconds(server) - before;
  auto& us = load.latencies_us;
  std::sort(us.begin(), us.end());
  if (us.empty() || load.wrong > 0) {
    fmt::print("{:8} {} answers were wrong\n", path, load.wrong);
    std::exit(1);
  }
  auto n = static_cast<double>(us.size());
  auto at = [&](double q) { return us[static_cast<size_t>(q * (n - 1))] * 1e-3; };
  fmt::print(
      "{:8} {:8.0f} requests/s   server CPU {:5.2f} us a request ({:.0f}/s a core)   p50 {:.2f} ms   p99 {:.2f} ms   "
      "max {:.2f} ms\n",
      path, n / load.seconds, cpu / n * 1e6, n / cpu, at(0.5), at(0.99), at(1));
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  std::array<int, 2> ports{};
  if (pipe(ports.data()) != 0) return 1;
  pid_t server = fork();
  if (server == 0) serve(ports[1]);
  int port = 0;
  if (read(ports[0], &port, sizeof port) != sizeof port) return 1;
  pin_to(1);
  fmt::print("one loop pinned to core 0, load from core 1, {} keep-alive connections\n", kConnections);
  measure(server, port, "/health", seconds);
  measure(server, port, "/pool", seconds);
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  return 0;
}
