#include "cli/dvc_verbs.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "cli/dvc_call.h"
#include "data/failures.h"

namespace fettle::cli {
namespace {

constexpr int kUsage = 254;

const std::vector<DvcVerb>& table() {
  static const std::vector<DvcVerb> verbs = [] {
    std::vector<DvcVerb> all;
    for (auto part : {data_verbs(), transfer_verbs(), config_verbs(), pipeline_verbs(), report_verbs()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return verbs;
}

// DVC's names that are not built yet: they answer so, instead of "invalid choice".
constexpr std::string_view kNotYet[] = {
    "artifacts", "cache migrate", "check-ignore", "completion",  "daemon",    "data",       "dataset",  "ds",
    "destroy",   "diff",          "du",           "experiments", "exp",       "freeze",     "unfreeze", "gc",
    "get",       "get-url",       "git-hook",     "import",      "import-db", "import-url", "install",  "list",
    "ls",        "list-url",      "ls-url",       "move",        "mv",        "plots",      "queue",    "studio",
    "test-db",   "update",        "version",      "doctor"};

bool is_group(std::string_view name) {
  for (const DvcVerb& verb : table()) {
    if (verb.name.starts_with(std::string(name) + " ")) return true;
  }
  return false;
}

const DvcVerb* find_verb(std::string_view name) {
  for (const DvcVerb& verb : table()) {
    if (verb.name == name || (!verb.alias.empty() && verb.alias == name)) return &verb;
  }
  return nullptr;
}

std::string usage_line(const DvcVerb& verb) { return fmt::format("usage: fettle {} {}", verb.name, verb.usage); }

void print_help(const DvcVerb& verb) {
  std::string out = std::string(verb.summary) + "\n" + usage_line(verb) + "\nexamples:\n";
  for (std::string_view line : split(verb.examples, '\n')) out += fmt::format("  {}\n", line);
  out += "options:\n  -h, --help   -q, --quiet   -v, --verbose   --cd DIR   --wait-for-lock\n";
  for (const DvcOption& option : verb.options) {
    std::string letter = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "";
    out += fmt::format("  {}--{}{}\n", letter, option.name, option.takes_value ? " VALUE" : "");
  }
  answer(out);
}

int usage_error(std::string_view problem, const DvcVerb* verb) {
  complain(fmt::format("ERROR: {}", problem));
  if (verb != nullptr) complain(usage_line(*verb));
  return kUsage;
}

// Global options before the verb; returns how many arguments they are.
size_t read_globals(std::span<const std::string> args, DvcCall& call) {
  size_t at = 0;
  for (; at < args.size() && args[at].starts_with('-'); ++at) {
    const std::string& arg = args[at];
    if (arg == "-q" || arg == "--quiet") {
      call.quiet = true;
    } else if (arg == "-v" || arg == "--verbose") {
      call.verbose = true;
    } else if (arg == "--wait-for-lock") {
      call.wait_for_lock = true;
    } else if (arg == "--cd" && at + 1 < args.size()) {
      call.cwd = (call.cwd / args[++at]).lexically_normal();
    } else if (arg.starts_with("--cd=")) {
      call.cwd = (call.cwd / arg.substr(5)).lexically_normal();
    } else {
      throw DvcUsageError("unrecognized arguments: " + arg);
    }
  }
  return at;
}

std::vector<DvcOption> with_globals(std::vector<DvcOption> specs) {
  auto add = [&](DvcOption spec) {
    bool taken = std::any_of(specs.begin(), specs.end(), [&](const DvcOption& s) { return s.letter == spec.letter; });
    if (taken && spec.letter != 0) spec.letter = 0;
    specs.push_back(spec);
  };
  add({"help", 'h'});
  add({"quiet", 'q'});
  add({"verbose", 'v'});
  add({"cd", 0, true});
  add({"wait-for-lock"});
  return specs;
}

int report(const Failure& failure, const DvcVerb& verb) {
  const Error& error = failure.error();
  bool schema = error.message.starts_with("'./");
  complain(schema ? error.message : fmt::format("ERROR: {}{}", verb.failure_prefix, error.message));
  for (const Detail& detail : error.details)
    complain(detail.message.empty() ? detail.path : detail.path + ": " + detail.message);
  if (!error.fix.empty()) complain("fix: " + error.fix);
  if (dynamic_cast<const data::NotInRepository*>(&failure) != nullptr) return 253;
  return verb.failure_exit;
}

int report_config(const data::ConfigFailure& failure, const DvcVerb& verb) {
  if (verb.failure_exit == 1 && !verb.failure_prefix.empty() && failure.code() == Code::not_found)
    return report(failure, verb);
  std::string message = failure.what();
  complain("ERROR: " + (message.starts_with("configuration error") ? message : "configuration error - " + message));
  if (!failure.error().fix.empty()) complain("fix: " + failure.error().fix);
  return 251;
}

int call_verb(const DvcVerb& verb, DvcCall& call) {
  try {
    return verb.handler(call);
  } catch (const DvcUsageError& error) {
    return usage_error(error.what(), &verb);
  } catch (const data::ConfigFailure& failure) {
    return report_config(failure, verb);
  } catch (const data::LockFailure& failure) {
    complain(fmt::format("ERROR: {}", failure.what()));
    return 255;
  } catch (const data::CollectFailure& failure) {
    report(failure, verb);
    return 255;
  } catch (const Failure& failure) {
    return report(failure, verb);
  } catch (const std::exception& error) {
    complain(fmt::format("ERROR: unexpected error - {}", error.what()));
    return 255;
  }
}

int run_found(const DvcVerb& verb, std::span<const std::string> rest, DvcCall& call) {
  std::vector<DvcOption> specs = with_globals(verb.options);
  try {
    call.options = parse_dvc_options(rest, specs, verb.rest);
  } catch (const DvcUsageError& error) {
    return usage_error(error.what(), &verb);
  }
  if (call.has("help")) {
    print_help(verb);
    return 0;
  }
  if (call.options.positional.size() < verb.least_positional) {
    return usage_error(fmt::format("the following arguments are required: {}", verb.positional_name), &verb);
  }
  call.verb = verb.name;
  call.quiet_after_verb = call.has("quiet");
  call.quiet = call.quiet || call.quiet_after_verb;
  call.verbose = call.verbose || call.has("verbose");
  call.wait_for_lock = call.wait_for_lock || call.has("wait-for-lock");
  if (call.has("cd")) call.cwd = (call.cwd / call.options.get_or("cd", ".")).lexically_normal();
  std::error_code ignored;
  std::filesystem::path real = std::filesystem::canonical(call.cwd, ignored);
  if (real.empty()) return usage_error(fmt::format("argument --cd: '{}' does not exist", call.cwd.string()), &verb);
  call.cwd = real;
  return call_verb(verb, call);
}

}  // namespace

std::vector<DvcVerbHelp> dvc_verbs() {
  std::vector<DvcVerbHelp> out;
  for (const DvcVerb& verb : table()) out.push_back({verb.name, verb.summary});
  return out;
}

bool is_dvc_verb(std::string_view name) {
  return find_verb(name) != nullptr || is_group(name) ||
         std::find(std::begin(kNotYet), std::end(kNotYet), name) != std::end(kNotYet);
}

int run_dvc_verb(std::span<const std::string> args) {
  DvcCall call;
  std::error_code ignored;
  call.cwd = std::filesystem::current_path(ignored);
  try {
    args = args.subspan(read_globals(args, call));
  } catch (const DvcUsageError& error) {
    return usage_error(error.what(), nullptr);
  }
  if (args.empty()) return usage_error("the following arguments are required: command", nullptr);
  std::string name = args[0];
  size_t used = 1;
  if (is_group(name)) {
    bool has_more = args.size() > 1 && !args[1].starts_with('-');
    if (has_more) name += " " + args[used++];
  }
  const DvcVerb* verb = find_verb(name);
  int code = 0;
  if (verb != nullptr) {
    code = run_found(*verb, args.subspan(used), call);
  } else if (is_dvc_verb(name)) {
    complain(fmt::format("ERROR: '{}' is a DVC verb that this version does not have yet", name));
    code = 1;
  } else {
    code =
        usage_error(fmt::format("argument command: invalid choice: '{}' (all commands: fettle help)", name), nullptr);
  }
  std::fflush(stdout);
  return code;
}

}  // namespace fettle::cli
