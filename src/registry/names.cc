#include "registry/names.h"

#include <array>

#include "base/error.h"
#include "base/text.h"

namespace fettle::registry {
namespace {

constexpr std::array<std::string_view, 4> kStages = {"None", "Staging", "Production", "Archived"};
constexpr size_t kAliasLimit = 255;

bool is_alias_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

}  // namespace

void check_model_name(std::string_view name) {
  if (trim(name).empty()) fail(Code::invalid_argument, "Registered model name cannot be empty.");
  if (name.find_first_of("/:") != std::string_view::npos) {
    fail(Code::invalid_argument, "Invalid model name '{}'. Names cannot contain '/' or ':'.", name);
  }
  if (name.size() > kModelNameLimit) {
    fail(Code::invalid_argument, "'name' exceeds the maximum length of {} characters", kModelNameLimit);
  }
  if (!is_valid_utf8(name) || name.find('\0') != std::string_view::npos) {
    fail(Code::invalid_argument, "Invalid model name '{}'. Names must be UTF-8 text.", name);
  }
}

void check_alias(std::string_view alias) {
  if (alias.size() > kAliasLimit)
    fail(Code::invalid_argument, "'alias' exceeds the maximum length of {} characters", kAliasLimit);
  bool allowed = !alias.empty();
  for (char c : alias) allowed = allowed && is_alias_character(c);
  if (!allowed) {
    fail(Code::invalid_argument,
         "Invalid alias name: '{}'. Names may only contain alphanumerics, underscores (_), and dashes (-).", alias);
  }
  if (iequals(alias, "latest")) fail(Code::invalid_argument, "'latest' alias name (case insensitive) is reserved.");
  bool is_version = (alias[0] == 'v' || alias[0] == 'V') && alias.size() > 1;
  for (char c : alias.substr(1)) is_version = is_version && std::isdigit(static_cast<unsigned char>(c)) != 0;
  if (is_version) fail(Code::invalid_argument, "Version alias name '{}' is reserved.", alias);
}

void check_tag(std::string_view key, std::string_view value) {
  if (key.empty()) {
    fail(Code::invalid_argument,
         "Missing value for required parameter 'key'. See the API docs for more information about request parameters.");
  }
  if (key.size() > kTagKeyLimit)
    fail(Code::invalid_argument, "'key' exceeds the maximum length of {} characters", kTagKeyLimit);
  if (value.size() > kTagValueLimit) {
    fail(Code::invalid_argument, "'value' exceeds the maximum length of {} characters", kTagValueLimit);
  }
}

int64_t parse_version(std::string_view text) {
  auto version = parse_int(text);
  if (!version) fail(Code::invalid_argument, "Parameter 'version' must be an integer, got '{}'.", text);
  return *version;
}

std::string canonical_stage(std::string_view stage) {
  for (auto known : kStages) {
    if (iequals(stage, known)) return std::string(known);
  }
  fail(Code::invalid_argument,
       "Invalid Model Version stage: {}. Value must be one of None, Staging, Production, Archived.", stage);
}

}  // namespace fettle::registry
