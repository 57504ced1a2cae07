#include "pipelines/stage.h"

namespace fettle::pipelines {
namespace {

const data::Output* find(const std::vector<data::Output>& all, std::string_view path) {
  for (const data::Output& output : all) {
    if (output.path == path) return &output;
  }
  return nullptr;
}

}  // namespace

const data::Output* LockEntry::find_dep(std::string_view path) const { return find(deps, path); }
const data::Output* LockEntry::find_out(std::string_view path) const { return find(outs, path); }
const Params* LockEntry::find_params(std::string_view file) const {
  for (const auto& [name, values] : params) {
    if (name == file) return &values;
  }
  return nullptr;
}

std::filesystem::path Stage::lock_file() const { return file.parent_path() / "dvc.lock"; }

std::string shown_path(const std::filesystem::path& path, const std::filesystem::path& cwd) {
  return path.lexically_relative(cwd).generic_string();
}

std::string address_of(const Stage& stage, const std::filesystem::path& cwd) {
  std::string file = shown_path(stage.file, cwd);
  if (stage.is_data()) return file;
  return file == "dvc.yaml" ? stage.name : file + ":" + stage.name;
}

}  // namespace fettle::pipelines
