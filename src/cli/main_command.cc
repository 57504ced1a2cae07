#include "cli/main_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/text.h"
#include "cli/dvc_verbs.h"
#include "cli/verb.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr std::string_view kDvcVersion = "3.67.1";

bool is_json(const Parsed& parsed) { return parsed.has("--json") || parsed.get("--output") == "json"; }

TableStyle find_style(const Parsed& parsed) {
  TableStyle style;
  style.terminal = isatty(STDOUT_FILENO) == 1;
  style.headers = !parsed.has("--no-headers");
  winsize size{};
  if (style.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) style.width = size.ws_col;
  style.now_ms = SystemClock().now_ms();
  return style;
}

int report(const Error& error, bool as_json) {
  if (as_json) {
    json::Array details;
    for (const auto& detail : error.details)
      details.push_back(json::Object{{"path", detail.path}, {"message", detail.message}});
    json::Object inner{{"code", std::string(code_name(error.code))},
                       {"message", error.message},
                       {"fix", error.fix},
                       {"details", details}};
    std::fprintf(stderr, "%s\n", json::format(json::Object{{"error", inner}}).c_str());
    return exit_code_of(error.code);
  }
  std::fprintf(stderr, "error: %s\n", error.message.c_str());
  size_t shown = 0;
  for (const auto& detail : error.details) {
    if (error.details.size() < 2 || ++shown > 4) break;
    std::fprintf(stderr, "  %s: %s\n", detail.path.c_str(), detail.message.c_str());
  }
  if (!error.fix.empty()) std::fprintf(stderr, "fix: %s\n", error.fix.c_str());
  return exit_code_of(error.code);
}

void print_verb_help(const Verb& verb) {
  std::string text = fmt::format("usage: fettle {} {}\n\n{}\n", verb.words, verb.usage, verb.meaning);
  text += "\noptions:\n";
  for (auto specs : {std::span<const OptionSpec>(verb.options), global_options()}) {
    for (const auto& spec : specs) {
      std::string name =
          spec.short_name.empty() ? std::string(spec.name) : fmt::format("{}, {}", spec.short_name, spec.name);
      text += fmt::format("  {:<22} {}\n", name + (spec.takes_value ? " X" : ""), spec.meaning);
    }
  }
  if (!verb.examples.empty()) text += fmt::format("\nexamples:\n{}\n", verb.examples);
  std::fputs(text.c_str(), stdout);
}

void print_overview() {
  std::string text =
      "fettle: data versions, experiments, registry, gates, serving, rollouts, monitoring and retraining in one "
      "binary\n\n"
      "usage: fettle VERB [NAME…] [options]       fettle VERB --help tells more\n\n"
      "  server                       serve everything; `fettle server --help`\n\n";
  for (const Verb* verb : own_verbs()) text += fmt::format("  {:<28} {}\n", verb->words, verb->meaning);
  text += "\nDVC's verbs work as DVC's do, without a server (`alias dvc=fettle`):\n  ";
  size_t column = 2;
  for (const auto& [name, summary] : dvc_verbs()) {
    if (column + name.size() > 96) {
      text += "\n  ";
      column = 2;
    }
    text += fmt::format("{} ", name);
    column += name.size() + 1;
  }
  std::fputs((text + "\n").c_str(), stdout);
}

// Singular is accepted: `fettle job list`.
std::string plural(const std::string& word) {
  for (std::string_view noun : {"endpoint", "job", "alert", "model", "gate"}) {
    if (word == noun) return word + "s";
  }
  return word;
}

const Verb* find_verb(const std::vector<std::string>& arguments, size_t& used) {
  std::vector<std::string> words;
  for (const auto& argument : arguments) {
    if (argument.empty() || argument.front() == '-') break;
    words.push_back(words.empty() ? plural(argument) : argument);
    if (words.size() == 2) break;
  }
  for (size_t count = words.size(); count > 0; --count) {
    std::string text = join(std::span(words).first(count), " ");
    for (const Verb* verb : own_verbs()) {
      if (verb->words != text) continue;
      used = count;
      return verb;
    }
  }
  return nullptr;
}

