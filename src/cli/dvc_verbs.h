// DVC's verbs, to the letter (spec cli 2 and 3, data-versioning 2): names, options, texts on stdout, exit codes. They
// work on the repository at hand and need no server.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::cli {

struct DvcVerbHelp {
  std::string_view name;  // `remote` for all of its subcommands
  std::string_view summary;
};
// The verbs in the order of the help screen.
std::vector<DvcVerbHelp> dvc_verbs();
// Whether run_dvc_verb knows it (aliases too, and DVC verbs that answer "not supported yet").
bool is_dvc_verb(std::string_view name);

// Runs `args` (verb first, DVC's global options -q -v --cd DIR --wait-for-lock before or after it) and returns the exit
// code. Answers on stdout, everything else on stderr. Throws nothing.
int run_dvc_verb(std::span<const std::string> args);

}  // namespace fettle::cli
