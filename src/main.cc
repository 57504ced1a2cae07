// fettle: one binary, two vocabularies. DVC's verbs act on the repository here, `server` serves, all others talk to a
// server.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "app/server_command.h"
#include "base/error.h"
#include "cli/main_command.h"

extern char** environ;

namespace {

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string text = *entry;
    size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

int server(const std::vector<std::string>& arguments) {
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  for (const auto& argument : rest) {
    if (argument == "--help") {
      std::fputs(fettle::app::server_help().c_str(), stdout);
      return 0;
    }
  }
  auto environment = read_environment();
  if (!rest.empty() && rest.front() == "routes") return fettle::app::print_routes();
  if (!rest.empty() && rest.front() == "config") {
    rest.erase(rest.begin());
    return fettle::app::print_config(rest, environment);
  }
  return fettle::app::run_server(rest, environment);
}

// 254 usage, 251 configuration, 5 the address is taken, 1 otherwise (docs/cli.md).
int exit_code_of_server(fettle::Code code) {
  switch (code) {
    case fettle::Code::invalid_argument: return 254;
    case fettle::Code::failed_precondition: return 251;
    case fettle::Code::unavailable: return 5;
    default: return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments.front() != "server")
    return fettle::cli::run(argc > 0 ? argv[0] : "fettle", arguments);
  try {
    return server(arguments);
  } catch (...) {
    fettle::Error error = fettle::error_from_current_exception();
    std::fprintf(stderr, "error: %s\n", error.message.c_str());
    if (!error.fix.empty()) std::fprintf(stderr, "fix: %s\n", error.fix.c_str());
    return exit_code_of_server(error.code);
  }
}
