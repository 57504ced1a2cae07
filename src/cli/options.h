// Options of the own verbs: full names only, before or after the verb, `--name value` or `--name=value`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::cli {

struct OptionSpec {
  std::string_view name;  // "--window"
  std::string_view short_name = "";
  bool takes_value = true;
  std::string_view meaning = "";
};

struct Parsed {
  std::vector<std::string> names;  // positional
  std::multimap<std::string, std::string> options;

  bool has(const std::string& option) const { return options.contains(option); }
  std::string get(const std::string& option, const std::string& fallback = "") const;
  std::vector<std::string> all(const std::string& option) const;
  // invalid_argument when it is no integer.
  std::optional<int64_t> integer(const std::string& option) const;
};

// Those that every own verb takes: --server --json -o --no-headers --help -v -q -y.
std::span<const OptionSpec> global_options();

// invalid_argument for unknown options (with the nearest one) and missing values.
Parsed parse_options(std::span<const std::string> arguments, std::span<const OptionSpec> own);

}  // namespace fettle::cli
