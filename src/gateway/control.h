// The control plane of endpoints: it turns documents and rollouts into the gateway's snapshot, and drives rollouts to
// their end without a human. Each transition, its decision with what was seen, its audit event, the revision and its
// lineage are one transaction; after kill -9 everything continues where the store says it was.
//
//   Control control({.database = db, .clock = clock, .runtime = runtime, .gateway = gateway, .resolver = resolver});
//   control.restore(); control.start();
//   control.put_endpoint({.name = "flights", .spec = json, .generation = 1}, {.by = "cli"});
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "gateway/gateway.h"
#include "gateway/model_resolver.h"
#include "gateway/outcome_source.h"
#include "gateway/rollout.h"
#include "gateway/store.h"

namespace fettle::sql {
class Database;
}

namespace fettle::gateway {

struct ControlConfig {
  int64_t tick_ms = 100;     // between looks at running rollouts and moved aliases
  int64_t retry_ms = 5'000;  // before a version that could not be loaded is tried again
  int64_t store_ms =
      1'000;  // figures of a running rollout are stored at most so often; kill -9 loses less than that of them
  int64_t outcomes_ms = 5'000;  // labelled outcomes are asked for at most so often
  int64_t drain_ms = 1'000;     // how long a rollback waits for the candidate's last answers before it counts them
};

// Thread-safe. The ticker is one thread; nothing here is on the data plane.
class Control {
 public:
  struct Parts {
    sql::Database& database;
    const Clock& clock;
    const serving::Runtime& runtime;
    Gateway& gateway;
    ModelResolver& resolver;
    GateSource* gates = nullptr;        // nullptr: no gate exists
    OutcomeSource* outcomes = nullptr;  // nullptr: no labels are known; a rollout that asks for quality then waits
  };
  explicit Control(Parts parts, ControlConfig config = {});
  ~Control();

  // Reads the stored endpoints and running rollouts and serves them. Call once, before start().
  void restore();
  // Starts and ends the ticker.
  void start();
  void stop();
  // One round of the ticker's work: starting, judging, promoting and rolling back what is due; following aliases.
  void tick();

  // Resources. Idempotent: the same document makes no new revision. A document that cannot be served yet (no such
  // version, no reference, a model that does not load) is kept; EndpointView::reason says why. Throws invalid_argument
  // for a document that is none.
  void put_endpoint(StoredEndpoint endpoint, const Author& author);
  void remove_endpoint(const std::string& name, const Author& author);  // ends its rollout; unknown: nothing happens
  void put_contract(const StoredContract& contract, const Author& author);
  void remove_contract(const std::string& name, const Author& author);
  std::optional<StoredContract> find_contract(const std::string& name) const;

  // Errors: not_found (endpoint, candidate), invalid_argument (another model), already_exists (a rollout is in
  // progress), failed_precondition (the gate did not pass and is not overridden; nothing serves; the candidate serves
  // already).
  Rollout start_rollout(const std::string& endpoint, const RolloutRequest& request, const Author& author);

  struct CommandRequest {
    Command command = Command::abort;
    bool full = false;
    std::optional<int64_t> generation;  // stale: aborted
    Author author;
  };
  // not_found, aborted, failed_precondition.
  Rollout command(const std::string& id, const CommandRequest& request);

  std::optional<Rollout> find_rollout(const std::string& id) const;  // live figures while it runs
  std::vector<Rollout> rollouts(const RolloutFilter& filter) const;
  int64_t rollout_count(const RolloutFilter& filter) const;
  std::vector<RolloutHistory> rollout_history(const std::string& id) const;
  std::vector<Revision> revisions(const std::string& endpoint, int64_t before_number, int64_t limit) const;
  int64_t revision_count(const std::string& endpoint) const;
  int64_t endpoint_generation(const std::string& endpoint) const;  // 0: unknown
  std::optional<Revision> current_revision(const std::string& endpoint) const;

 private:
  struct Entry;
  struct Transition;
  using Lock = std::unique_lock<std::mutex>;

  // Serving.
  void refresh(Entry& entry, const Author& author);
  std::optional<std::string> wanted_version(const Entry& entry);
  std::shared_ptr<const ServedModel> build(const Entry& entry, const ContractSpec* contract,
                                           const std::string& version) const;
  std::shared_ptr<const ServedModel> build_fallback(const ModelRef& ref, const EndpointSpec& spec) const;
  std::string fingerprint(const Entry& entry) const;
  const ContractSpec* contract_of(const Entry& entry) const;
  void ensure_revision(Entry& entry, const Author& author);
  void check_fallbacks(const Entry& entry) const;
  std::shared_ptr<const EndpointSnapshot> compile(const Entry& entry) const;
  void install() const;
  Entry* find_entry(const std::string& name);

  // Rollouts.
  void advance(const std::string& endpoint, Lock& lock);
  void load_candidate(Entry& entry, Lock& lock);
  void judge(Entry& entry, Lock& lock);
  void begin_steps(Entry& entry);
  void finish_promotion(Entry& entry);
  void finish_rollback(Entry& entry, Lock& lock);
  void commit(Entry& entry, const Transition& transition);
  void update_figures(Entry& entry) const;
  void store_figures(Entry& entry, int64_t now_ms);
  std::optional<Outcomes> ask_outcomes(Entry& entry, Lock& lock);
  std::string check_gate(const RolloutRequest& request, const std::string& model, const std::string& version,
                         Rollout& rollout) const;
  Rollout undo_promotion(const Rollout& finished, const CommandRequest& request);
  void run(const std::stop_token& stop);

  Parts parts_;
  ControlConfig config_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::map<std::string, StoredContract> contracts_;
  std::map<std::string, ContractSpec> contract_specs_;
  bool wake_ = false;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace fettle::gateway
