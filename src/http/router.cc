#include "http/router.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "base/uri.h"

namespace fettle::http {
namespace {

// One part of a template: "runs", "{name}", "{name}:predict", "{path*}".
struct Part {
  std::string before;
  std::string parameter;  // "" for a static part, whose text is `before`
  std::string after;
  bool tail = false;
};

Part parse_part(std::string_view text, const std::string& path) {
  Part part;
  size_t open = text.find('{');
  if (open == std::string_view::npos) {
    part.before = text;
    return part;
  }
  size_t close = text.find('}', open);
  if (close == std::string_view::npos || close == open + 1) {
    fail(Code::invalid_argument, "route '{}' has a parameter without a name or a closing brace", path);
  }
  part.before = text.substr(0, open);
  part.parameter = text.substr(open + 1, close - open - 1);
  part.after = text.substr(close + 1);
  part.tail = part.parameter.ends_with('*');
  if (part.tail) part.parameter.pop_back();
  return part;
}

using Params = std::vector<std::pair<std::string, std::string>>;

}  // namespace

struct Router::Node {
  struct Branch {
    Part part;
    std::unique_ptr<Node> node;
  };
  std::map<std::string, std::unique_ptr<Node>, std::less<>> statics;
  std::vector<Branch> branches;  // longest surrounding text first
  std::vector<Branch> tails;     // at most one
  std::vector<const Route*> routes;

  Node& branch(std::vector<Branch>& list, const Part& part) {
    for (Branch& branch : list) {
      const Part& b = branch.part;
      if (b.before == part.before && b.after == part.after && b.parameter == part.parameter) return *branch.node;
    }
    list.push_back({part, std::make_unique<Node>()});
    Node& made = *list.back().node;
    std::stable_sort(list.begin(), list.end(), [](const Branch& a, const Branch& b) {
      return a.part.before.size() + a.part.after.size() > b.part.before.size() + b.part.after.size();
    });
    return made;
  }

  const Route* route_for(std::string_view method) const {
    const Route* by_get = nullptr;
    for (const Route* route : routes) {
      if (route->method == method) return route;
      if (method == "HEAD" && route->method == "GET") by_get = route;
    }
    return by_get;
  }

  // Depth first, so that the most static route that has the method wins. Routes of other methods are noted in
  // `allowed`.
  const Route* find(std::string_view method, const std::vector<std::string>& parts, size_t at, Params& params,
                    std::set<std::string>& allowed) const {
    if (at == parts.size()) {
      for (const Route* route : routes) {
        allowed.insert(route->method);
        if (route->method == "GET") allowed.insert("HEAD");
      }
      return route_for(method);
    }
    if (auto found = statics.find(parts[at]); found != statics.end()) {
      if (const Route* route = found->second->find(method, parts, at + 1, params, allowed)) return route;
    }
    for (const Branch& branch : branches) {
      const std::string& text = parts[at];
      const Part& part = branch.part;
      bool fits = text.size() > part.before.size() + part.after.size() && text.starts_with(part.before) &&
                  text.ends_with(part.after);
      if (!fits) continue;
      size_t length = text.size() - part.before.size() - part.after.size();
      params.emplace_back(part.parameter, text.substr(part.before.size(), length));
      if (const Route* route = branch.node->find(method, parts, at + 1, params, allowed)) return route;
      params.pop_back();
    }
    for (const Branch& branch : tails) {
      params.emplace_back(branch.part.parameter, join(std::span(parts).subspan(at), "/"));
      if (const Route* route = branch.node->find(method, parts, parts.size(), params, allowed)) return route;
      params.pop_back();
    }
    return nullptr;
  }
};

void Router::add(Route route) {
  if (!route.path.starts_with('/')) fail(Code::invalid_argument, "route '{}' does not start with '/'", route.path);
  if (!root_) root_ = std::make_shared<Node>();
  Node* node = root_.get();
  auto texts = split(std::string_view(route.path).substr(1), '/');
  for (size_t i = 0; i < texts.size(); ++i) {
    Part part = parse_part(texts[i], route.path);
    if (part.tail && i + 1 != texts.size()) {
      fail(Code::invalid_argument, "route '{}' goes on after '{{{}*}}', which takes the rest", route.path,
           part.parameter);
    }
    if (part.parameter.empty()) {
      auto& child = node->statics[part.before];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    } else {
      node = &node->branch(part.tail ? node->tails : node->branches, part);
    }
  }
  bool taken = std::any_of(node->routes.begin(), node->routes.end(),
                           [&](const Route* other) { return other->method == route.method; });
  if (taken) fail(Code::already_exists, "route '{} {}' is there twice", route.method, route.path);
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  node->routes.push_back(routes_.back().get());
}

void Router::add(std::vector<Route> routes) {
  for (Route& route : routes) add(std::move(route));
}

void Router::add_error_surface(std::string prefix, ErrorMapper mapper) {
  surfaces_.emplace_back(std::move(prefix), mapper);
  std::stable_sort(surfaces_.begin(), surfaces_.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

ErrorMapper Router::error_mapper(std::string_view path) const {
  for (const auto& [prefix, mapper] : surfaces_) {
    if (path.starts_with(prefix)) return mapper;
  }
  return nullptr;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  if (!root_ || !path.starts_with('/')) return match;
  if (path.find('\0') != std::string_view::npos) {
    match.malformed = true;
    return match;
  }
  std::vector<std::string> parts;
  for (std::string_view text : split(path.substr(1), '/')) {
    if (text.find('%') == std::string_view::npos) {
      parts.emplace_back(text);
      continue;
    }
    auto decoded = percent_decode(text);
    if (!decoded || decoded->find('\0') != std::string::npos) {
      match.malformed = true;
      return match;
    }
    parts.push_back(std::move(*decoded));
  }
  std::set<std::string> allowed;
  match.route = root_->find(method, parts, 0, match.params, allowed);
  if (match.route == nullptr && parts.size() > 1 && parts.back().empty()) {
    parts.pop_back();
    match.route = root_->find(method, parts, 0, match.params, allowed);
  }
  if (match.route != nullptr) return match;
  match.path_exists = !allowed.empty();
  match.allow = join(std::vector<std::string>(allowed.begin(), allowed.end()), ", ");
  return match;
}

}  // namespace fettle::http
