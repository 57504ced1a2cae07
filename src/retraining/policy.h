// When a model is trained anew: a pure decision of a policy and what was observed (docs/rest.md 7.1, RetrainPolicy).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::retraining {

struct Policy {
  std::string name;
  int64_t generation = 0;
  std::string spec;  // as written, canonical JSON
  std::string endpoint;
  std::vector<std::string> on;
  std::vector<std::string> block_on;
  int64_t cooldown_ms = 86'400'000;  // between starts, by event time
  int64_t min_new_labels = 1000;
  int64_t max_rejections = 3;
  struct Pipeline {
    std::string directory;
    std::vector<std::string> data;
    std::vector<std::string> targets;
    int64_t timeout_ms = 3'600'000;
    std::map<std::string, std::string> environment;
  } pipeline;
  std::string model;
  std::string gate;
  std::string evaluate_monitor;  // empty: the monitor of the first alert in `on`
  std::string rollout;           // JSON of the rollout's request without `candidate`; empty: default
  bool paused = false;
};

// Every problem of a spec; a path is relative to `spec`.
std::vector<Detail> check_policy(std::string_view spec);
Policy parse_policy(const std::string& name, int64_t generation, const std::string& spec);

struct FiringAlert {
  std::string name;
  std::string monitor;
  std::string window;
};

// Everything that the decision sees; stored with it, so that it can be replayed.
struct Observations {
  std::vector<FiringAlert> firing;             // of all alerts on the server
  std::optional<int64_t> newest_event_ms;      // of the endpoint's predictions
  std::optional<int64_t> last_start_event_ms;  // newest_event_ms when it last started
  int64_t new_labels = 0;                      // labelled rows since then (or ever)
  int64_t rejections = 0;                      // consecutive rejected or failed runs
  bool running = false;                        // a run of this policy is not over
  bool by_hand = false;                        // somebody asked for it
};
std::string format_observations(const Observations& observations);

enum class Verdict { start, wait, block };
std::string_view verdict_name(Verdict verdict);  // "start", "wait", "block"

struct Decision {
  Verdict verdict = Verdict::wait;
  std::string reason;
  std::optional<FiringAlert> alert;  // the one that started it
};

// Order: single flight, then by hand, paused, blocking alerts, circuit, trigger, cool-down, labels.
Decision decide(const Policy& policy, const Observations& observations);

}  // namespace fettle::retraining
