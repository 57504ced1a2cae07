// What a gate found: JSON for machines, Markdown for a pull request, JUnit XML for any CI.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "validation/gate.h"

namespace fettle::validation {

struct Report {
  std::string id;
  std::string gate;
  int64_t gate_generation = 0;
  Verdict verdict = Verdict::not_run;
  std::string reason;
  std::string model;
  std::string candidate_version;
  std::string candidate_run;
  std::string champion_version;  // empty: nobody defends
  std::string champion_run;
  std::string data_source;
  int64_t data_rows = 0;
  std::string data_hash;
  int64_t started_at_ms = 0;
  int64_t took_ms = 0;
  std::string by;
  std::vector<Check> checks;
};

// JSON of the checks, for storage and the wire.
std::string format_checks(const std::vector<Check>& checks);
std::vector<Check> parse_checks(std::string_view text);

std::string format_markdown(const Report& report);
// One test case a check; fail and inconclusive are failures, not_run is skipped.
std::string format_junit(const Report& report);

// 0 pass, 2 fail, 3 inconclusive or not run (spec of exit codes of the command line).
int exit_code_of(Verdict verdict);

}  // namespace fettle::validation