int unknown_verb(const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  for (const auto& verb : dvc_verbs()) names.emplace_back(verb.name);
  names.emplace_back("server");
  bool is_group = false;
  std::string group;
  for (const Verb* verb : own_verbs()) {
    names.emplace_back(verb->words);
    if (!verb->words.starts_with(plural(arguments.front()) + " ")) continue;
    is_group = true;
    group += fmt::format("  fettle {:<24} {}\n", verb->words, verb->meaning);
  }
  if (is_group) {
    std::fprintf(stderr, "error: 'fettle %s' needs one of:\n%s", arguments.front().c_str(), group.c_str());
    return kUsage;
  }
  auto close = nearest(arguments.front(), names);
  std::fprintf(stderr, "error: unknown verb '%s'%s\n", arguments.front().c_str(),
               close ? fmt::format(", did you mean '{}'?", *close).c_str() : "");
  std::fprintf(stderr, "fix: `fettle --help` lists the verbs\n");
  return kUsage;
}

int run_own(const Verb& verb, std::span<const std::string> arguments) {
  bool as_json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  try {
    Parsed parsed = parse_options(arguments, verb.options);
    if (parsed.has("--help")) {
      print_verb_help(verb);
      return kDone;
    }
    ApiClient api(find_server(parsed.get("--server")), parsed.has("--verbose") ? 1 : 0);
    Context context{.api = api, .parsed = parsed, .json = is_json(parsed), .style = find_style(parsed)};
    int code = verb.run(context);
    std::fflush(stdout);
    return code;
  } catch (...) {
    return report(error_from_current_exception(), as_json);
  }
}

}  // namespace

const std::string& Context::name(size_t index, std::string_view what) const {
  if (index >= parsed.names.size())
    fail(Error{Code::invalid_argument, fmt::format("{} is missing", what), {}, "see --help"});
  return parsed.names[index];
}

void Context::print(const json::Value& answer, const std::vector<ColumnSpec>& columns) const {
  std::string text;
  const json::Value* items = find_path(answer, "items");
  if (json) {
    text = json::format(answer, {.indent = style.terminal ? 2 : 0}) + "\n";
  } else if (items != nullptr && !columns.empty()) {
    text = format_table(items->as_array(), columns, style);
  } else {
    text = format_object(answer.as_object(), style);
  }
  std::fputs(text.c_str(), stdout);
}

void Context::say(std::string_view sentence) const {
  if (!json && !parsed.has("--quiet"))
    std::fprintf(stdout, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

void Context::hint(std::string_view sentence) const {
  if (json || parsed.has("--quiet") || isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\x1b[2mnext: %.*s\x1b[0m\n", static_cast<int>(sentence.size()), sentence.data());
}

std::vector<const Verb*> own_verbs() {
  std::vector<const Verb*> verbs;
  for (auto table : {platform_verbs(), deploy_verbs(), watch_verbs(), track_verbs()}) {
    for (const auto& verb : table) verbs.push_back(&verb);
  }
  return verbs;
}

// Own verbs' global options may stand before the verb: they are moved behind it.
std::vector<std::string> verb_first(const std::vector<std::string>& arguments) {
  size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with('-')) {
    bool takes_value = (arguments[at] == "--server" || arguments[at] == "-o" || arguments[at] == "--output");
    at += takes_value ? 2 : 1;
  }
  if (at == 0 || at >= arguments.size()) return arguments;
  std::vector<std::string> moved(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  moved.insert(moved.end(), arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(at));
  return moved;
}

int run(const std::string& program, const std::vector<std::string>& arguments) {
  bool as_dvc = std::filesystem::path(program).filename() == "dvc";
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h" || arguments.front() == "help") {
    print_overview();
    return arguments.empty() ? static_cast<int>(kUsage) : static_cast<int>(kDone);
  }
  if (arguments.front() == "--version" || arguments.front() == "-V") {
    std::string version = as_dvc ? std::string(kDvcVersion)
                                 : fmt::format("fettle {} (dvc {}, mlflow 3.17, oip v2)", kVersion, kDvcVersion);
    std::printf("%s\n", version.c_str());
    return kDone;
  }
  size_t used = 0;
  std::vector<std::string> ordered = verb_first(arguments);
  if (const Verb* verb = find_verb(ordered, used)) return run_own(*verb, std::span(ordered).subspan(used));
  // DVC's global options may stand before the verb.
  auto verb =
      std::find_if(arguments.begin(), arguments.end(), [](const std::string& a) { return !a.starts_with('-'); });
  bool with_directory = arguments.front() == "--cd" && arguments.size() > 2;
  if (with_directory) verb = arguments.begin() + 2;
  if (verb != arguments.end() && is_dvc_verb(*verb)) return run_dvc_verb(arguments);
  return unknown_verb(arguments);
}

}  // namespace fettle::cli
