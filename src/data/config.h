// `.dvc/config` in its four levels (spec data-versioning 1.11): ConfigObj's dialect, DVC's strict schema.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::data {

// One file: sections in order, each with its keys in order. A remote's section is named `remote "NAME"`.
class ConfigFile {
 public:
  struct Section {
    std::string name;
    std::vector<std::pair<std::string, std::string>> values;
  };

  // Throws ConfigFailure naming the line.
  static ConfigFile parse(std::string_view text);
  // As DVC writes it: 4 spaces before a key, named sections quoted, comments gone.
  std::string format() const;

  const std::string* find(std::string_view section, std::string_view key) const;
  void set(const std::string& section, const std::string& key, const std::string& value);
  // False when it was not there. A section left empty goes with its last key.
  bool remove(std::string_view section, std::string_view key);
  bool remove_section(std::string_view section);
  bool has_section(std::string_view section) const;
  const std::vector<Section>& sections() const { return sections_; }

  // Throws ConfigFailure for the first section or key that DVC would refuse, in DVC's words.
  void validate() const;

 private:
  std::vector<Section> sections_;
};

enum class ConfigLevel { system, global, repository, local };

// All levels merged; the later level wins. Relative paths are resolved against the directory of their file.
class Config {
 public:
  static Config load(const std::filesystem::path& dvc_dir);
  static std::filesystem::path path_of(ConfigLevel level, const std::filesystem::path& dvc_dir);

  std::optional<std::string> find(std::string_view section, std::string_view key) const;
  std::string get_or(std::string_view section, std::string_view key, std::string fallback) const;
  bool flag(std::string_view section, std::string_view key) const;
  std::vector<std::string> list(std::string_view section, std::string_view key) const;
  // A path value; relative ones stand relative to the directory of the file that has them.
  std::optional<std::filesystem::path> path(std::string_view section, std::string_view key) const;

  struct Remote {
    std::string name;
    std::string url;                  // as configured
    std::filesystem::path directory;  // resolved, where the url is a path; empty otherwise
  };
  std::vector<Remote> remotes() const;
  // Throws ConfigFailure when there is none of that name.
  Remote remote(const std::string& name) const;
  const ConfigFile& file(ConfigLevel level) const { return files_[static_cast<size_t>(level)]; }

 private:
  Remote make_remote(const std::string& name) const;
  ConfigFile files_[4];
  std::filesystem::path directories_[4];
};

// `remote "origin"`.
std::string remote_section(std::string_view name);
// The name in it, or nothing.
std::optional<std::string> remote_of_section(std::string_view section);

}  // namespace fettle::data
