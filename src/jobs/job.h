// A job: one command of the user, run by an executor with limits, a log and an end that is always recorded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::jobs {

enum class State { queued, running, succeeded, failed, cancelled, timed_out, lost };
std::string_view state_name(State state);
std::optional<State> parse_state(std::string_view name);
inline bool is_final(State state) { return state != State::queued && state != State::running; }

struct Spec {
  std::string name;
  std::vector<std::string> command;  // argument list; a shell is {"sh", "-c", "…"}
  std::string directory;             // absolute
  std::map<std::string, std::string> environment;
  int64_t timeout_ms = 3'600'000;  // 1,000 to 7 days
  int64_t memory_bytes = 0;        // address space; 0: no limit
  std::string key;                 // idempotency: the same key answers the first job; empty: none
  std::string by = "api";
  std::string retraining_run;  // whose step it is; empty: none
};

struct Job {
  std::string id;
  State state = State::queued;
  std::string reason;  // why it is in this state, for people
  Spec spec;
  std::string pipeline_run;  // the last pipeline run that it reported; empty: none
  std::optional<int> exit_code;
  std::optional<int> signal;
  int64_t created_at_ms = 0;
  std::optional<int64_t> started_at_ms;
  std::optional<int64_t> ended_at_ms;
  int64_t cpu_ms = 0;
  int64_t peak_memory_bytes = 0;
  int64_t log_bytes = 0;
};

// invalid_argument naming every problem.
void check_spec(const Spec& spec);

// JSON of the parts of a spec that have no column (spec_file.cc).
std::string format_spec(const Spec& spec);
Spec parse_spec(std::string_view text);

}  // namespace fettle::jobs
