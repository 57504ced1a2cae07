#include "base/error.h"
#include "base/file.h"
#include "json/json.h"
#include "pipelines/metrics.h"
#include "pipelines/value_file.h"
#include "yaml/yaml.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

void flatten(const Value& value, const std::string& prefix, Params& out) {
  if (const auto* map = std::get_if<Value::Map>(&value.held)) {
    for (const auto& [key, item] : *map) flatten(item, prefix.empty() ? key : prefix + "." + key, out);
  } else if (!std::holds_alternative<Value::List>(value.held)) {
    out.emplace_back(prefix, value);
  }
}

}  // namespace

Value read_value_file(const fs::path& path) {
  std::string text = read_file(path, kMaxBytes);
  try {
    if (path.extension() == ".json") return from_json(json::parse(text, {.allow_nan = true}));
    return from_json(yaml::parse(text));
  } catch (const Failure& failure) {
    fail(Code::invalid_argument, "cannot read '{}': {}", path.string(), failure.what());
  }
}

std::vector<MetricsOfFile> read_metrics(const Project& project, const std::vector<std::string>& targets) {
  std::vector<fs::path> files = project.extra_metrics();
  for (const Stage& stage : project.stages()) {
    for (const data::Output& out : stage.outs) {
      if (out.kind == data::OutputKind::metric) files.push_back(out.location);
    }
  }
  if (!targets.empty()) {
    files.clear();
    for (const std::string& target : targets) files.push_back((project.cwd() / target).lexically_normal());
  }
  std::vector<MetricsOfFile> found;
  for (const fs::path& file : files) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) continue;
    MetricsOfFile metrics{shown_path(file, project.cwd()), read_value_file(file), {}};
    flatten(metrics.root, "", metrics.flat);
    found.push_back(std::move(metrics));
  }
  return found;
}

}  // namespace fettle::pipelines
