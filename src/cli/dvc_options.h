// Options of DVC's verbs, as argparse reads them: long ones may be abbreviated uniquely, short ones bundled, values
// attached.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::cli {

struct DvcOption {
  std::string_view name;  // long name without dashes; also the key of the value
  char letter = 0;
  bool takes_value = false;
};

struct DvcOptions {
  std::map<std::string, std::vector<std::string>, std::less<>>
      values;  // a flag has one empty value for each time it stands
  std::vector<std::string> positional;

  bool has(std::string_view name) const { return values.contains(name); }
  std::string get_or(std::string_view name, std::string fallback) const;
  std::vector<std::string> all(std::string_view name) const;
};

// Exit code 254; what() is argparse's sentence.
class DvcUsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class OptionOrder {
  mixed,     // options may stand after positional arguments
  verbatim,  // from the first positional on, everything belongs to a command line
};
DvcOptions parse_dvc_options(std::span<const std::string> arguments, std::span<const DvcOption> specs,
                             OptionOrder rest = OptionOrder::mixed);

}  // namespace fettle::cli
