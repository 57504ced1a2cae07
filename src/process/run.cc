#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "process/subprocess.h"

namespace fettle::process {
namespace {

constexpr int kPollMs = 100;
constexpr int kNoPollMs = 0;

// One run from start to reaping: pumps output, watches timeout and cancel, escalates TERM to KILL.
class Runner {
 public:
  Runner(const Command& command, const RunControl& control) : control_(control), child_(Child::start(command)) {
    started_ms_ = now_ms();
    if (control_.on_start) control_.on_start(child_.pid());
  }

  Result run() {
    std::optional<Result> ended;
    while (!ended) {
      bool open = pump(open_streams() ? kPollMs : kNoPollMs);
      watch();
      ended = child_.try_wait();
      // Nothing to poll: look often at a short command and rarely at a long one.
      if (!open && !ended)
        ::usleep(static_cast<useconds_t>(std::clamp<int64_t>((now_ms() - started_ms_) * 50, 200, 20000)));
    }
    while (pump(0)) {
      if (!progressed_) break;  // a descendant outside the group still holds the pipe
    }
    if (stop_ != End::exited) {
      ended->end = stop_;
      ended->exit_code = -1;
    }
    ended->output = std::move(captured_.output);
    ended->error = std::move(captured_.error);
    ended->truncated = captured_.truncated;
    return std::move(*ended);
  }

 private:
  static int64_t now_ms() { return SystemClock().steady_ns() / 1'000'000; }
  bool open_streams() { return child_.output() || child_.error(); }

  void deliver(Channel channel, std::string_view bytes) {
    if (control_.on_output) {
      control_.on_output(channel, bytes);
      return;
    }
    std::string& kept = channel == Channel::output ? captured_.output : captured_.error;
    size_t room = control_.capture_limit_bytes > kept.size() ? control_.capture_limit_bytes - kept.size() : 0;
    if (bytes.size() > room) captured_.truncated = true;
    kept.append(bytes.substr(0, room));
  }

  void drain(Fd& fd, Channel channel) {
    std::array<char, 65536> buffer;
    ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got > 0) {
      progressed_ = true;
      deliver(channel, {buffer.data(), static_cast<size_t>(got)});
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      fd.reset();
    }
  }

  // False when no stream is open.
  bool pump(int timeout_ms) {
    progressed_ = false;
    std::array<struct pollfd, 2> fds{};
    fds[0] = {child_.output() ? child_.output().get() : -1, POLLIN, 0};
    fds[1] = {child_.error() ? child_.error().get() : -1, POLLIN, 0};
    if (!open_streams()) return false;
    if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return open_streams();
    if (fds[0].revents != 0) drain(child_.output(), Channel::output);
    if (fds[1].revents != 0) drain(child_.error(), Channel::error);
    return open_streams();
  }

  void watch() {
    int64_t now = now_ms();
    if (stop_ == End::exited) {
      bool late = control_.timeout_ms > 0 && now - started_ms_ >= control_.timeout_ms;
      bool cancelled = control_.cancel != nullptr && control_.cancel->load(std::memory_order_relaxed);
      if (!late && !cancelled) return;
      stop_ = late ? End::timed_out : End::cancelled;
      stopped_ms_ = now;
      child_.signal(SIGTERM);
    } else if (now - stopped_ms_ >= control_.grace_ms) {
      child_.signal(SIGKILL);
    }
  }

  struct Captured {
    std::string output;
    std::string error;
    bool truncated = false;
  };
  const RunControl& control_;
  Child child_;
  Captured captured_;
  End stop_ = End::exited;
  bool progressed_ = false;
  int64_t started_ms_ = 0;
  int64_t stopped_ms_ = 0;
};

}  // namespace

Result run(const Command& command, const RunControl& control) { return Runner(command, control).run(); }

}  // namespace fettle::process
