// metrics show.
#include <algorithm>

#include "base/text.h"
#include "cli/dvc_call.h"
#include "cli/dvc_json_file.h"
#include "pipelines/metrics.h"

namespace fettle::cli {
namespace {

constexpr int kDefaultPrecision = 5;

// Columns aligned, two blanks between; nothing after the last.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      out += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
    out += "\n";
  }
  return out;
}

std::string as_table(const std::vector<pipelines::MetricsOfFile>& files, int precision) {
  std::vector<std::string> keys;
  for (const auto& file : files) {
    for (const auto& [key, value] : file.flat) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::vector<std::string>> rows = {{"Path"}};
  rows[0].insert(rows[0].end(), keys.begin(), keys.end());
  for (const auto& file : files) {
    std::vector<std::string> row = {file.path};
    for (const std::string& key : keys) {
      const pipelines::Value* value = pipelines::find_param(file.flat, key);
      row.push_back(value == nullptr ? "-" : value_text(*value, precision));
    }
    rows.push_back(std::move(row));
  }
  return aligned(rows);
}

int metrics_show(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  pipelines::Project project(repository, call.cwd);
  std::vector<pipelines::MetricsOfFile> files = pipelines::read_metrics(project, call.targets());
  if (call.has("json")) {
    answer(metrics_json(files) + "\n");
    return 0;
  }
  std::optional<int64_t> precision = parse_int(call.options.get_or("precision", std::to_string(kDefaultPrecision)));
  if (!precision || *precision < 0 || *precision > 17)
    throw DvcUsageError("argument --precision: expected a number from 0 to 17");
  if (!files.empty()) answer(as_table(files, static_cast<int>(*precision)));
  return 0;
}

}  // namespace

std::vector<DvcVerb> report_verbs() {
  return {
      {.name = "metrics show",
       .summary = "Print metrics files.",
       .usage = "[--json] [--precision n] [targets ...]",
       .examples = "fettle metrics show",
       .options = {{"json"},
                   {"precision", 0, true},
                   {"all-branches", 'a'},
                   {"all-tags", 'T'},
                   {"all-commits", 'A'},
                   {"recursive", 'R'}},
       .handler = metrics_show},
  };
}

}  // namespace fettle::cli
