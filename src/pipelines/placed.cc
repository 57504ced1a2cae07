#include "pipelines/placed.h"

#include "base/file.h"
#include "base/text.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

// One path a line; a path with a line break is left out, and so never removed.
fs::path file_of(const data::Repository& repository) { return repository.temporary_dir() / "fettle.placed"; }

}  // namespace

std::set<std::string> read_placed(const data::Repository& repository) {
  std::set<std::string> placed;
  std::error_code ignored;
  if (!fs::exists(file_of(repository), ignored)) return placed;
  std::string text = read_file(file_of(repository));
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) placed.emplace(line);
  }
  return placed;
}

void write_placed(const data::Repository& repository, const std::set<std::string>& placed) {
  std::string text;
  for (const std::string& path : placed) {
    if (path.find('\n') == std::string::npos) text += path + "\n";
  }
  fs::create_directories(repository.temporary_dir());
  write_file_atomic(file_of(repository), text);
}

}  // namespace fettle::pipelines
