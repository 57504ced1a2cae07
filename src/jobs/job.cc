#include "jobs/job.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace fettle::jobs {
namespace {

constexpr std::array<std::pair<State, std::string_view>, 7> kStates = {{{State::queued, "queued"},
                                                                        {State::running, "running"},
                                                                        {State::succeeded, "succeeded"},
                                                                        {State::failed, "failed"},
                                                                        {State::cancelled, "cancelled"},
                                                                        {State::timed_out, "timed_out"},
                                                                        {State::lost, "lost"}}};
constexpr int64_t kMinTimeoutMs = 1000;
constexpr int64_t kMaxTimeoutMs = 7LL * 86'400'000;
constexpr size_t kArgumentsLimit = 1000;

}  // namespace

std::string_view state_name(State state) { return kStates[static_cast<size_t>(state)].second; }

std::optional<State> parse_state(std::string_view name) {
  for (const auto& [state, text] : kStates) {
    if (text == name) return state;
  }
  return std::nullopt;
}

void check_spec(const Spec& spec) {
  std::vector<Detail> problems;
  auto problem = [&](std::string path, std::string message) {
    problems.push_back({std::move(path), std::move(message)});
  };
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (spec.name.empty() || spec.name.size() > 128 || std::any_of(spec.name.begin(), spec.name.end(), is_control)) {
    problem("name", "expected 1 to 128 printable characters");
  }
  if (spec.command.empty() || spec.command.front().empty())
    problem("command", "expected an argument list such as [\"python\", \"train.py\"]");
  if (spec.command.size() > kArgumentsLimit)
    problem("command", fmt::format("{} arguments, expected at most {}", spec.command.size(), kArgumentsLimit));
  for (const auto& argument : spec.command) {
    if (argument.find('\0') != std::string::npos) problem("command", "an argument holds a NUL character");
  }
  if (spec.directory.empty() || spec.directory.front() != '/')
    problem("directory", fmt::format("'{}' is not an absolute path", spec.directory));
  if (spec.timeout_ms < kMinTimeoutMs || spec.timeout_ms > kMaxTimeoutMs) {
    problem("timeout_ms", fmt::format("{} is not within {} to {}", spec.timeout_ms, kMinTimeoutMs, kMaxTimeoutMs));
  }
  if (spec.memory_bytes < 0) problem("memory_bytes", fmt::format("{} is negative", spec.memory_bytes));
  for (const auto& [name, value] : spec.environment) {
    bool has_nul = name.find('\0') != std::string::npos || value.find('\0') != std::string::npos;
    if (has_nul || name.empty() || name.find('=') != std::string::npos)
      problem("environment", fmt::format("'{}' is not a variable's name", name));
  }
  if (problems.empty()) return;
  fail(Error{Code::invalid_argument, fmt::format("job: {}: {}", problems[0].path, problems[0].message), problems});
}

}  // namespace fettle::jobs
