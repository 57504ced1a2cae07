// Child processes with limits: a command in a process group of its own, its output streamed or captured, and an end
// that is always observed (exit code, signal, timeout, cancel). Nothing here survives its owner: the group is killed.
//
//   auto result = process::run({.argv = {"git", "ls-files"}, .cwd = root});
//   if (!result.ok()) …result.output…
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace fettle::process {

// Ceilings that the kernel enforces on each process of the group; 0 leaves the inherited one.
struct Limits {
  uint64_t memory_bytes = 0;  // address space (RLIMIT_AS): an allocation beyond it fails inside the child
  uint64_t cpu_seconds = 0;   // CPU time (RLIMIT_CPU): SIGXCPU, a second later SIGKILL
  uint64_t file_bytes = 0;    // size of a file it may write (RLIMIT_FSIZE)
  uint64_t open_files = 0;    // RLIMIT_NOFILE
};

enum class Stream {
  inherit,  // the parent's own
  pipe,     // delivered to the output callback, or captured
  null,     // /dev/null
};

struct Command {
  // argv[0] without a slash is looked up in the child's PATH.
  std::vector<std::string> argv;
  std::filesystem::path cwd = {};  // empty: the parent's
  // On top of the parent's environment (or of nothing): a value sets, nullopt removes.
  std::map<std::string, std::optional<std::string>> environment = {};
  bool inherit_environment = true;
  Limits limits = {};
  Stream input = Stream::null;
  std::string input_text = {};  // what a piped input reads before its end
  Stream output = Stream::pipe;
  Stream error = Stream::pipe;
  // Gives the child a process group, so that kill reaches its descendants. Off: it stays in the terminal's foreground
  // group.
  bool own_group = true;
  // The kernel sends SIGKILL to the child when the thread that started it ends.
  bool die_with_parent = false;
};

// A command line for the shell, as `$SHELL -c` runs it without start-up files (bash --noprofile --norc, zsh --no-rcs);
// /bin/sh where SHELL is not set.
std::vector<std::string> shell_argv(std::string_view command_line);

enum class Channel { output, error };
enum class End { exited, signalled, timed_out, cancelled };

struct Usage {
  int64_t wall_ms = 0;
  int64_t cpu_ms = 0;
  uint64_t max_rss_bytes = 0;
};

struct Result {
  End end = End::exited;
  int exit_code = 0;  // of exited; -1 otherwise
  int signal = 0;     // of signalled, and the one that ended a timed out or cancelled child
  Usage usage = {};
  std::string output = {};  // captured stdout, cut at capture_limit_bytes
  std::string error = {};   // captured stderr, cut likewise
  bool truncated = false;   // more came than was kept

  bool ok() const { return end == End::exited && exit_code == 0; }
};

// "exited with 3", "killed by signal 9 (Killed)", "timed out after 5 s", "cancelled".
std::string describe(const Result& result);

// A running child. Not thread-safe, apart from signal(). The destructor kills the group and reaps.
class Child {
 public:
  // not_found when the program does not exist, permission_denied when it may not be executed, invalid_argument for a
  // bad cwd.
  static Child start(const Command& command);
  ~Child();
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;

  pid_t pid() const { return pid_; }
  // Read ends of piped streams; the owner polls them (they are non-blocking).
  Fd& output() { return output_; }
  Fd& error() { return error_; }
  // Sends to the group (or the process, without a group of its own). Nothing happens once it was reaped.
  void signal(int number) const;
  // The result if it has ended; its captured texts are empty.
  std::optional<Result> try_wait();
  Result wait();

 private:
  Child() = default;
  Result reaped(int status, const void* usage);
  pid_t pid_ = -1;
  bool own_group_ = true;
  bool reaped_ = false;
  int64_t started_ns_ = 0;
  Fd output_;
  Fd error_;
};

struct RunControl {
  int64_t timeout_ms = 0;                             // 0: none
  int64_t grace_ms = 2000;                            // from SIGTERM to SIGKILL, after a timeout or a cancel
  const std::atomic<bool>* cancel = nullptr;          // polled at least every 100 ms
  uint64_t capture_limit_bytes = uint64_t{64} << 20;  // for each stream
  // Pieces as they come, in order within a channel, on the calling thread; without it they are captured.
  std::function<void(Channel, std::string_view)> on_output = {};
  // Called once with the process id, before any output.
  std::function<void(pid_t)> on_start = {};
};

// Runs to the end. Throws only when the command cannot be started; any end of it is a Result.
Result run(const Command& command, const RunControl& control = {});

}  // namespace fettle::process
