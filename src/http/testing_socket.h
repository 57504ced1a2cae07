// A client of raw bytes for the tests of this module: sends what no proper client would.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/file.h"

namespace fettle::http {

class RawSocket {
 public:
  explicit RawSocket(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }

  // False when the peer does not take the bytes any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish_sending() { shutdown(fd_.get(), SHUT_WR); }

  // Reads until `text` was seen, the end, or the timeout; everything read since the start.
  const std::string& read_until(std::string_view text, int timeout_ms = 5000) {
    while (seen_.find(text) == std::string::npos && read_some(timeout_ms)) {
    }
    return seen_;
  }
  // Reads until the peer closes; closed() tells whether it did.
  const std::string& read_all(int timeout_ms = 5000) {
    while (read_some(timeout_ms)) {
    }
    return seen_;
  }
  bool closed() const { return closed_; }
  void forget() { seen_.clear(); }

 private:
  bool read_some(int timeout_ms) {
    pollfd poller{fd_.get(), POLLIN, 0};
    if (poll(&poller, 1, timeout_ms) <= 0) return false;
    std::string buffer(1 << 16, '\0');
    ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      closed_ = true;
      return false;
    }
    seen_.append(buffer, 0, static_cast<size_t>(got));
    return true;
  }

  Fd fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string seen_;
};

}  // namespace fettle::http
