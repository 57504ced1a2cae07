#include "platform/lineage.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/id.h"
#include "base/text.h"

namespace fettle::platform {
namespace {

using journal::Direction;
using journal::Edge;
using journal::Node;

constexpr int64_t kEdgesLimit = 200;  // read at one node and direction

struct Prefix {
  std::string_view kind;
  std::string_view prefix;
};
constexpr std::array<Prefix, 16> kPrefixes = {{{"model_version", "models:/"},
                                               {"run", "run/"},
                                               {"data", "data/"},
                                               {"pipeline_run", "pipeline-run/"},
                                               {"job", "job/"},
                                               {"gate_report", "gate-report/"},
                                               {"rollout", "rollout/"},
                                               {"endpoint", "endpoint/"},
                                               {"endpoint_revision", "revision/"},
                                               {"prediction", "prediction/"},
                                               {"label", "label/"},
                                               {"window", "window/"},
                                               {"alert", "alert/"},
                                               {"decision", "decision/"},
                                               {"retraining_run", "retraining-run/"},
                                               {"feature_view", "feature-view/"}}};

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string canonical_data_id(std::string_view id) {
  if (id.starts_with("md5:")) return std::string(id);
  return "md5:" + std::string(id);
}

std::string canonical_prediction_id(std::string_view id) {
  return id.find('/') == std::string_view::npos ? std::string(id) + "/0" : std::string(id);
}

std::optional<Node> parse_prefixed(std::string_view id) {
  for (const auto& [kind, prefix] : kPrefixes) {
    if (!id.starts_with(prefix) || id.size() == prefix.size()) continue;
    std::string_view rest = id.substr(prefix.size());
    if (kind == "data") return Node{"data", canonical_data_id(rest)};
    if (kind == "prediction" || kind == "label") return Node{std::string(kind), canonical_prediction_id(rest)};
    return Node{std::string(kind), std::string(rest)};
  }
  return std::nullopt;
}

}  // namespace

std::string format_node(const Node& node) {
  for (const auto& [kind, prefix] : kPrefixes) {
    if (kind == node.kind) return std::string(prefix) + node.id;
  }
  return node.kind + "/" + node.id;
}

std::optional<Node> parse_node(std::string_view id) {
  if (auto node = parse_prefixed(id)) return node;
  if (id.starts_with("md5:")) return Node{"data", std::string(id)};
  if (id.ends_with(".dir") && is_hex(id.substr(0, id.size() - 4))) return Node{"data", canonical_data_id(id)};
  if (id.size() >= 4 && id.size() <= 32 && is_hex(id)) return Node{"run", std::string(id)};
  if (id.size() > 26 && id[26] == '/' && is_id(id.substr(0, 26))) return Node{"prediction", std::string(id)};
  if (is_id(id)) return Node{"prediction", canonical_prediction_id(id)};
  if (id.find('@') != std::string_view::npos && id.find('/') == std::string_view::npos)
    return Node{"model_version", std::string(id)};
  size_t slash = id.rfind('/');
  if (slash != std::string_view::npos && slash > 0 && slash + 1 < id.size())
    return Node{"model_version", std::string(id)};
  return std::nullopt;
}

journal::Node Lineage::resolve(std::string_view id) const {
  auto node = parse_node(trim(id));
  if (!node) {
    fail(Error{
        Code::invalid_argument,
        fmt::format("'{}' is not an id", id),
        {},
        "expected e.g. 7c1e09ab, models:/flights/8, flights@champion, endpoint/flights, prediction/01J…/0 or md5:…"});
  }
  if (node->kind == "run" && node->id.size() < 32) {
    auto runs = source_.runs_with_prefix(node->id);
    if (runs.empty()) fail(Code::not_found, "no run begins with '{}'", node->id);
    if (runs.size() > 1)
      fail(Code::invalid_argument, "'{}' is not unique: runs {} and {} begin with it", node->id, runs[0], runs[1]);
    node->id = runs[0];
  }
  if (node->kind == "model_version") {
    size_t at = node->id.find('@');
    size_t slash = node->id.rfind('/');
    bool latest = slash != std::string::npos && node->id.substr(slash + 1) == "latest";
    if (at != std::string::npos || latest) {
      size_t cut = latest ? slash : at;
      auto version = source_.model_version(node->id.substr(0, cut), node->id.substr(cut + 1));
      if (!version) fail(Code::not_found, "no model version '{}'", id);
      node->id = node->id.substr(0, cut) + "/" + *version;
    }
  }
  LineageNode described{.node = *node};
  if (!source_.describe(described)) {
    Node as_data{"data", canonical_data_id(node->id)};
    if (node->kind != "run" || edges_of(as_data, Direction::down).empty())
      fail(Code::not_found, "there is no '{}'", format_node(*node));
    return as_data;
  }
  return *node;
}

std::vector<Edge> Lineage::edges_of(const Node& node, Direction direction) const {
  auto edges = database_.read([&](sql::Connection& c) { return journal::edges(c, node, direction, kEdgesLimit); });
  for (auto& edge : source_.computed_edges(node, direction, kEdgesLimit)) {
    bool known = std::any_of(edges.begin(), edges.end(), [&](const Edge& e) {
      return e.from == edge.from && e.to == edge.to && e.relation == edge.relation;
    });
    if (!known) edges.push_back(std::move(edge));
  }
  return edges;
}

LineageGraph Lineage::trace(const Node& root, const LineageLimits& limits) const {
  LineageGraph graph{.root = root};
  std::set<std::string> seen = {format_node(root)};
  std::set<std::string> seen_edges;
  LineageNode first{.node = root};
  source_.describe(first);
  graph.nodes.push_back(first);

  auto walk = [&](Direction direction, int steps) {
    std::vector<Node> frontier = {root};
    int sign = direction == Direction::up ? -1 : 1;
    for (int depth = 1; depth <= steps && !frontier.empty(); ++depth) {
      std::vector<Node> next;
      for (const Node& node : frontier) {
        std::map<std::string, int64_t> siblings;
        for (const Edge& edge : edges_of(node, direction)) {
          const Node& other = direction == Direction::up ? edge.from : edge.to;
          bool is_new = !seen.contains(format_node(other));
          if (is_new && ++siblings[other.kind] > limits.siblings) continue;
          if (is_new && static_cast<int64_t>(graph.nodes.size()) >= limits.nodes) {
            graph.truncated = true;
            continue;
          }
          if (seen_edges.insert(format_node(edge.from) + "\n" + format_node(edge.to) + "\n" + edge.relation).second)
            graph.edges.push_back(edge);
          if (!is_new) continue;
          seen.insert(format_node(other));
          LineageNode described{.node = other, .depth = sign * depth};
          source_.describe(described);
          graph.nodes.push_back(std::move(described));
          next.push_back(other);
        }
        for (const auto& [kind, count] : siblings) {
          if (count <= limits.siblings) continue;
          Node folded{kind, fmt::format("{}*{}", kind, count - limits.siblings)};
          graph.nodes.push_back({.node = folded,
                                 .name = fmt::format("{} more", count - limits.siblings),
                                 .depth = sign * depth,
                                 .attributes = {{"count", std::to_string(count - limits.siblings)}}});
          graph.edges.push_back(direction == Direction::up ? Edge{folded, node, "more", 0}
                                                           : Edge{node, folded, "more", 0});
        }
      }
      frontier = std::move(next);
    }
  };
  walk(Direction::up, limits.up);
  walk(Direction::down, limits.down);
  return graph;
}

}  // namespace fettle::platform
