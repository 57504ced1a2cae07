#include "api/fettle/resources.h"

#include "api/fettle/route.h"
#include "yaml/yaml.h"

namespace fettle::api {
namespace {

using platform::ApplyOptions;
using platform::Document;
using platform::Plan;
using platform::Platform;
using platform::Resource;

json::Value json_or_null(const std::string& text) { return text.empty() ? json::Value() : json::parse(text); }

json::Array fields_json(const std::vector<platform::FieldChange>& fields, const std::string& owner) {
  json::Array array;
  for (const auto& field : fields) {
    array.push_back(json::Object{{"path", field.path},
                                 {"from", json_or_null(field.from)},
                                 {"to", json_or_null(field.to)},
                                 {"owner", owner},
                                 {"note", ""}});
  }
  return array;
}

json::Object plan_json(const Plan& plan, const std::string& owner) {
  json::Array changes, conflicts;
  json::Object summary{{"create", 0}, {"update", 0}, {"replace", 0}, {"delete", 0}, {"unchanged", 0}};
  for (const auto& change : plan.changes) {
    std::string action(platform::action_name(change.action));
    summary[action] = summary[action].to_number<int64_t>() + 1;
    changes.push_back(json::Object{{"action", action},
                                   {"kind", change.document.kind},
                                   {"name", change.document.name},
                                   {"generation", change.generation},
                                   {"fields", fields_json(change.fields, owner)}});
  }
  for (const auto& conflict : plan.conflicts) {
    conflicts.push_back(json::Object{{"kind", conflict.kind},
                                     {"name", conflict.name},
                                     {"path", conflict.path},
                                     {"owner", conflict.owner},
                                     {"live", json_or_null(conflict.live)},
                                     {"wanted", json_or_null(conflict.wanted)}});
  }
  summary["conflicts"] = static_cast<int64_t>(conflicts.size());
  return {{"revision", plan.revision}, {"changes", changes}, {"conflicts", conflicts}, {"summary", summary}};
}

struct Wanted {
  std::vector<Document> documents;
  ApplyOptions options;
};

Wanted read_wanted(const http::Request& request) {
  json::Value body = read_json(request);
  json::Problems problems;
  json::Reader in(body, problems);
  Wanted wanted;
  if (!in.has("documents")) in.problem("documents", "is required");
  in.each("documents", [&](json::Reader& item) {
    Document document{item.string("kind"), item.string("name"), "{}"};
    if (const json::Value* spec = item.find("spec")) {
      if (spec->is_object()) {
        document.spec = platform::canonical_spec(json::format(*spec));
      } else {
        item.problem("spec", fmt::format("expected an object, got {}", json::preview(*spec)));
      }
    }
    item.refuse_unknown();
    wanted.documents.push_back(std::move(document));
  });
  wanted.options.plan.prune = in.boolean_or("prune", false);
  wanted.options.plan.force_owner = in.boolean_or("force_owner", false);
  wanted.options.plan.owner = in.string_or("owner", "apply");
  if (in.has("revision")) wanted.options.revision = in.integer("revision");
  in.find("revision");
  wanted.options.by = author_of(request, in);
  wanted.options.reason = in.string_or("reason", "");
  in.refuse_unknown();
  problems.check();
  return wanted;
}

json::Object resource_json(const Platform& platform, const Resource& resource) {
  return {{"kind", resource.kind},
          {"name", resource.name},
          {"generation", resource.generation},
          {"updated_at_ms", resource.updated_at_ms},
          {"owner", resource.owner},
          {"spec", json::parse(resource.spec)},
          {"status", json::parse(platform.status(resource))}};
}

http::Response list(Platform& platform, const http::Request& request) {
  auto resources = platform.list(query_or_empty(request, "kind"));
  std::string format = request.find_query("format").value_or("json");
  if (format == "yaml") {
    std::string text;
    for (const auto& resource : resources) {
      if (!text.empty()) text += "---\n";
      text += yaml::emit(
          json::Object{{"kind", resource.kind}, {"name", resource.name}, {"spec", json::parse(resource.spec)}});
    }
    return http::Response::text(200, text, "application/yaml");
  }
  if (format != "json") fail(Code::invalid_argument, "format={}: expected json or yaml", format);
  json::Array items;
  for (const auto& resource : resources) items.push_back(resource_json(platform, resource));
  auto total = static_cast<int64_t>(items.size());
  return list_response(std::move(items), {.limit = 1'000'000}, "", total);
}

Resource get_resource(const Platform& platform, const http::Request& request) {
  std::string kind(request.param("kind")), name(request.param("name"));
  auto resource = platform.find(kind, name);
  if (!resource) fail(Code::not_found, "no {} '{}'", kind, name);
  return *resource;
}

http::Response show(Platform& platform, const http::Request& request) {
  Resource resource = get_resource(platform, request);
  json::Object object = resource_json(platform, resource);
  json::Array history;
  for (const auto& entry : platform.history(resource.kind, resource.name)) {
    history.push_back(json::Object{{"generation", entry.generation},
                                   {"at_ms", entry.at_ms},
                                   {"by", entry.by},
                                   {"reason", entry.reason},
                                   {"action", entry.action},
                                   {"fields", json::parse(entry.fields)}});
  }
  object["history"] = history;
  return json_response(object);
}

http::Response remove(Platform& platform, const http::Request& request) {
  Resource resource = get_resource(platform, request);
  ApplyOptions options{.by = request.find_query("by").value_or("api"), .reason = query_or_empty(request, "reason")};
  platform.remove(resource.kind, resource.name, query_integer(request, "generation"), options);
  return json_response(json::Object{{"deleted", true}});
}

}  // namespace

std::vector<http::Route> resource_routes(Platform& platform) {
  return {
      rest_route("POST", "/plan",
                 [&platform](http::Request& request) {
                   Wanted wanted = read_wanted(request);
                   return json_response(
                       plan_json(platform.plan(wanted.documents, wanted.options.plan), wanted.options.plan.owner));
                 }),
      rest_route("POST", "/apply",
                 [&platform](http::Request& request) {
                   Wanted wanted = read_wanted(request);
                   return json_response(
                       plan_json(platform.apply(wanted.documents, wanted.options), wanted.options.plan.owner));
                 }),
      rest_route("GET", "/resources", [&platform](http::Request& request) { return list(platform, request); }),
      rest_route("GET", "/resources/{kind}/{name}",
                 [&platform](http::Request& request) { return show(platform, request); }),
      rest_route("DELETE", "/resources/{kind}/{name}",
                 [&platform](http::Request& request) { return remove(platform, request); }),
  };
}

}  // namespace fettle::api
