// Bringing the outputs of a project into the workspace.
#pragma once

#include <string>
#include <vector>

#include "pipelines/project.h"

namespace fettle::pipelines {

struct CheckoutRequest {
  bool force = false;
  bool relink = false;
  bool recursive = false;
  bool allow_missing = false;
};

// Paths as shown from the project's cwd, directories with a trailing slash.
struct CheckoutReport {
  std::vector<std::string> modified;
  std::vector<std::string> added;
  std::vector<std::string> deleted;
  std::vector<std::string> failed;
  std::vector<std::string> reasons;  // a sentence for each failed one that DVC does not explain itself

  size_t changes() const { return modified.size() + added.size() + deleted.size(); }
};

// An output whose objects are missing is reported and left as it was; one with unsaved changes stops everything
// (failed_precondition), unless forced. Without targets, what an earlier checkout placed and is no longer tracked is
// removed.
CheckoutReport checkout(Project& project, const std::vector<std::string>& targets, const CheckoutRequest& request);

}  // namespace fettle::pipelines
