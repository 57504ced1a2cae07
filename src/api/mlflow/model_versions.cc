#include "api/mlflow/encode.h"
#include "api/mlflow/page_token.h"
#include "api/mlflow/resources.h"
#include "api/mlflow/searches.h"
#include "registry/names.h"

namespace fettle::api::mlflow {
namespace {

constexpr int64_t kPageLimit = 200'000;

int64_t read_version(const Message& in) {
  const json::Value* value = in.find("version");
  if (value != nullptr && value->is_int64()) return value->get_int64();
  return registry::parse_version(in.string("version"));
}

std::string create(registry::Registry& registry, const Message& in, const http::Request& request) {
  registry::Registry::CreateVersion wanted{.model = in.string("name"),
                                           .source = in.string("source"),
                                           .run_id = in.string_or("run_id"),
                                           .model_id = in.string_or("model_id"),
                                           .run_link = in.string_or("run_link"),
                                           .description = in.string_or("description")};
  for (auto& tag : read_tags(in)) wanted.tags.push_back({std::move(tag.key), std::move(tag.value)});
  return wrapped("model_version", registry.create_version(wanted, request.principal), write_model_version);
}

std::string search(const registry::Registry& registry, const Message& in) {
  registry::VersionQuery query;
  set_version_conditions(query, in.string_or("filter"));
  query.order = version_order(in.strings("order_by"));
  query.limit = read_max_results(in, kPageLimit, kPageLimit);
  query.after = read_page_token(in);
  auto page = registry.search_versions(query);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  write_list(out, "model_versions", page.items, write_model_version);
  if (page.next) out.key("next_page_token").string(format_page_token(*page.next));
  out.end_object();
  return body;
}

std::string transition(registry::Registry& registry, const Message& in, const http::Request& request) {
  using Others = registry::Registry::Others;
  auto others = in.boolean_or("archive_existing_versions", false) ? Others::archive : Others::keep;
  auto version =
      registry.transition(in.string("name"), read_version(in), in.string("stage"), others, request.principal);
  return wrapped("model_version", version, write_model_version);
}

}  // namespace

void add_model_version_routes(Table& table, registry::Registry& registry) {
  table.write("POST", "/model-versions/create",
              [&](const Message& in, const http::Request& request) { return create(registry, in, request); });
  table.read("GET", "/model-versions/get", [&](const Message& in, const http::Request&) {
    return wrapped("model_version", registry.get_version(in.string("name"), read_version(in)), write_model_version);
  });
  table.write("PATCH", "/model-versions/update", [&](const Message& in, const http::Request&) {
    auto version = registry.describe_version(in.string("name"), read_version(in), in.string_or("description"));
    return wrapped("model_version", version, write_model_version);
  });
  table.write("DELETE", "/model-versions/delete", [&](const Message& in, const http::Request& request) {
    registry.delete_version(in.string("name"), read_version(in), request.principal);
    return "";
  });
  table.read("GET", "/model-versions/search",
             [&](const Message& in, const http::Request&) { return search(registry, in); });
  table.read("GET", "/model-versions/get-download-uri", [&](const Message& in, const http::Request&) {
    std::string body;
    json::Writer(body)
        .begin_object()
        .key("artifact_uri")
        .string(registry.download_uri(in.string("name"), read_version(in)))
        .end_object();
    return body;
  });
  table.write("POST", "/model-versions/transition-stage",
              [&](const Message& in, const http::Request& request) { return transition(registry, in, request); });
  table.write("POST", "/model-versions/set-tag", [&](const Message& in, const http::Request&) {
    registry.set_version_tag(in.string("name"), read_version(in), {in.string("key"), in.string_or("value")});
    return "";
  });
  table.write("DELETE", "/model-versions/delete-tag", [&](const Message& in, const http::Request&) {
    registry.delete_version_tag(in.string("name"), read_version(in), in.string("key"));
    return "";
  });
}

}  // namespace fettle::api::mlflow
