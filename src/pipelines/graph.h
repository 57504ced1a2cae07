// How stages depend on each other: an edge from a stage to the producer of each path that it reads.
#pragma once

#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

class Graph {
 public:
  // Throws failed_precondition in DVC's words for duplicate or nested outputs, a dependency that is its own output, and
  // cycles.
  explicit Graph(const Project& project);

  // Stages that this one needs, in order of index. A frozen stage needs none.
  const std::vector<size_t>& needs(size_t stage) const { return needs_[stage]; }
  const std::vector<size_t>& needed_by(size_t stage) const { return needed_by_[stage]; }

  // The stages and all they need, each after what it needs.
  std::vector<size_t> with_upstream(const std::vector<size_t>& stages) const;
  // The stages and all that need them, each after what it needs.
  std::vector<size_t> with_downstream(const std::vector<size_t>& stages) const;
  // Everything connected to the stages in either direction, each after what it needs.
  std::vector<size_t> connected(const std::vector<size_t>& stages) const;

 private:
  void check_outputs(const Project& project) const;
  void check_cycles(const Project& project) const;
  std::vector<std::vector<size_t>> needs_;
  std::vector<std::vector<size_t>> needed_by_;
};

}  // namespace fettle::pipelines
