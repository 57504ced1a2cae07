// Which outputs checkouts have placed: the next checkout removes those that no file tracks any more, as after a change
// of branch.
#pragma once

#include <set>
#include <string>

#include "data/repository.h"

namespace fettle::pipelines {

// Paths relative to the root.
std::set<std::string> read_placed(const data::Repository& repository);
void write_placed(const data::Repository& repository, const std::set<std::string>& placed);

}  // namespace fettle::pipelines
