// `fettle server`: from configuration to a drained exit.
#pragma once

#include <map>
#include <span>
#include <string>

namespace fettle::app {

// Runs until SIGTERM or SIGINT. Returns the exit code: 0 after a clean drain, 1 when something had to be cut off.
// Throws Failure for usage (invalid_argument) and configuration (failed_precondition).
int run_server(std::span<const std::string> arguments, const std::map<std::string, std::string>& environment);

// `fettle server config`: the effective value and origin of every key.
int print_config(std::span<const std::string> arguments, const std::map<std::string, std::string>& environment);

// `fettle server routes`: method, path and required permission of every route.
int print_routes();

std::string server_help();

}  // namespace fettle::app
