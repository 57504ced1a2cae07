#include "api/fettle/lineage.h"

#include "api/fettle/route.h"
#include "journal/journal.h"

namespace fettle::api {
namespace {

int64_t steps(const http::Request& request, std::string_view name, int64_t fallback, int64_t high) {
  int64_t value = query_integer(request, name).value_or(fallback);
  if (value < 0 || value > high) fail(Code::invalid_argument, "{}={}: expected 0 to {}", name, value, high);
  return value;
}

http::Response trace(const platform::Lineage& lineage, const http::Request& request) {
  std::string id = query_or_empty(request, "id");
  if (id.empty()) fail(Code::invalid_argument, "id is required, e.g. id=prediction/01J… or id=models:/flights/8");
  platform::LineageLimits limits;
  limits.up = static_cast<int>(steps(request, "up", 20, 50));
  limits.down = static_cast<int>(steps(request, "down", 2, 50));
  limits.nodes = steps(request, "limit", 500, 5000);
  platform::LineageGraph graph = lineage.trace(lineage.resolve(id), limits);
  json::Array nodes, edges;
  for (const auto& node : graph.nodes) {
    json::Object attributes;
    for (const auto& [key, value] : node.attributes) attributes[key] = value;
    std::string text = platform::format_node(node.node);
    nodes.push_back(json::Object{{"id", text},
                                 {"kind", node.node.kind},
                                 {"name", node.name.empty() ? text : node.name},
                                 {"state", text_or_null(node.state)},
                                 {"at_ms", node.at_ms == 0 ? json::Value() : json::Value(node.at_ms)},
                                 {"depth", node.depth},
                                 {"attributes", attributes}});
  }
  for (const auto& edge : graph.edges) {
    edges.push_back(json::Object{
        {"from", platform::format_node(edge.from)}, {"to", platform::format_node(edge.to)}, {"kind", edge.relation}});
  }
  return json_response(json::Object{
      {"root", platform::format_node(graph.root)}, {"nodes", nodes}, {"edges", edges}, {"truncated", graph.truncated}});
}

json::Object decision_json(const journal::Decision& decision, const std::vector<journal::Edge>& effects) {
  json::Array effect_ids;
  for (const auto& edge : effects) effect_ids.push_back(json::Value(platform::format_node(edge.to)));
  return {{"id", decision.id},
          {"at_ms", decision.at_ms},
          {"kind", decision.kind},
          {"subject", decision.subject},
          {"verdict", decision.verdict},
          {"reason", decision.reason},
          {"policy_generation", decision.policy_version},
          {"by", decision.actor},
          {"observations", json::parse(decision.observations)},
          {"effects", effect_ids}};
}

constexpr int64_t kEffectsLimit = 20;

http::Response decisions(sql::Database& database, const http::Request& request) {
  ListPage page = read_list_page(request);
  journal::DecisionFilter filter{query_or_empty(request, "kind"), query_or_empty(request, "subject"),
                                 query_or_empty(request, "verdict"), page.before, page.limit};
  json::Array items;
  std::string last;
  int64_t total = database.read([&](sql::Connection& connection) {
    for (const auto& decision : journal::list_decisions(connection, filter)) {
      last = decision.id;
      items.push_back(decision_json(
          decision, journal::edges(connection, {"decision", decision.id}, journal::Direction::down, kEffectsLimit)));
    }
    return journal::count_decisions(connection, filter);
  });
  return list_response(std::move(items), page, last, total);
}

http::Response decision(sql::Database& database, const http::Request& request) {
  std::string id(request.param("id"));
  return database.read([&](sql::Connection& connection) {
    auto found = journal::find_decision(connection, id);
    if (!found) fail(Code::not_found, "no decision '{}'", id);
    return json_response(
        decision_json(*found, journal::edges(connection, {"decision", id}, journal::Direction::down, kEffectsLimit)));
  });
}

}  // namespace

std::vector<http::Route> lineage_routes(platform::Lineage& lineage, sql::Database& database) {
  return {
      rest_route("GET", "/lineage", [&lineage](http::Request& request) { return trace(lineage, request); }),
      rest_route("GET", "/decisions", [&database](http::Request& request) { return decisions(database, request); }),
      rest_route("GET", "/decisions/{id}", [&database](http::Request& request) { return decision(database, request); }),
  };
}

}  // namespace fettle::api
