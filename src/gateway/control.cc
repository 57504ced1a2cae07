#include "gateway/control.h"

#include <algorithm>

#include "base/hash.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "gateway/control_entry.h"
#include "gateway/routing.h"
#include "journal/journal.h"
#include "sql/database.h"

namespace fettle::gateway {
namespace {

constexpr uint32_t kRevisionMask = (uint32_t{1} << 20) - 1;
const Author kSystem{.by = "system"};

std::string describe(const ModelRef& ref) {
  return ref.alias ? fmt::format("model '{}' has no alias '{}' yet", ref.model, ref.selector)
                   : fmt::format("model '{}' has no version '{}' yet", ref.model, ref.selector);
}

}  // namespace

Control::Control(Parts parts, ControlConfig config) : parts_(parts), config_(config) {}

Control::~Control() { stop(); }

void Control::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Control::stop() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Control::run(const std::stop_token& stop) {
  name_thread("rollouts");
  while (!stop.stop_requested()) {
    try {
      tick();
    } catch (const std::exception& error) {
      log_error("rollout tick failed", {{"error", error.what()}});
    }
    Lock lock(mutex_);
    changed_.wait_for(lock, stop, std::chrono::milliseconds(config_.tick_ms), [&] { return wake_; });
    wake_ = false;
  }
}

void Control::tick() {
  std::vector<std::string> names;
  {
    Lock lock(mutex_);
    for (const auto& [name, entry] : entries_) names.push_back(name);
  }
  for (const auto& name : names) {
    Lock lock(mutex_);
    Entry* entry = find_entry(name);
    if (entry == nullptr) continue;
    try {
      if (entry->rollout) {
        advance(name, lock);
      } else if (parts_.clock.now_ms() >= entry->next_try_ms) {
        refresh(*entry, kSystem);
      }
    } catch (const std::exception& error) {
      log_warn("endpoint could not be brought forward", {{"endpoint", name}, {"error", error.what()}});
    }
  }
}

void Control::restore() {
  Lock lock(mutex_);
  struct Stored {
    std::vector<StoredEndpoint> endpoints;
    std::vector<StoredContract> contracts;
    std::vector<Rollout> rollouts;
    std::map<std::string, Revision> revisions;
  };
  Stored stored = parts_.database.read([](sql::Connection& connection) {
    Stored all{load_endpoints(connection), load_contracts(connection), running_rollouts(connection), {}};
    for (const auto& endpoint : all.endpoints) {
      if (auto revision = newest_revision(connection, endpoint.name)) all.revisions[endpoint.name] = *revision;
    }
    return all;
  });
  for (const auto& contract : stored.contracts) {
    contract_specs_[contract.name] = parse_contract_spec(contract.spec);
    contracts_[contract.name] = contract;
  }
  for (const auto& endpoint : stored.endpoints) {
    auto entry = std::make_unique<Entry>();
    entry->stored = endpoint;
    entry->spec = parse_endpoint_spec(endpoint.spec);
    if (auto found = stored.revisions.find(endpoint.name); found != stored.revisions.end()) {
      entry->revision = found->second;
      entry->pinned = found->second.stable;
    }
    entries_[endpoint.name] = std::move(entry);
  }
  for (auto& rollout : stored.rollouts) {
    Entry* entry = find_entry(rollout.endpoint);
    if (entry == nullptr) continue;
    entry->stable_base = rollout.stable_total;
    entry->candidate_base = rollout.candidate_total;
    entry->rollout = std::move(rollout);
  }
  for (auto& [name, entry] : entries_) refresh(*entry, kSystem);
}

Control::Entry* Control::find_entry(const std::string& name) {
  auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.get();
}

const ContractSpec* Control::contract_of(const Entry& entry) const {
  auto found = contract_specs_.find(entry.spec.contract);
  return entry.spec.contract.empty() || found == contract_specs_.end() ? nullptr : &found->second;
}

std::string Control::fingerprint(const Entry& entry) const {
  const ContractSpec* contract = contract_of(entry);
  std::string text =
      format_endpoint_spec(entry.spec) + '\n' + (contract == nullptr ? "" : format_contract_spec(*contract));
  return sha256_hex(text).substr(0, 16);
}

// A running rollout holds its stable; an alias is followed; a fixed version is only moved by rollouts.
std::optional<std::string> Control::wanted_version(const Entry& entry) {
  if (entry.rollout) return entry.rollout->stable;
  if (!entry.spec.model.alias && !entry.pinned.empty()) return entry.pinned;
  return parts_.resolver.resolve(entry.spec.model);
}

// Touches nothing that the mutex guards: a candidate is built with the lock open.
std::shared_ptr<const ServedModel> Control::build(const Entry& entry, const ContractSpec* contract,
                                                  const std::string& version) const {
  if (!entry.spec.contract.empty() && contract == nullptr) {
    fail(Code::failed_precondition, "contract '{}' of endpoint '{}' does not exist", entry.spec.contract,
         entry.stored.name);
  }
  const std::string& model = entry.spec.model.model;
  parts_.resolver.ensure_loaded(model, version);
  auto pin = value_or_throw(parts_.runtime.pin(model, version));
  ModelRef source{.model = model, .selector = version};
  if (contract != nullptr && contract->reference) {
    auto resolved = parts_.resolver.resolve(*contract->reference);
    if (!resolved) fail(Code::failed_precondition, "the contract's reference: {}", describe(*contract->reference));
    source = {.model = contract->reference->model, .selector = *resolved};
  }
  std::shared_ptr<const stats::Table> reference;
  if (contract != nullptr || entry.spec.ood_rate || entry.spec.confidence_rate) {
    std::string artifact = contract != nullptr ? contract->reference_artifact : ContractSpec{}.reference_artifact;
    reference = parts_.resolver.reference(source.model, source.selector, artifact);
  }
  return build_served_model({.pin = pin.get(),
                             .endpoint = &entry.spec,
                             .contract = contract,
                             .reference = reference.get(),
                             .reference_origin = "models:/" + format_model_ref(source)});
}

// A fallback model takes what the contract let through; it has no thresholds of its own.
std::shared_ptr<const ServedModel> Control::build_fallback(const ModelRef& ref, const EndpointSpec& spec) const {
  try {
    auto version = parts_.resolver.resolve(ref);
    if (!version) return nullptr;
    parts_.resolver.ensure_loaded(ref.model, *version);
    auto pin = value_or_throw(parts_.runtime.pin(ref.model, *version));
    EndpointSpec plain;
    plain.positive_index = spec.positive_index;
    return build_served_model(
        {.pin = pin.get(), .endpoint = &plain, .reference_origin = "models:/" + format_model_ref(ref)});
  } catch (const Failure& failure) {
    log_warn("a fallback model is not available", {{"model", format_model_ref(ref)}, {"error", failure.what()}});
    return nullptr;
  }
}

void Control::check_fallbacks(const Entry& entry) const {
  for (const auto& level : entry.spec.fallback) {
    if (const auto* constant = std::get_if<ConstantAnswer>(&level.answer))
      check_answer(*constant, entry.stable->outputs);
    const auto* rule = std::get_if<RuleAnswer>(&level.answer);
    if (rule == nullptr) continue;
    check_answer(rule->then, entry.stable->outputs);
    check_answer(rule->otherwise, entry.stable->outputs);
    if (!entry.stable->contract.by_name.contains(std::string_view(rule->feature))) {
      fail(Code::invalid_argument, "a fallback's rule reads feature '{}', which the model does not take",
           rule->feature);
    }
  }
}

// Brings what is served in line with the documents, the alias and the running rollout. What served before keeps serving
// when it fails.
void Control::refresh(Entry& entry, const Author& author) {
  std::string print = fingerprint(entry);
  auto version = wanted_version(entry);
  bool same = entry.stable != nullptr && version && entry.stable->version == *version && entry.built_for == print;
  if (same && entry.reason.empty()) return;
  if (same) {
    entry.reason.clear();
    return install();
  }
  entry.next_try_ms = parts_.clock.now_ms() + config_.tick_ms;
  if (!version) {
    entry.reason = describe(entry.spec.model);
    if (entry.stable == nullptr) entry.state = EndpointState::waiting;
    return install();
  }
  auto before = entry.stable;
  try {
    const ContractSpec* contract = contract_of(entry);
    auto built = build(entry, contract, *version);
    std::swap(entry.stable, built);
    check_fallbacks(entry);
    if (entry.rollout && entry.candidate != nullptr) entry.candidate = build(entry, contract, entry.rollout->candidate);
  } catch (const Failure& failure) {
    entry.stable = before;
    entry.reason = failure.what();
    entry.next_try_ms = parts_.clock.now_ms() + config_.retry_ms;
    if (entry.stable == nullptr) entry.state = EndpointState::failed;
    log_warn(before == nullptr ? "endpoint cannot serve" : "endpoint keeps what it served",
             {{"endpoint", entry.stored.name}, {"version", *version}, {"error", failure.what()}});
    return install();
  }
  entry.fallback.clear();
  for (const auto& level : entry.spec.fallback) {
    FallbackSnapshot made{.on = level.on, .answer = ConstantAnswer{}};
    if (const auto* ref = std::get_if<ModelRef>(&level.answer)) made.answer = build_fallback(*ref, entry.spec);
    if (const auto* constant = std::get_if<ConstantAnswer>(&level.answer)) made.answer = *constant;
    if (const auto* rule = std::get_if<RuleAnswer>(&level.answer)) made.answer = *rule;
    entry.fallback.push_back(std::move(made));
  }
  entry.built_for = print;
  entry.pinned = *version;
  entry.state = EndpointState::serving;
  entry.reason.clear();
  entry.next_try_ms = 0;
  ensure_revision(entry, author);
  install();
}

// A revision for what the endpoint serves now, unless the newest one says the same (a restart).
void Control::ensure_revision(Entry& entry, const Author& author) {
  Revision wanted{.endpoint = entry.stored.name,
                  .at_ms = parts_.clock.now_ms(),
                  .by = author.by,
                  .fingerprint = entry.built_for,
                  .model = entry.stable->model,
                  .stable = entry.stable->version};
  if (entry.rollout && entry.rollout->weight() > 0) {
    wanted.rollout = entry.rollout->id;
    wanted.candidate = entry.rollout->candidate;
    wanted.weight = entry.rollout->weight();
  }
  const auto& now = entry.revision;
  bool same = now && now->fingerprint == wanted.fingerprint && now->model == wanted.model &&
              now->stable == wanted.stable && now->candidate == wanted.candidate && now->weight == wanted.weight;
  if (!same) {
    wanted.reason = !author.reason.empty()                ? author.reason
                    : now && now->stable == wanted.stable ? "endpoint or contract changed"
                    : now ? fmt::format("{} now names version {}", format_model_ref(entry.spec.model), wanted.stable)
                          : "first version served";
    entry.revision =
        parts_.database.write([&](sql::Connection& connection) { return add_revision(connection, wanted); });
    if (!entry.rollout) entry.stable_counters.reset();
  }
  if (entry.stable_counters == nullptr) entry.stable_counters = std::make_shared<ArmCounters>();
  if (entry.rollout && entry.candidate_counters == nullptr) entry.candidate_counters = std::make_shared<ArmCounters>();
}

std::shared_ptr<const EndpointSnapshot> Control::compile(const Entry& entry) const {
  auto snapshot = std::make_shared<EndpointSnapshot>();
  snapshot->name = entry.stored.name;
  snapshot->ordinal = entry.stored.ordinal;
  snapshot->spec = entry.spec;
  snapshot->state = entry.state;
  snapshot->reason = entry.reason;
  snapshot->traffic = entry.traffic;
  if (entry.rollout) snapshot->rollout_id = entry.rollout->id;
  if (entry.revision) {
    snapshot->revision_id = entry.revision->id;
    snapshot->revision_at_ms = entry.revision->at_ms;
    snapshot->revision = entry.revision->number & kRevisionMask;
  }
  if (entry.state == EndpointState::serving) {
    int32_t weight = entry.rollout && entry.candidate != nullptr ? entry.rollout->weight() : 0;
    snapshot->stable = {
        .name = "stable", .served = entry.stable, .weight = kWeightTotal - weight, .counters = entry.stable_counters};
    if (weight > 0) {
      snapshot->candidate = ArmSnapshot{
          .name = "candidate", .served = entry.candidate, .weight = weight, .counters = entry.candidate_counters};
    }
    snapshot->fallback = entry.fallback;
  }
  parts_.gateway.bind_metrics(*snapshot);
  return snapshot;
}

void Control::install() const {
  auto snapshot = std::make_shared<Snapshot>();
  for (const auto& [name, entry] : entries_) {
    auto compiled = compile(*entry);
    std::erase_if(entry->with_candidate, [](const auto& old) { return old.expired(); });
    if (compiled->candidate) entry->with_candidate.push_back(compiled);
    snapshot->endpoints[name] = std::move(compiled);
  }
  parts_.gateway.install(std::move(snapshot));
}

void Control::put_endpoint(StoredEndpoint endpoint, const Author& author) {
  EndpointSpec spec = parse_endpoint_spec(endpoint.spec);
  Lock lock(mutex_);
  Entry* entry = find_entry(endpoint.name);
  bool same = entry != nullptr && format_endpoint_spec(entry->spec) == format_endpoint_spec(spec) &&
              entry->stored.generation == endpoint.generation;
  if (same) return refresh(*entry, author);
  if (entry != nullptr && entry->rollout && !(entry->spec.model == spec.model)) {
    fail(Code::failed_precondition,
         "rollout '{}' is in progress on '{}': end it before the endpoint names another model", entry->rollout->id,
         endpoint.name);
  }
  endpoint = parts_.database.write([&](sql::Connection& connection) {
    StoredEndpoint stored = put_endpoint_row(connection, endpoint);
    journal::record_audit(connection, {.actor = author.by,
                                       .action = "endpoint.put",
                                       .subject = "endpoint/" + endpoint.name,
                                       .detail = endpoint.spec,
                                       .at_ms = parts_.clock.now_ms()});
    return stored;
  });
  if (entry == nullptr) {
    entry = (entries_[endpoint.name] = std::make_unique<Entry>()).get();
    entry->revision =
        parts_.database.read([&](sql::Connection& connection) { return newest_revision(connection, endpoint.name); });
  } else if (!(entry->spec.model == spec.model)) {
    entry->pinned.clear();
  }
  entry->stored = std::move(endpoint);
  entry->spec = std::move(spec);
  entry->built_for.clear();
  refresh(*entry, author);
}

void Control::remove_endpoint(const std::string& name, const Author& author) {
  Lock lock(mutex_);
  Entry* entry = find_entry(name);
  if (entry == nullptr) return;
  if (entry->rollout) {
    Transition end{.next = *entry->rollout, .by = author.by, .reason = "the endpoint was removed"};
    end.next.state = RolloutState::superseded;
    end.next.ended_at_ms = parts_.clock.now_ms();
    commit(*entry, end);
  }
  parts_.database.write([&](sql::Connection& connection) {
    remove_endpoint_row(connection, name);
    journal::record_audit(connection, {.actor = author.by,
                                       .action = "endpoint.remove",
                                       .subject = "endpoint/" + name,
                                       .detail = "{}",
                                       .at_ms = parts_.clock.now_ms()});
  });
  entries_.erase(name);
  install();
}

void Control::put_contract(const StoredContract& contract, const Author& author) {
  ContractSpec spec = parse_contract_spec(contract.spec);
  Lock lock(mutex_);
  auto known = contracts_.find(contract.name);
  if (known != contracts_.end() && known->second.generation == contract.generation &&
      known->second.spec == contract.spec)
    return;
  parts_.database.write([&](sql::Connection& connection) {
    put_contract_row(connection, contract);
    journal::record_audit(connection, {.actor = author.by,
                                       .action = "contract.put",
                                       .subject = "contract/" + contract.name,
                                       .detail = contract.spec,
                                       .at_ms = parts_.clock.now_ms()});
  });
  contracts_[contract.name] = contract;
  contract_specs_[contract.name] = std::move(spec);
  for (auto& [name, entry] : entries_) {
    if (entry->spec.contract == contract.name) refresh(*entry, author);
  }
}

void Control::remove_contract(const std::string& name, const Author& author) {
  Lock lock(mutex_);
  if (contracts_.erase(name) == 0) return;
  contract_specs_.erase(name);
  parts_.database.write([&](sql::Connection& connection) {
    remove_contract_row(connection, name);
    journal::record_audit(connection, {.actor = author.by,
                                       .action = "contract.remove",
                                       .subject = "contract/" + name,
                                       .detail = "{}",
                                       .at_ms = parts_.clock.now_ms()});
  });
}

std::optional<StoredContract> Control::find_contract(const std::string& name) const {
  Lock lock(mutex_);
  auto found = contracts_.find(name);
  if (found == contracts_.end()) return std::nullopt;
  return found->second;
}

std::vector<Revision> Control::revisions(const std::string& endpoint, int64_t before_number, int64_t limit) const {
  return parts_.database.read(
      [&](sql::Connection& connection) { return list_revisions(connection, endpoint, before_number, limit); });
}

int64_t Control::revision_count(const std::string& endpoint) const {
  return parts_.database.read([&](sql::Connection& connection) { return count_revisions(connection, endpoint); });
}

int64_t Control::endpoint_generation(const std::string& endpoint) const {
  Lock lock(mutex_);
  auto found = entries_.find(endpoint);
  return found == entries_.end() ? 0 : found->second->stored.generation;
}

std::optional<Revision> Control::current_revision(const std::string& endpoint) const {
  Lock lock(mutex_);
  auto found = entries_.find(endpoint);
  if (found == entries_.end()) return std::nullopt;
  return found->second->revision;
}

}  // namespace fettle::gateway
