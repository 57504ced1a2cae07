// The retraining loop: alert -> decision -> version the data -> train -> gate -> canary -> promotion or rejection,
// without a human, each transition persisted with its reason before the next step begins, so that a restart resumes
// where it stopped.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "retraining/policy.h"
#include "sql/database.h"

namespace fettle::retraining {

enum class State { versioning, training, gating, rolling_out, succeeded, rejected, failed, rolled_back };
std::string_view state_name(State state);
std::optional<State> parse_state(std::string_view name);
inline bool is_final(State state) { return state > State::rolling_out; }

struct Gain {
  std::string metric;
  double champion = 0;
  double candidate = 0;
  double difference = 0;
  double low = 0;  // interval of the difference
  double high = 0;
};

struct Run {
  std::string id;
  std::string policy;
  std::string endpoint;
  std::string model;
  State state = State::versioning;
  std::string reason;
  std::string decision;
  std::string alert;  // empty: by hand
  std::string alert_window;
  std::string trigger;                        // "alert", "manual"
  std::optional<int64_t> evaluation_from_ms;  // the window that the gate uses: training leaves it out
  std::optional<int64_t> evaluation_to_ms;
  std::string versioning_job;
  std::string training_job;
  std::string pipeline_run;
  std::string mlflow_run;
  std::string candidate;  // version
  std::string champion;
  std::string gate_report;
  std::string gate_verdict;
  std::string rollout;
  std::string gain;  // JSON of a Gain, or empty
  std::optional<int64_t> training_rows;
  int64_t cpu_ms = 0;
  int64_t started_at_ms = 0;
  std::optional<int64_t> ended_at_ms;
};

struct Transition {
  int64_t at_ms = 0;
  std::string from;
  std::string to;
  std::string reason;
};

struct JobEnd {
  bool over = false;
  bool ok = false;
  std::string reason;
  std::string pipeline_run;
  int64_t cpu_ms = 0;
};

struct Candidate {
  std::string version;
  std::string mlflow_run;
  std::optional<int64_t> training_rows;
};

struct GateEnd {
  std::string report;
  std::string verdict;  // "pass", "fail", "inconclusive", "not_run"
  std::string reason;
  std::string champion;
  std::optional<Gain> gain;
};

struct RolloutEnd {
  bool over = false;
  bool succeeded = false;
  std::string reason;
};

struct EvaluationWindow {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
};

// What the loop asks of the other modules; connected in app/. Calls may block; a thrown Failure fails the run, except
// Code::unavailable, which is tried again at the next tick. Starting calls must be idempotent per run.
class Steps {
 public:
  virtual ~Steps() = default;
  virtual std::vector<FiringAlert> firing_alerts() = 0;
  virtual std::optional<int64_t> newest_event_ms(const std::string& endpoint) = 0;
  // Labelled rows of the endpoint, ever.
  virtual int64_t label_count(const std::string& endpoint) = 0;
  // The newest mature window of the monitor; nothing if there is none.
  virtual std::optional<EvaluationWindow> evaluation_window(const Policy& policy) = 0;

  // Both return a job's id. An empty one: nothing to version.
  virtual std::string start_versioning(const Policy& policy, const Run& run) = 0;
  virtual std::string start_training(const Policy& policy, const Run& run) = 0;
  virtual JobEnd job(const std::string& id) = 0;
  virtual std::optional<Candidate> candidate(const Policy& policy, const Run& run) = 0;
  virtual GateEnd judge(const Policy& policy, const Run& run) = 0;
  virtual std::string start_rollout(const Policy& policy, const Run& run) = 0;
  virtual RolloutEnd rollout(const std::string& id) = 0;
};

struct PolicyStatus {
  Policy policy;
  int64_t rejections = 0;
  std::optional<int64_t> last_start_event_ms;
  int64_t new_labels = 0;
  std::string running;  // run id, or empty
  std::string last_verdict;
  std::string last_reason;
};

struct RunFilter {
  std::string policy;
  std::string endpoint;
  std::string before;  // id for paging
  int64_t limit = 100;
};

// Thread-safe. tick() does all the work; start() calls it from a thread of its own.
class Retraining {
 public:
  Retraining(sql::Database& database, const Clock& clock, Steps& steps);
  ~Retraining();

  void put_policy(const std::string& name, int64_t generation, const std::string& spec);
  void remove_policy(const std::string& name);
  std::vector<PolicyStatus> policies() const;

  // Starts a run by hand: skips alerts, cool-down and minimum, closes the circuit; never the gate. already_exists while
  // one runs.
  Run run_now(const std::string& policy, const std::string& by, const std::string& reason);

  std::optional<Run> find(const std::string& id) const;
  std::vector<Run> list(const RunFilter& filter) const;
  // Of the whole filter, `before` and `limit` apart.
  int64_t count(const RunFilter& filter) const;
  std::vector<Transition> transitions(const std::string& run) const;

  // One step of every policy and every run that is not over.
  void tick();
  void start(int64_t interval_ms);
  void stop();
  // Makes the thread tick soon (an alert changed).
  void wake();

 private:
  struct Stored;
  std::vector<Stored> stored_policies() const;
  Observations observe(const Stored& stored) const;
  void consider(const Stored& stored);
  Run create(const Stored& stored, const Observations& seen, const Decision& decision, const std::string& actor);
  void advance(Run run, const Policy& policy);
  void version(Run& run, const Policy& policy);
  void train(Run& run, const Policy& policy);
  void gate(Run& run, const Policy& policy);
  void roll_out(Run& run, const Policy& policy);
  void move(Run& run, State to, const std::string& reason);
  std::vector<Run> open_runs() const;

  sql::Database& database_;
  const Clock& clock_;
  Steps& steps_;
  std::mutex tick_mutex_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool woken_ = false;
  std::jthread thread_;
};

// JSON of a Gain (gain_file.cc).
std::string format_gain(const Gain& gain);

}  // namespace fettle::retraining
