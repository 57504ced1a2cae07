#include "process/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/clock.h"
#include "base/error.h"

namespace fettle::process {
namespace {

int64_t steady_ns() { return SystemClock().steady_ns(); }

struct Pipe {
  Fd read;
  Fd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_errno(errno, "cannot create", "a pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

// An input text larger than a pipe's buffer would block the writer, so it lies in an unnamed file.
Fd input_file(const std::string& text) {
  Fd fd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) fail_errno(errno, "cannot create", "/tmp/(unnamed)");
  write_all(fd.get(), text, "/tmp/(unnamed)");
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> all;
  if (command.inherit_environment) {
    for (char** at = environ; *at != nullptr; ++at) {
      std::string_view entry = *at;
      size_t equals = entry.find('=');
      if (equals != std::string_view::npos) all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : command.environment) {
    if (value) {
      all[name] = *value;
    } else {
      all.erase(name);
    }
  }
  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

std::string search_path_of(const std::vector<std::string>& environment) {
  for (const std::string& line : environment) {
    if (line.starts_with("PATH=")) return line.substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

// Resolved before fork: the child may only make async-signal-safe calls.
std::string program_path(const Command& command, const std::vector<std::string>& environment) {
  if (command.argv.empty() || command.argv[0].empty())
    fail(Code::invalid_argument, "a command needs at least a program name");
  const std::string& name = command.argv[0];
  if (name.find('/') != std::string::npos) return name;
  std::string path = search_path_of(environment);
  for (size_t at = 0; at <= path.size();) {
    size_t colon = std::min(path.find(':', at), path.size());
    std::string candidate = path.substr(at, colon - at);
    candidate = (candidate.empty() ? "." : candidate) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = colon + 1;
  }
  fail(Code::not_found, "program '{}' is not in PATH", name);
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

// Everything that the child needs after fork, prepared by the parent.
struct Prepared {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string cwd;
  Limits limits;
  std::array<int, 3> streams{-1, -1, -1};  // -1: inherit
  bool own_group = true;
  bool die_with_parent = false;
  int report = -1;  // write end: the child's errno and step, if it cannot exec
};

enum Step : int { step_cwd = 1, step_limits = 2, step_exec = 3 };

void set_limit(__rlimit_resource which, uint64_t value, uint64_t extra, int report) {
  if (value == 0) return;
  struct rlimit limit{};
  limit.rlim_cur = value;
  limit.rlim_max = value + extra;
  if (::setrlimit(which, &limit) != 0) {
    int error[2] = {step_limits, errno};
    [[maybe_unused]] ssize_t ignored = ::write(report, error, sizeof error);
    ::_exit(127);
  }
}

[[noreturn]] void child_main(const Prepared& p, char** argv, char** envp) {
  if (p.own_group) ::setpgid(0, 0);
  if (p.die_with_parent) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 3; ++i) {
    if (p.streams[static_cast<size_t>(i)] >= 0) ::dup2(p.streams[static_cast<size_t>(i)], i);
  }
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGCHLD, SIGHUP}) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int error[2] = {step_cwd, 0};
  if (!p.cwd.empty() && ::chdir(p.cwd.c_str()) != 0) {
    error[1] = errno;
    [[maybe_unused]] ssize_t ignored = ::write(p.report, error, sizeof error);
    ::_exit(127);
  }
  set_limit(RLIMIT_AS, p.limits.memory_bytes, 0, p.report);
  set_limit(RLIMIT_CPU, p.limits.cpu_seconds, 1, p.report);
  set_limit(RLIMIT_FSIZE, p.limits.file_bytes, 0, p.report);
  set_limit(RLIMIT_NOFILE, p.limits.open_files, 0, p.report);
  ::execve(p.program.c_str(), argv, envp);
  error[0] = step_exec;
  error[1] = errno;
  [[maybe_unused]] ssize_t ignored = ::write(p.report, error, sizeof error);
  ::_exit(127);
}

void report_start_failure(int read_end, const Command& command) {
  int error[2] = {0, 0};
  ssize_t got = 0;
  do {
    got = ::read(read_end, error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof error)) return;
  if (error[0] == step_cwd) {
    fail(Code::invalid_argument, "cannot enter directory '{}': {}", command.cwd.string(), std::strerror(error[1]));
  }
  if (error[0] == step_limits)
    fail(Code::failed_precondition, "cannot set a resource limit: {}", std::strerror(error[1]));
  fail_errno(error[1], "cannot execute", command.argv[0]);
}

int null_device(int flags) {
  int fd = ::open("/dev/null", flags | O_CLOEXEC);
  if (fd < 0) fail_errno(errno, "cannot open", "/dev/null");
  return fd;
}

Result result_of(int status) {
  Result result;
  if (WIFEXITED(status)) {
    result.exit_code = WEXITSTATUS(status);
  } else {
    result.end = End::signalled;
    result.exit_code = -1;
    result.signal = WTERMSIG(status);
  }
  return result;
}

}  // namespace

std::vector<std::string> shell_argv(std::string_view command_line) {
  const char* shell = std::getenv("SHELL");
  std::string program = shell != nullptr && *shell != '\0' ? shell : "/bin/sh";
  std::string name = std::filesystem::path(program).filename().string();
  if (name == "bash") return {program, "--noprofile", "--norc", "-c", std::string(command_line)};
  if (name == "zsh") return {program, "--no-rcs", "-c", std::string(command_line)};
  return {program, "-c", std::string(command_line)};
}

std::string describe(const Result& result) {
  switch (result.end) {
    case End::exited: return fmt::format("exited with {}", result.exit_code);
    case End::signalled: return fmt::format("killed by signal {} ({})", result.signal, ::strsignal(result.signal));
    case End::timed_out:
      return fmt::format("timed out after {:.1f} s", static_cast<double>(result.usage.wall_ms) / 1000);
    case End::cancelled: return "cancelled";
  }
  return "ended";
}

Child Child::start(const Command& command) {
  Prepared p;
  p.environment = environment_of(command);
  p.program = program_path(command, p.environment);
  p.arguments = command.argv;
  p.cwd = command.cwd.string();
  p.limits = command.limits;
  p.own_group = command.own_group;
  p.die_with_parent = command.die_with_parent;

  Child child;
  child.own_group_ = command.own_group;
  std::array<Fd, 3> ends;
  if (command.input == Stream::null) ends[0] = Fd(null_device(O_RDONLY));
  if (command.input == Stream::pipe) ends[0] = input_file(command.input_text);
  for (int i = 1; i < 3; ++i) {
    Stream kind = i == 1 ? command.output : command.error;
    if (kind == Stream::null) ends[static_cast<size_t>(i)] = Fd(null_device(O_WRONLY));
    if (kind != Stream::pipe) continue;
    Pipe pipe = make_pipe();
    ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
    (i == 1 ? child.output_ : child.error_) = std::move(pipe.read);
    ends[static_cast<size_t>(i)] = std::move(pipe.write);
  }
  for (size_t i = 0; i < 3; ++i) p.streams[i] = ends[i] ? ends[i].get() : -1;
  Pipe report = make_pipe();
  p.report = report.write.get();
  std::vector<char*> argv = pointers(p.arguments);
  std::vector<char*> envp = pointers(p.environment);

  child.started_ns_ = steady_ns();
  pid_t pid = ::fork();
  if (pid < 0) fail_errno(errno, "cannot start", command.argv[0]);
  if (pid == 0) child_main(p, argv.data(), envp.data());
  child.pid_ = pid;
  if (command.own_group) ::setpgid(pid, pid);
  report.write.reset();
  report_start_failure(report.read.get(), command);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      own_group_(other.own_group_),
      reaped_(std::exchange(other.reaped_, true)),
      started_ns_(other.started_ns_),
      output_(std::move(other.output_)),
      error_(std::move(other.error_)) {}

Child::~Child() {
  if (pid_ < 0 || reaped_) return;
  signal(SIGKILL);
  wait();
}

void Child::signal(int number) const {
  if (pid_ <= 0 || reaped_) return;
  if (own_group_) {
    ::kill(-pid_, number);
  } else {
    ::kill(pid_, number);
  }
}

Result Child::reaped(int status, const void* usage_pointer) {
  const auto& usage = *static_cast<const struct rusage*>(usage_pointer);
  // What the leader left running in its group goes with it.
  if (own_group_) ::kill(-pid_, SIGKILL);
  reaped_ = true;
  Result result = result_of(status);
  result.usage.wall_ms = (steady_ns() - started_ns_) / 1'000'000;
  result.usage.cpu_ms =
      (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
  result.usage.max_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  return result;
}

std::optional<Result> Child::try_wait() {
  FETTLE_CHECK(!reaped_, "a child is waited for once");
  int status = 0;
  struct rusage usage{};
  pid_t got = 0;
  do {
    got = ::wait4(pid_, &status, WNOHANG, &usage);
  } while (got < 0 && errno == EINTR);
  if (got != pid_) return std::nullopt;
  return reaped(status, &usage);
}

Result Child::wait() {
  FETTLE_CHECK(!reaped_, "a child is waited for once");
  int status = 0;
  struct rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0) {
    if (errno != EINTR) fail_errno(errno, "cannot wait for", std::to_string(pid_));
  }
  return reaped(status, &usage);
}

}  // namespace fettle::process
