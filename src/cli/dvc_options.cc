#include "cli/dvc_options.h"

#include <fmt/format.h>

#include "base/text.h"

namespace fettle::cli {
namespace {

class Parser {
 public:
  Parser(std::span<const std::string> arguments, std::span<const DvcOption> specs, OptionOrder rest)
      : arguments_(arguments), specs_(specs), rest_(rest) {}

  DvcOptions run() {
    bool only_positional = false;
    while (at_ < arguments_.size()) {
      const std::string& argument = arguments_[at_++];
      if (only_positional || argument.size() < 2 || argument[0] != '-') {
        out_.positional.push_back(argument);
        if (rest_ == OptionOrder::verbatim) only_positional = true;
      } else if (argument == "--") {
        only_positional = true;
      } else if (argument.starts_with("--")) {
        long_option(argument.substr(2));
      } else {
        short_options(argument.substr(1));
      }
    }
    if (!unknown_.empty()) throw DvcUsageError("unrecognized arguments: " + join(unknown_, " "));
    return std::move(out_);
  }

 private:
  void set(const DvcOption& spec, std::optional<std::string> attached, const std::string& shown) {
    if (!spec.takes_value) {
      if (attached) throw DvcUsageError(fmt::format("argument {}: ignored explicit argument '{}'", shown, *attached));
      out_.values[std::string(spec.name)].emplace_back();
      return;
    }
    if (!attached) {
      if (at_ == arguments_.size()) throw DvcUsageError(fmt::format("argument {}: expected one argument", shown));
      attached = arguments_[at_++];
    }
    out_.values[std::string(spec.name)].push_back(std::move(*attached));
  }

  void long_option(const std::string& text) {
    size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    std::optional<std::string> attached;
    if (equals != std::string::npos) attached = text.substr(equals + 1);
    std::vector<const DvcOption*> matches;
    for (const DvcOption& spec : specs_) {
      if (spec.name == name) {
        matches = {&spec};
        break;
      }
      if (spec.name.starts_with(name)) matches.push_back(&spec);
    }
    if (matches.empty()) {
      unknown_.push_back("--" + text);
      return;
    }
    if (matches.size() > 1) {
      std::vector<std::string> names;
      for (const DvcOption* spec : matches) names.push_back("--" + std::string(spec->name));
      throw DvcUsageError(fmt::format("ambiguous option: --{} could match {}", name, join(names, ", ")));
    }
    set(*matches[0], std::move(attached), "--" + std::string(matches[0]->name));
  }

  void short_options(const std::string& letters) {
    for (size_t i = 0; i < letters.size(); ++i) {
      const DvcOption* found = nullptr;
      for (const DvcOption& spec : specs_) {
        if (spec.letter == letters[i]) found = &spec;
      }
      if (found == nullptr) {
        unknown_.push_back("-" + letters.substr(i));
        return;
      }
      std::string shown = fmt::format("-{}/--{}", letters[i], found->name);
      if (found->takes_value && i + 1 < letters.size()) {
        std::string attached = letters.substr(letters[i + 1] == '=' ? i + 2 : i + 1);
        set(*found, std::move(attached), shown);
        return;
      }
      set(*found, std::nullopt, shown);
    }
  }

  std::span<const std::string> arguments_;
  std::span<const DvcOption> specs_;
  OptionOrder rest_;
  size_t at_ = 0;
  std::vector<std::string> unknown_;
  DvcOptions out_;
};

}  // namespace

std::string DvcOptions::get_or(std::string_view name, std::string fallback) const {
  auto found = values.find(name);
  return found == values.end() ? std::move(fallback) : found->second.back();
}

std::vector<std::string> DvcOptions::all(std::string_view name) const {
  auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

DvcOptions parse_dvc_options(std::span<const std::string> arguments, std::span<const DvcOption> specs,
                             OptionOrder rest) {
  return Parser(arguments, specs, rest).run();
}

}  // namespace fettle::cli
