#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "pipelines/params.h"
#include "pipelines/value_file.h"
#include "yaml/yaml.h"

namespace fettle::pipelines {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

json::Value load(const std::filesystem::path& path) {
  std::string suffix = path.extension().string();
  if (suffix == ".toml" || suffix == ".py") {
    fail(Error{Code::unimplemented,
               fmt::format("parameters of a '{}' file are not read yet: '{}'", suffix, path.string()),
               {},
               "keep them in a .yaml or .json file"});
  }
  std::string text = read_file(path, kMaxBytes);
  try {
    return suffix == ".json" ? json::parse(text, {.allow_nan = true}) : yaml::parse(text);
  } catch (const Failure& failure) {
    fail(Code::invalid_argument, "cannot read parameters from '{}': {}", path.string(), failure.what());
  }
}

// `a.b.0`: keys of maps, indices of lists.
const json::Value* find_dotted(const json::Value& root, std::string_view key) {
  const json::Value* at = &root;
  for (std::string_view part : split(key, '.')) {
    if (at->is_object()) {
      at = at->get_object().if_contains(part);
    } else if (at->is_array()) {
      size_t index = 0;
      auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      if (error != std::errc() || end != part.data() + part.size()) return nullptr;
      at = at->get_array().if_contains(index);
    } else {
      return nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

}  // namespace

Params read_params(const ParamFile& file) {
  std::error_code ignored;
  Params params;
  if (!std::filesystem::exists(file.location, ignored)) return params;
  json::Value root = load(file.location);
  if (file.whole) {
    if (root.is_object()) {
      for (const auto& [key, value] : root.get_object()) params.emplace_back(std::string(key), from_json(value));
    }
    return params;
  }
  for (const std::string& key : file.keys) {
    if (const json::Value* value = find_dotted(root, key)) params.emplace_back(key, from_json(*value));
  }
  return params;
}

}  // namespace fettle::pipelines
