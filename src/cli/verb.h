// A verb of our own vocabulary: its words, its options, its help, and what it does.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cli/api_client.h"
#include "cli/options.h"
#include "cli/table.h"

namespace fettle::cli {

struct Context {
  ApiClient& api;
  const Parsed& parsed;
  bool json = false;
  TableStyle style;

  // The n-th name, or invalid_argument with the usage.
  const std::string& name(size_t index, std::string_view what) const;
  // The answer: JSON whole, or the table of its items, or its fields.
  void print(const json::Value& answer, const std::vector<ColumnSpec>& columns = {}) const;
  // A sentence for people; nothing with --json.
  void say(std::string_view sentence) const;
  // What comes next, dim, on stderr of a terminal.
  void hint(std::string_view sentence) const;
};

struct Verb {
  std::string_view words;     // "rollout start"
  std::string_view usage;     // "ENDPOINT --candidate MODEL"
  std::string_view meaning;   // one line
  std::string_view examples;  // lines
  std::vector<OptionSpec> options;
  int (*run)(const Context& context);
};

// One table a file; verbs.cc joins them.
std::span<const Verb> platform_verbs();
std::span<const Verb> deploy_verbs();
std::span<const Verb> watch_verbs();
std::span<const Verb> track_verbs();

std::vector<const Verb*> own_verbs();

}  // namespace fettle::cli
