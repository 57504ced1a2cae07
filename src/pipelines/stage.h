// A stage: what dvc.yaml (or a `.dvc` file, which is a stage without a command) says, and what dvc.lock recorded of its
// last run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/output.h"
#include "pipelines/value.h"

namespace fettle::pipelines {

// The commands of a stage; dvc.yaml writes one string or a list, and dvc.lock repeats which.
struct CommandLines {
  std::vector<std::string> lines;
  bool is_list = false;
  bool operator==(const CommandLines&) const = default;
};

struct ParamFile {
  std::string file;  // as written, relative to the stage's working directory
  std::filesystem::path location;
  std::vector<std::string> keys;  // dotted
  bool whole = false;             // the whole file
};

// What dvc.lock holds of one stage.
struct LockEntry {
  CommandLines command;
  std::vector<data::Output> deps;
  std::vector<data::Output> outs;
  std::vector<std::pair<std::string, Params>> params;  // by file

  const data::Output* find_dep(std::string_view path) const;
  const data::Output* find_out(std::string_view path) const;
  const Params* find_params(std::string_view file) const;
};

struct Stage {
  std::filesystem::path file;       // dvc.yaml, or the `.dvc` file; absolute
  std::string name;                 // empty for a `.dvc` file
  std::filesystem::path directory;  // working directory
  CommandLines command;
  std::vector<data::Output> deps;  // hashes as dvc.lock recorded them
  std::vector<data::Output> outs;
  std::vector<ParamFile> params;
  bool frozen = false;
  bool always_changed = false;
  bool is_import = false;
  bool templated = false;  // its text holds `${}`: it cannot be rewritten
  std::string description;
  std::optional<LockEntry> lock;

  bool is_data() const { return name.empty(); }
  bool has_command() const { return !command.lines.empty(); }
  // Runs every time: a command that depends on nothing and makes nothing.
  bool is_callback() const { return has_command() && deps.empty() && params.empty() && outs.empty(); }
  bool command_changed() const { return lock && lock->command != command; }
  std::filesystem::path lock_file() const;
};

// How DVC names it from `cwd`: `data.dvc`, `train`, `sub/dvc.yaml:train`.
std::string address_of(const Stage& stage, const std::filesystem::path& cwd);
// `path` as seen from `cwd`, with `/`.
std::string shown_path(const std::filesystem::path& path, const std::filesystem::path& cwd);

}  // namespace fettle::pipelines
