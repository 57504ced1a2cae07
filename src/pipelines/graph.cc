#include "pipelines/graph.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

// Paths with a slash at the end, so that `a/` sorts right before what lies inside it.
using Producers = std::map<std::string, size_t>;

std::string key_of(const fs::path& location) { return location.native() + "/"; }

Producers producers_of(const Project& project) {
  Producers producers;
  for (size_t i = 0; i < project.stages().size(); ++i) {
    for (const data::Output& out : project.stages()[i].outs) producers.emplace(key_of(out.location), i);
  }
  return producers;
}

// Outputs that equal, contain, or lie inside `path`.
std::vector<size_t> producers_for(const Producers& producers, const std::string& path) {
  std::vector<size_t> found;
  for (auto at = producers.lower_bound(path); at != producers.end() && at->first.starts_with(path); ++at)
    found.push_back(at->second);
  for (size_t slash = path.rfind('/', path.size() - 2); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    auto at = producers.find(path.substr(0, slash + 1));
    if (at != producers.end()) found.push_back(at->second);
  }
  return found;
}

// Depth-first, post-order, over `next`; without recursion, since chains may be long.
std::vector<size_t> post_order(const std::vector<size_t>& from, const std::vector<std::vector<size_t>>& next) {
  std::vector<char> seen(next.size(), 0);
  std::vector<size_t> order;
  std::vector<std::pair<size_t, size_t>> stack;
  for (size_t start : from) {
    if (seen[start]) continue;
    seen[start] = 1;
    stack.emplace_back(start, 0);
    while (!stack.empty()) {
      auto& [stage, at] = stack.back();
      if (at == next[stage].size()) {
        order.push_back(stage);
        stack.pop_back();
        continue;
      }
      size_t child = next[stage][at++];
      if (seen[child]) continue;
      seen[child] = 1;
      stack.emplace_back(child, 0);
    }
  }
  return order;
}

}  // namespace

Graph::Graph(const Project& project) : needs_(project.stages().size()), needed_by_(project.stages().size()) {
  check_outputs(project);
  Producers producers = producers_of(project);
  for (size_t i = 0; i < project.stages().size(); ++i) {
    const Stage& stage = project.stages()[i];
    if (stage.is_import) continue;
    auto link = [&](const fs::path& location) {
      for (size_t producer : producers_for(producers, key_of(location))) {
        if (producer == i) {
          fail(Code::failed_precondition, "Same item(s) are defined as both a dependency and an output in stage: {}.",
               address_of(stage, project.cwd()));
        }
        needs_[i].push_back(producer);
      }
    };
    for (const data::Output& dep : stage.deps) link(dep.location);
    for (const ParamFile& params : stage.params) link(params.location);
    std::sort(needs_[i].begin(), needs_[i].end());
    needs_[i].erase(std::unique(needs_[i].begin(), needs_[i].end()), needs_[i].end());
  }
  check_cycles(project);
  for (size_t i = 0; i < needs_.size(); ++i) {
    if (project.stages()[i].frozen) needs_[i].clear();
    for (size_t need : needs_[i]) needed_by_[need].push_back(i);
  }
}

void Graph::check_outputs(const Project& project) const {
  std::map<std::string, std::vector<size_t>> all;
  for (size_t i = 0; i < project.stages().size(); ++i) {
    for (const data::Output& out : project.stages()[i].outs) all[key_of(out.location)].push_back(i);
  }
  auto shown = [&](const std::string& key) {
    return shown_path(fs::path(key.substr(0, key.size() - 1)), project.cwd());
  };
  const std::string* before = nullptr;
  for (const auto& [key, stages] : all) {
    if (stages.size() > 1) {
      std::string list;
      for (size_t stage : stages) list += "\n\t- " + project.address(stage);
      fail(Code::failed_precondition,
           "output '{}' is specified in:{}\nUse `dvc remove` with any of the above targets to stop tracking the "
           "overlapping output.",
           shown(key), list);
    }
    if (before != nullptr && key.starts_with(*before)) {
      fail(Code::failed_precondition,
           "The output paths:\n'{}'('{}')\n'{}'('{}')\noverlap and are thus in the same tracked directory.\nTo keep "
           "reproducibility, outputs "
           "should be in separate tracked directories or tracked individually.",
           shown(*before), project.address(all.at(*before)[0]), shown(key), project.address(stages[0]));
    }
    before = &key;
  }
}

void Graph::check_cycles(const Project& project) const {
  std::vector<int> state(needs_.size(), 0);  // 1: on the way, 2: done
  std::vector<size_t> path;
  std::function<void(size_t)> visit = [&](size_t stage) {
    state[stage] = 1;
    path.push_back(stage);
    for (size_t need : needs_[stage]) {
      if (state[need] == 2) continue;
      if (state[need] == 0) {
        visit(need);
        continue;
      }
      std::vector<std::string> names;
      for (auto at = std::find(path.begin(), path.end(), need); at != path.end(); ++at)
        names.push_back(project.address(*at));
      std::sort(names.begin(), names.end());
      fail(Code::failed_precondition, "Same item(s) are defined as both a dependency and an output in stages: {}.",
           join(names, ", "));
    }
    path.pop_back();
    state[stage] = 2;
  };
  for (size_t i = 0; i < needs_.size(); ++i) {
    if (state[i] == 0) visit(i);
  }
}

std::vector<size_t> Graph::with_upstream(const std::vector<size_t>& stages) const { return post_order(stages, needs_); }

std::vector<size_t> Graph::with_downstream(const std::vector<size_t>& stages) const {
  std::vector<size_t> order = post_order(stages, needed_by_);
  std::reverse(order.begin(), order.end());
  return order;
}

std::vector<size_t> Graph::connected(const std::vector<size_t>& stages) const {
  std::vector<std::vector<size_t>> both = needs_;
  for (size_t i = 0; i < both.size(); ++i) both[i].insert(both[i].end(), needed_by_[i].begin(), needed_by_[i].end());
  std::vector<size_t> members = post_order(stages, both);
  std::sort(members.begin(), members.end());
  return post_order(members, needs_);
}

}  // namespace fettle::pipelines
