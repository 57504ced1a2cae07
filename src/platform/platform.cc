#include "platform/platform.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "journal/journal.h"

namespace fettle::platform {
namespace {

constexpr size_t kDocumentsLimit = 1000;

bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  return plain(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

std::vector<Resource> read_resources(sql::Connection& connection) {
  std::vector<Resource> resources;
  for (const auto& row : connection.query("select kind, name, generation, owner, spec, last_applied, updated_at_ms "
                                          "from resources order by kind, name")) {
    resources.push_back(
        {row.text(0), row.text(1), row.integer(2), row.text(3), row.text(4), row.text(5), row.integer(6)});
  }
  return resources;
}

int64_t read_revision(sql::Connection& connection) {
  return connection.query_one("select revision from platform_revision where id = 1")->integer(0);
}

}  // namespace

Platform::Platform(sql::Database& database, const Clock& clock, std::vector<KindHandler> kinds)
    : database_(database), clock_(clock), kinds_(std::move(kinds)) {}

const KindHandler* Platform::handler(const std::string& kind) const {
  auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const KindHandler& h) { return h.kind == kind; });
  return found == kinds_.end() ? nullptr : &*found;
}

std::vector<std::string> Platform::kind_order() const {
  std::vector<std::string> order;
  for (const auto& kind : kinds_) order.push_back(kind.kind);
  return order;
}

void Platform::restore() {
  for (const auto& resource : list()) {
    try {
      handler(resource.kind)->applied(resource);
    } catch (const Failure& failure) {
      log_warn("a stored resource could not be restored",
               {{"kind", resource.kind}, {"name", resource.name}, {"error", failure.what()}});
    }
  }
}

void Platform::check(const std::vector<Document>& documents, const std::vector<Resource>& live,
                     const PlanOptions& options) const {
  std::vector<Detail> problems;
  auto exists = [&](const Reference& reference) {
    auto same = [&](const auto& it) { return it.kind == reference.kind && it.name == reference.name; };
    if (std::any_of(documents.begin(), documents.end(), same)) return true;
    return std::any_of(live.begin(), live.end(),
                       [&](const Resource& r) { return same(r) && !(options.prune && r.owner == options.owner); });
  };
  for (size_t i = 0; i < documents.size(); ++i) {
    const Document& document = documents[i];
    std::string at = fmt::format("documents[{}]", i);
    const KindHandler* kind = handler(document.kind);
    if (kind == nullptr) {
      auto order = kind_order();
      auto close = nearest(document.kind, order);
      problems.push_back(
          {at + ".kind", close
                             ? fmt::format("unknown kind '{}', did you mean '{}'?", document.kind, *close)
                             : fmt::format("unknown kind '{}', expected one of {}", document.kind, join(order, ", "))});
      continue;
    }
    if (!is_valid_name(document.name)) {
      problems.push_back(
          {at + ".name", fmt::format("'{}' is not a name: letters, digits, '.', '_', '-', at most 128, starting with a "
                                     "letter or digit",
                                     document.name)});
    }
    for (size_t j = 0; j < i; ++j) {
      if (documents[j].kind == document.kind && documents[j].name == document.name) {
        problems.push_back({at, fmt::format("{}/{} is there twice", document.kind, document.name)});
      }
    }
    for (const auto& problem : kind->problems(document)) {
      problems.push_back(
          {fmt::format("{}.spec{}{}", at, problem.path.empty() ? "" : ".", problem.path), problem.message});
    }
    for (const auto& reference : kind->references(document)) {
      if (!exists(reference)) {
        problems.push_back({fmt::format("{}.spec.{}", at, reference.path),
                            fmt::format("there is no {} '{}'", reference.kind, reference.name)});
      }
    }
  }
  if (problems.empty()) return;
  std::string first = fmt::format("{}: {}", problems.front().path, problems.front().message);
  if (problems.size() > 1) first += fmt::format(" (and {} more)", problems.size() - 1);
  fail(Error{Code::invalid_argument, first, problems, "docs/rest.md section 7.1 lists the fields of each kind"});
}

Plan Platform::plan(const std::vector<Document>& documents, const PlanOptions& options) const {
  if (documents.size() > kDocumentsLimit)
    fail(Code::invalid_argument, "{} documents, expected at most {}", documents.size(), kDocumentsLimit);
  auto [live, revision] =
      database_.read([](sql::Connection& c) { return std::pair(read_resources(c), read_revision(c)); });
  check(documents, live, options);
  Plan plan = make_plan(live, documents, kind_order(), options);
  plan.revision = revision;
  return plan;
}

void Platform::store(sql::Connection& connection, const Change& change, const ApplyOptions& options,
                     int64_t now_ms) const {
  const Document& document = change.document;
  if (change.action == Action::remove) {
    connection.exec("delete from resources where kind = $1 and name = $2", document.kind, document.name);
  } else {
    connection.exec(
        "insert into resources (kind, name, generation, owner, spec, last_applied, updated_at_ms) values ($1, $2, $3, "
        "$4, $5, $6, $7) "
        "on conflict (kind, name) do update set generation = $3, owner = $4, spec = $5, last_applied = case when $4 = "
        "'apply' then $6 "
        "else resources.last_applied end, updated_at_ms = $7",
        document.kind, document.name, change.generation, options.plan.owner, document.spec,
        options.plan.owner == "apply" ? document.spec : std::string("{}"), now_ms);
  }
  connection.exec(
      "insert into resource_history (kind, name, generation, at_ms, changed_by, reason, action, spec, fields) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
      document.kind, document.name, change.generation, now_ms, options.by, options.reason, action_name(change.action),
      document.spec, format_changes(change.fields));
  journal::record_audit(connection, {.actor = options.by,
                                     .action = fmt::format("resource.{}", action_name(change.action)),
                                     .subject = fmt::format("{}/{}", document.kind, document.name),
                                     .detail = format_changes(change.fields),
                                     .at_ms = now_ms});
}

