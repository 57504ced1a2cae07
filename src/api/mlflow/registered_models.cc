#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"
#include "api/mlflow/searches.h"
#include "base/text.h"
#include "registry/names.h"

namespace fettle::api::mlflow {
namespace {

constexpr int64_t kPageLimit = 1000;

std::vector<registry::KeyValue> read_registry_tags(const Message& in) {
  std::vector<registry::KeyValue> tags;
  for (auto& tag : read_tags(in)) tags.push_back({std::move(tag.key), std::move(tag.value)});
  return tags;
}

std::string search(const registry::Registry& registry, const Message& in) {
  registry::ModelQuery query;
  set_model_conditions(query, in.string_or("filter"));
  query.order = model_order(in.strings("order_by"));
  query.limit = read_max_results(in, 100, kPageLimit);
  query.after = read_page_token(in);
  auto page = registry.search_models(query);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "registered_models", page.items, write_registered_model);
  if (page.next) out.key("next_page_token").string(format_page_token(*page.next));
  out.end_object();
  return body;
}

std::string latest_versions(const registry::Registry& registry, const Message& in) {
  auto versions = registry.latest_versions(in.string("name"), in.strings("stages"));
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "model_versions", versions, write_model_version);
  out.end_object();
  return body;
}

void add_alias_routes(Table& table, registry::Registry& registry) {
  table.write("POST", "/registered-models/alias", [&](const Message& in, const http::Request& request) {
    registry.set_alias(in.string("name"), in.string("alias"), registry::parse_version(in.string("version")),
                       request.principal);
    return "";
  });
  table.write("DELETE", "/registered-models/alias", [&](const Message& in, const http::Request& request) {
    registry.delete_alias(in.string("name"), in.string("alias"), request.principal);
    return "";
  });
  table.read("GET", "/registered-models/alias", [&](const Message& in, const http::Request&) {
    return wrapped("model_version", registry.get_by_alias(in.string("name"), in.string("alias")), write_model_version);
  });
}

}  // namespace

void add_registered_model_routes(Table& table, registry::Registry& registry) {
  table.write("POST", "/registered-models/create", [&](const Message& in, const http::Request& request) {
    auto model = registry.create_model(in.string("name"), read_registry_tags(in), in.find_string("description"),
                                       request.principal);
    return wrapped("registered_model", model, write_registered_model);
  });
  table.write("POST", "/registered-models/rename", [&](const Message& in, const http::Request& request) {
    auto model = registry.rename_model(in.string("name"), in.string("new_name"), request.principal);
    return wrapped("registered_model", model, write_registered_model);
  });
  table.write("PATCH", "/registered-models/update", [&](const Message& in, const http::Request&) {
    return wrapped("registered_model", registry.describe_model(in.string("name"), in.find_string("description")),
                   write_registered_model);
  });
  table.write("DELETE", "/registered-models/delete", [&](const Message& in, const http::Request& request) {
    registry.delete_model(in.string("name"), request.principal);
    return "";
  });
  table.read("GET", "/registered-models/get", [&](const Message& in, const http::Request&) {
    return wrapped("registered_model", registry.get_model(in.string("name")), write_registered_model);
  });
  table.read("GET", "/registered-models/search",
             [&](const Message& in, const http::Request&) { return search(registry, in); });
  for (std::string_view method : {"POST", "GET"}) {
    table.read(method, "/registered-models/get-latest-versions",
               [&](const Message& in, const http::Request&) { return latest_versions(registry, in); });
  }
  table.write("POST", "/registered-models/set-tag", [&](const Message& in, const http::Request&) {
    registry.set_model_tag(in.string("name"), {in.string("key"), in.string_or("value")});
    return "";
  });
  table.write("DELETE", "/registered-models/delete-tag", [&](const Message& in, const http::Request&) {
    registry.delete_model_tag(in.string("name"), in.string("key"));
    return "";
  });
  add_alias_routes(table, registry);
}

}  // namespace fettle::api::mlflow
