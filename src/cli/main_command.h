// The command line: finds the verb and runs it (docs/cli.md).
#pragma once

#include <string>
#include <vector>

namespace fettle::cli {

// `program` is argv[0]: called through a link named `dvc`, `--version` prints the DVC version. Returns the exit code;
// throws nothing.
int run(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace fettle::cli