Plan Platform::apply(const std::vector<Document>& documents, const ApplyOptions& options) {
  if (documents.size() > kDocumentsLimit)
    fail(Code::invalid_argument, "{} documents, expected at most {}", documents.size(), kDocumentsLimit);
  int64_t now_ms = clock_.now_ms();
  Plan plan = database_.write([&](sql::Connection& connection) {
    auto live = read_resources(connection);
    int64_t revision = read_revision(connection);
    if (options.revision && *options.revision != revision) {
      fail(Code::aborted, "revision {} is stale, current is {}: plan again", *options.revision, revision);
    }
    check(documents, live, options.plan);
    Plan made = make_plan(live, documents, kind_order(), options.plan);
    if (!made.conflicts.empty()) {
      const Conflict& first = made.conflicts.front();
      fail(Error{Code::failed_precondition,
                 fmt::format("{}/{} {}: '{}' set it to {}, the documents want {} ({} conflicts)", first.kind,
                             first.name, first.path, first.owner, first.live,
                             first.wanted.empty() ? "the default" : first.wanted, made.conflicts.size()),
                 {},
                 "take the live value into the files, or apply with force_owner"});
    }
    made.revision = revision;
    if (made.empty()) return made;
    for (const auto& change : made.changes) {
      if (change.action != Action::unchanged) store(connection, change, options, now_ms);
    }
    made.revision = revision + 1;
    connection.exec("update platform_revision set revision = $1 where id = 1", made.revision);
    return made;
  });
  notify(plan);
  return plan;
}

void Platform::notify(const Plan& plan) {
  for (const auto& change : plan.changes) {
    if (change.action == Action::unchanged) continue;
    const KindHandler* kind = handler(change.document.kind);
    try {
      if (change.action == Action::remove) {
        kind->removed(change.document.name);
      } else if (auto resource = find(change.document.kind, change.document.name)) {
        kind->applied(*resource);
      }
    } catch (const Failure& failure) {
      log_warn("a resource was stored, but its owner cannot use it yet",
               {{"kind", change.document.kind}, {"name", change.document.name}, {"error", failure.what()}});
    }
  }
}

void Platform::remove(const std::string& kind, const std::string& name, std::optional<int64_t> generation,
                      const ApplyOptions& options) {
  database_.write([&](sql::Connection& connection) {
    auto live = read_resources(connection);
    auto same = [&](const Resource& r) { return r.kind == kind && r.name == name; };
    auto found = std::find_if(live.begin(), live.end(), same);
    if (found == live.end()) fail(Code::not_found, "no {} '{}'", kind, name);
    if (generation && *generation != found->generation) {
      fail(Code::aborted, "generation {} is stale, current is {}", *generation, found->generation);
    }
    for (const auto& other : live) {
      for (const auto& reference : handler(other.kind)->references({other.kind, other.name, other.spec})) {
        if (reference.kind == kind && reference.name == name) {
          fail(Code::failed_precondition, "{}/{} is named by {}/{} ({})", kind, name, other.kind, other.name,
               reference.path);
        }
      }
    }
    Change change{Action::remove, {kind, name, found->spec}, found->generation, difference(flatten(found->spec), {})};
    store(connection, change, options, clock_.now_ms());
    connection.exec("update platform_revision set revision = revision + 1 where id = 1");
  });
  handler(kind)->removed(name);
}

std::vector<Resource> Platform::list(const std::string& kind) const {
  auto resources = database_.read([](sql::Connection& c) { return read_resources(c); });
  if (!kind.empty()) std::erase_if(resources, [&](const Resource& r) { return r.kind != kind; });
  auto order = kind_order();
  auto rank = [&](const Resource& r) { return std::find(order.begin(), order.end(), r.kind) - order.begin(); };
  std::stable_sort(resources.begin(), resources.end(),
                   [&](const Resource& a, const Resource& b) { return rank(a) < rank(b); });
  std::erase_if(resources, [&](const Resource& r) { return handler(r.kind) == nullptr; });
  return resources;
}

std::optional<Resource> Platform::find(const std::string& kind, const std::string& name) const {
  for (auto& resource : list(kind)) {
    if (resource.name == name) return resource;
  }
  return std::nullopt;
}

std::vector<HistoryEntry> Platform::history(const std::string& kind, const std::string& name, int64_t limit) const {
  return database_.read([&](sql::Connection& connection) {
    std::vector<HistoryEntry> entries;
    for (const auto& row :
         connection.query("select generation, at_ms, changed_by, reason, action, fields from resource_history "
                          "where kind = $1 and name = $2 order by at_ms desc, generation desc limit $3",
                          kind, name, limit)) {
      entries.push_back({row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5)});
    }
    return entries;
  });
}

std::string Platform::status(const Resource& resource) const {
  const KindHandler* kind = handler(resource.kind);
  return kind == nullptr || !kind->status ? "{}" : kind->status(resource.name);
}

int64_t Platform::revision() const {
  return database_.read([](sql::Connection& c) { return read_revision(c); });
}

}  // namespace fettle::platform
