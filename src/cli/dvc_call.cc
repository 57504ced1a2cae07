#include "cli/dvc_call.h"

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace fettle::cli {
namespace {

constexpr auto kQuietTime = std::chrono::milliseconds(300);
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int64_t kPlainLineNs = 30'000'000'000;
constexpr size_t kBarCells = 24;

std::string size_text(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

bool use_bar() {
  const char* mode = std::getenv("FETTLE_PROGRESS");
  if (mode != nullptr) return std::string_view(mode) == "bar";
  const char* terminal = std::getenv("TERM");
  bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(STDERR_FILENO) == 1 && std::getenv("CI") == nullptr && !dumb;
}

}  // namespace

void answer(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void complain(std::string_view line) {
  std::fflush(stdout);
  std::string text = std::string(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void DvcCall::say(std::string_view line) const {
  if (!quiet) answer(std::string(line) + "\n");
}

void git_hint(const DvcCall& call, const data::Repository& repository,
              const std::vector<std::filesystem::path>& files) {
  if (files.empty() || !repository.git_root() || repository.git_add(files) || call.quiet) return;
  std::string names;
  for (const auto& file : files) names += " " + pipelines::shown_path(file, call.cwd);
  call.say("\nTo track the changes with git, run:\n\n\tgit add" + names);
  call.say("\nTo enable auto staging, run:\n\n\tdvc config core.autostage true");
}

struct ProgressDisplay::State {
  data::Progress& progress;
  bool bar;
  std::mutex mutex = {};
  std::condition_variable_any wake = {};
  bool drawn = false;
  int64_t started_ns = SystemClock().steady_ns();
  int64_t last_line_ns = started_ns;
  std::jthread thread = {};

  double seconds() const { return static_cast<double>(SystemClock().steady_ns() - started_ns) / 1e9; }

  std::string line() const {
    uint64_t files = progress.files;
    uint64_t total = progress.total_files;
    uint64_t bytes = progress.bytes;
    uint64_t all = progress.total_bytes;
    double rate = static_cast<double>(bytes) / std::max(seconds(), 0.001);
    double part = all > 0     ? static_cast<double>(bytes) / static_cast<double>(all)
                  : total > 0 ? static_cast<double>(files) / static_cast<double>(total)
                              : 0;
    part = std::min(part, 1.0);
    std::string eta = all > 0 && bytes > 0 && seconds() > 1
                          ? fmt::format("{:.0f}s", static_cast<double>(all - std::min(bytes, all)) / rate)
                          : "?";
    std::string text = std::string(progress.verb) + "  ";
    if (bar && total > 0) {
      auto cells = static_cast<size_t>(part * kBarCells);
      for (size_t i = 0; i < kBarCells; ++i) text += i < cells ? "━" : " ";
      text += fmt::format("  {:3.0f}%", part * 100);
    }
    text += fmt::format("  {}/{} files  {}  {}/s  eta {}", files, total, size_text(bytes),
                        size_text(static_cast<uint64_t>(rate)), eta);
    return text;
  }

  void tick() {
    if (progress.total_files == 0) return;
    int64_t now = SystemClock().steady_ns();
    if (bar) {
      std::fprintf(stderr, "\r\x1b[K%s", line().c_str());
      drawn = true;
    } else if (now - last_line_ns >= kPlainLineNs) {
      std::fprintf(stderr, "%s\n", line().c_str());
      last_line_ns = now;
    }
  }

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kQuietTime, [] { return false; });
    while (!stop.stop_requested()) {
      tick();
      wake.wait_for(lock, stop, kRedraw, [] { return false; });
    }
    if (drawn) std::fputs("\r\x1b[K", stderr);
  }
};

ProgressDisplay::ProgressDisplay(const DvcCall& call, data::Progress& progress) {
  if (call.quiet) return;
  state_ = std::make_unique<State>(progress, use_bar());
  state_->thread = std::jthread([state = state_.get()](std::stop_token stop) { state->run(stop); });
}

ProgressDisplay::~ProgressDisplay() {
  if (!state_) return;
  state_->thread.request_stop();
  state_->thread.join();
}

}  // namespace fettle::cli
