// One call of a DVC verb: what every handler gets, and the ways in which they all speak.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/dvc_options.h"
#include "data/repository.h"
#include "pipelines/checkout.h"
#include "pipelines/project.h"

namespace fettle::cli {

struct DvcCall {
  std::string verb;
  DvcOptions options;
  std::filesystem::path cwd;
  bool quiet = false;
  bool quiet_after_verb = false;  // `status -q` answers by its exit code
  bool verbose = false;
  bool wait_for_lock = false;

  const std::vector<std::string>& targets() const { return options.positional; }
  bool has(std::string_view name) const { return options.has(name); }
  // A line on stdout, unless -q.
  void say(std::string_view line) const;
};

// stdout, whatever -q says: the answer itself.
void answer(std::string_view text);
// A line on stderr.
void complain(std::string_view line);

// "To track the changes with git, run:" with the files that changed, or stages them where autostage is on.
void git_hint(const DvcCall& call, const data::Repository& repository, const std::vector<std::filesystem::path>& files);

// Prints what a checkout did; throws CheckoutFailure when outputs failed.
void report_checkout(const DvcCall& call, const pipelines::CheckoutReport& report, bool summary);

// Shows `repository.progress()` on stderr while it lives: a bar on a terminal, a line every 30 s elsewhere, nothing for
// short work.
class ProgressDisplay {
 public:
  ProgressDisplay(const DvcCall& call, data::Progress& progress);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct DvcVerb {
  std::string_view name;  // `remote add` for a subcommand
  std::string_view alias = {};
  std::string_view summary;
  std::string_view usage;     // behind the name
  std::string_view examples;  // one a line
  std::vector<DvcOption> options;
  int (*handler)(DvcCall& call);
  int failure_exit = 255;  // of a Failure that has no code of its own
  std::string_view failure_prefix = {};
  size_t least_positional = 0;
  std::string_view positional_name = {};
  OptionOrder rest = OptionOrder::mixed;
};

std::vector<DvcVerb> data_verbs();
std::vector<DvcVerb> transfer_verbs();
std::vector<DvcVerb> config_verbs();
std::vector<DvcVerb> pipeline_verbs();
std::vector<DvcVerb> report_verbs();

}  // namespace fettle::cli
