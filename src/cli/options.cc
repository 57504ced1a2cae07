#include "cli/options.h"

#include "base/error.h"
#include "base/text.h"

namespace fettle::cli {
namespace {

constexpr OptionSpec kGlobal[] = {
    {"--server", "", true, "URL of the server (default: FETTLE_URL, MLFLOW_TRACKING_URI, http://127.0.0.1:5000)"},
    {"--json", "", false, "JSON on stdout"},
    {"--output", "-o", true, "table, json or name"},
    {"--no-headers", "", false, "no header line"},
    {"--help", "-h", false, "this text"},
    {"--verbose", "-v", false, "show HTTP requests"},
    {"--quiet", "-q", false, "errors only"},
    {"--yes", "-y", false, "answer yes; never ask"},
    {"--no-color", "", false, "no colour"},
};

const OptionSpec* find(std::span<const OptionSpec> specs, std::string_view name) {
  for (const auto& spec : specs) {
    if (spec.name == name || (!spec.short_name.empty() && spec.short_name == name)) return &spec;
  }
  return nullptr;
}

[[noreturn]] void unknown(const std::string& name, std::span<const OptionSpec> own) {
  std::vector<std::string> names;
  for (auto specs : {own, std::span<const OptionSpec>(kGlobal)}) {
    for (const auto& spec : specs) names.emplace_back(spec.name);
  }
  auto close = nearest(name, names);
  fail(Error{Code::invalid_argument,
             fmt::format("unknown option '{}'", name),
             {},
             close ? fmt::format("did you mean '{}'?", *close) : "see --help"});
}

}  // namespace

std::string Parsed::get(const std::string& option, const std::string& fallback) const {
  auto found = options.find(option);
  return found == options.end() ? fallback : found->second;
}

std::vector<std::string> Parsed::all(const std::string& option) const {
  std::vector<std::string> values;
  auto [first, last] = options.equal_range(option);
  for (auto it = first; it != last; ++it) values.push_back(it->second);
  return values;
}

std::optional<int64_t> Parsed::integer(const std::string& option) const {
  if (!has(option)) return std::nullopt;
  auto number = parse_int(get(option));
  if (!number) fail(Code::invalid_argument, "{} '{}': expected an integer", option, get(option));
  return number;
}

std::span<const OptionSpec> global_options() { return kGlobal; }

Parsed parse_options(std::span<const std::string> arguments, std::span<const OptionSpec> own) {
  Parsed parsed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--") {
      parsed.names.insert(parsed.names.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    if (name.size() < 2 || name.front() != '-') {
      parsed.names.push_back(name);
      continue;
    }
    std::optional<std::string> value;
    if (size_t equals = name.find('='); name.starts_with("--") && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const OptionSpec* spec = find(own, name);
    if (spec == nullptr) spec = find(kGlobal, name);
    if (spec == nullptr) unknown(name, own);
    if (spec->takes_value && !value) {
      if (i + 1 == arguments.size()) fail(Code::invalid_argument, "option '{}' needs a value", name);
      value = arguments[++i];
    }
    parsed.options.emplace(std::string(spec->name), value.value_or("true"));
  }
  return parsed;
}

}  // namespace fettle::cli
