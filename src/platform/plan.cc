#include "platform/plan.h"

#include <algorithm>

namespace fettle::platform {
namespace {

const Resource* find(const std::vector<Resource>& live, const std::string& kind, const std::string& name) {
  auto found =
      std::find_if(live.begin(), live.end(), [&](const Resource& r) { return r.kind == kind && r.name == name; });
  return found == live.end() ? nullptr : &*found;
}

std::string value_of(const Fields& fields, const std::string& path) {
  auto found = fields.find(path);
  return found == fields.end() ? std::string() : found->second;
}

void add_conflicts(const Resource& resource, const Fields& live, const Fields& wanted,
                   std::vector<Conflict>& conflicts) {
  Fields last = flatten(resource.last_applied);
  for (const auto& edit : difference(last, live)) {
    std::string want = value_of(wanted, edit.path);
    if (want == edit.to) continue;
    conflicts.push_back({resource.kind, resource.name, edit.path, resource.owner, edit.to, want});
  }
}

Change change_of(const std::vector<Resource>& live, const Document& document, const PlanOptions& options,
                 std::vector<Conflict>& conflicts) {
  Change change{.document = document, .generation = 1};
  Fields wanted = flatten(document.spec);
  const Resource* resource = find(live, document.kind, document.name);
  if (resource == nullptr) {
    change.action = Action::create;
    change.fields = difference({}, wanted);
    return change;
  }
  Fields now = flatten(resource->spec);
  change.fields = difference(now, wanted);
  change.action = change.fields.empty() ? Action::unchanged : Action::update;
  change.generation = resource->generation + (change.fields.empty() ? 0 : 1);
  if (!options.force_owner && resource->owner != options.owner) add_conflicts(*resource, now, wanted, conflicts);
  return change;
}

}  // namespace

std::vector<FieldChange> difference(const Fields& from, const Fields& to) {
  std::vector<FieldChange> changes;
  for (const auto& [path, value] : from) {
    std::string now = value_of(to, path);
    if (now != value) changes.push_back({path, value, now});
  }
  for (const auto& [path, value] : to) {
    if (!from.contains(path)) changes.push_back({path, "", value});
  }
  std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return changes;
}

std::string_view action_name(Action action) {
  switch (action) {
    case Action::create: return "create";
    case Action::update: return "update";
    case Action::remove: return "delete";
    case Action::unchanged: break;
  }
  return "unchanged";
}

bool Plan::empty() const {
  return std::all_of(changes.begin(), changes.end(), [](const Change& c) { return c.action == Action::unchanged; });
}

Plan make_plan(const std::vector<Resource>& live, const std::vector<Document>& wanted,
               const std::vector<std::string>& kind_order, const PlanOptions& options) {
  Plan plan;
  auto rank = [&](const Document& d) {
    return std::find(kind_order.begin(), kind_order.end(), d.kind) - kind_order.begin();
  };
  auto in_order = [&](const Document& a, const Document& b) {
    return std::pair(rank(a), a.name) < std::pair(rank(b), b.name);
  };
  std::vector<Document> documents = wanted;
  std::sort(documents.begin(), documents.end(), in_order);
  for (const auto& document : documents) plan.changes.push_back(change_of(live, document, options, plan.conflicts));
  if (!options.prune) return plan;

  std::vector<Document> surplus;
  for (const auto& resource : live) {
    bool kept = std::any_of(wanted.begin(), wanted.end(),
                            [&](const Document& d) { return d.kind == resource.kind && d.name == resource.name; });
    if (!kept && resource.owner == options.owner) surplus.push_back({resource.kind, resource.name, resource.spec});
  }
  std::sort(surplus.begin(), surplus.end(), [&](const Document& a, const Document& b) { return in_order(b, a); });
  for (const auto& document : surplus) {
    const Resource* resource = find(live, document.kind, document.name);
    plan.changes.push_back({Action::remove, document, resource->generation, difference(flatten(document.spec), {})});
  }
  return plan;
}

}  // namespace fettle::platform
