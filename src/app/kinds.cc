#include "app/kinds.h"

#include <algorithm>

#include "base/error.h"
#include "json/json.h"

namespace fettle::app {
namespace {

using platform::Document;
using platform::KindHandler;
using platform::Reference;
using platform::Resource;

const gateway::Author kByApply{.by = "apply", .reason = ""};

// The problems that a parser throws, as a list.
template <class Parse>
std::vector<Detail> problems_of(const Parse& parse) {
  try {
    parse();
    return {};
  } catch (const Failure& failure) {
    if (!failure.error().details.empty()) return failure.error().details;
    return {{"", failure.error().message}};
  }
}

std::string no_status(const std::string&) { return "{}"; }

KindHandler contract_kind(KindOwners owners) {
  return {
      .kind = "Contract",
      .problems = [](const Document& d) { return problems_of([&] { gateway::parse_contract_spec(d.spec); }); },
      .references = [](const Document&) { return std::vector<Reference>(); },
      .applied = [owners](const Resource& r) { owners.control.put_contract({r.name, r.spec, r.generation}, kByApply); },
      .removed = [owners](const std::string& name) { owners.control.remove_contract(name, kByApply); },
      .status = no_status};
}

KindHandler endpoint_kind(KindOwners owners) {
  return {.kind = "Endpoint",
          .problems = [](const Document& d) { return problems_of([&] { gateway::parse_endpoint_spec(d.spec); }); },
          .references =
              [](const Document& d) {
                auto spec = gateway::parse_endpoint_spec(d.spec);
                std::vector<Reference> references;
                if (!spec.contract.empty()) references.push_back({"Contract", spec.contract, "contract"});
                return references;
              },
          .applied =
              [owners](const Resource& r) {
                owners.monitoring.set_retention(r.name, gateway::parse_endpoint_spec(r.spec).log_retention_ms);
                owners.control.put_endpoint({.name = r.name, .spec = r.spec, .generation = r.generation}, kByApply);
              },
          .removed = [owners](const std::string& name) { owners.control.remove_endpoint(name, kByApply); },
          .status =
              [owners](const std::string& name) {
                for (const auto& view : owners.gateway.endpoints()) {
                  if (view.name != name) continue;
                  return json::format(json::Object{{"reason", view.reason}, {"revision", view.revision}});
                }
                return std::string("{}");
              }};
}

KindHandler monitor_kind(KindOwners owners) {
  return {
      .kind = "Monitor",
      .problems = [](const Document& d) { return problems_of([&] { monitoring::parse_monitor_spec(d.spec); }); },
      .references =
          [](const Document& d) {
            return std::vector<Reference>{{"Endpoint", monitoring::parse_monitor_spec(d.spec).endpoint, "endpoint"}};
          },
      .applied = [owners](const Resource& r) { owners.monitoring.put_monitor(r.name, r.spec, r.generation); },
      .removed = [owners](const std::string& name) { owners.monitoring.remove_monitor(name); },
      .status = no_status};
}

KindHandler alert_kind(KindOwners owners) {
  return {.kind = "Alert",
          .problems = [](const Document& d) { return problems_of([&] { monitoring::parse_alert_spec(d.spec); }); },
          .references =
              [](const Document& d) {
                return std::vector<Reference>{{"Monitor", monitoring::parse_alert_spec(d.spec).monitor, "monitor"}};
              },
          .applied = [owners](const Resource& r) { owners.monitoring.put_alert(r.name, r.spec, r.generation); },
          .removed = [owners](const std::string& name) { owners.monitoring.remove_alert(name); },
          .status = no_status};
}

KindHandler gate_kind(KindOwners owners) {
  return {.kind = "Gate",
          .problems = [](const Document& d) { return validation::check_gate(d.spec); },
          .references = [](const Document&) { return std::vector<Reference>(); },
          .applied = [owners](const Resource& r) { owners.validation.put_gate(r.name, r.generation, r.spec); },
          .removed = [owners](const std::string& name) { owners.validation.remove_gate(name); },
          .status = no_status};
}

std::vector<Reference> policy_references(const Document& document) {
  auto policy = retraining::parse_policy(document.name, 0, document.spec);
  std::vector<Reference> references = {{"Endpoint", policy.endpoint, "endpoint"}, {"Gate", policy.gate, "gate"}};
  for (const auto& alert : policy.on) references.push_back({"Alert", alert, "on"});
  for (const auto& alert : policy.block_on) references.push_back({"Alert", alert, "block_on"});
  if (!policy.evaluate_monitor.empty())
    references.push_back({"Monitor", policy.evaluate_monitor, "evaluate_on.monitor"});
  return references;
}

std::vector<Detail> policy_problems(const Document& document) {
  auto problems = retraining::check_policy(document.spec);
  if (!problems.empty()) return problems;
  auto policy = retraining::parse_policy(document.name, 0, document.spec);
  if (policy.rollout.empty()) return {};
  auto rollout = problems_of([&] { gateway::parse_rollout_spec(policy.rollout); });
  for (auto& problem : rollout) problem.path = problem.path.empty() ? "rollout" : "rollout." + problem.path;
  return rollout;
}

KindHandler policy_kind(KindOwners owners) {
  return {.kind = "RetrainPolicy",
          .problems = policy_problems,
          .references = policy_references,
          .applied = [owners](const Resource& r) { owners.retraining.put_policy(r.name, r.generation, r.spec); },
          .removed = [owners](const std::string& name) { owners.retraining.remove_policy(name); },
          .status = no_status};
}

}  // namespace

std::vector<KindHandler> make_kinds(KindOwners owners) {
  std::vector<KindHandler> kinds = {contract_kind(owners), endpoint_kind(owners), monitor_kind(owners),
                                    alert_kind(owners),    gate_kind(owners),     policy_kind(owners)};
  // References are only read of documents whose spec is sound.
  for (auto& kind : kinds) {
    kind.references = [problems = kind.problems, references = kind.references](const Document& d) {
      return problems(d).empty() ? references(d) : std::vector<Reference>();
    };
  }
  return kinds;
}

}  // namespace fettle::app
