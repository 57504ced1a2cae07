// dvc.yaml's templating (spec data-versioning 1.7): `${}` filled from params.yaml and vars, `foreach` and `matrix`
// unrolled. For `*_file.cc` sources only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/entry_file.h"
#include "json/json.h"

namespace fettle::pipelines {

struct ResolvedStage {
  std::string name;
  json::Object fields;
  bool templated = false;
};

// Every stage of one dvc.yaml with its templates filled. `shown_name` as in messages (`dvc.yaml`); `has_templates`: a
// date in a parameter file is a problem. Failures are invalid_argument: `failed to parse 'stages.a.cmd' in 'dvc.yaml':
// Could not find 'zz'`.
std::vector<ResolvedStage> resolve_templates(const json::Object& root, const std::filesystem::path& directory,
                                             const std::string& shown_name, bool has_templates);

}  // namespace fettle::pipelines
