// remote, config, cache dir: `.dvc/config` and its levels.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/dvc_call.h"
#include "data/failures.h"

namespace fettle::cli {
namespace {

namespace fs = std::filesystem;
using data::ConfigFile;
using data::ConfigLevel;

const std::vector<DvcOption> kLevels = {{"global"}, {"system"}, {"project"}, {"local"}};

std::vector<DvcOption> with_levels(std::vector<DvcOption> own) {
  own.insert(own.end(), kLevels.begin(), kLevels.end());
  return own;
}

[[noreturn]] void config_error(std::string message) {
  throw data::ConfigFailure(
      Error{Code::invalid_argument, "configuration error - config file error: " + std::move(message)});
}

ConfigLevel level_of(const DvcCall& call) {
  if (call.has("global")) return ConfigLevel::global;
  if (call.has("system")) return ConfigLevel::system;
  if (call.has("local")) return ConfigLevel::local;
  return ConfigLevel::repository;
}

// One level's file, opened for change; written back as DVC writes it, once it is valid.
class Edit {
 public:
  explicit Edit(const DvcCall& call)
      : repository_(data::Repository::open(call.cwd)),
        path_(data::Config::path_of(level_of(call), repository_.dvc_dir())) {
    std::error_code ignored;
    if (fs::exists(path_, ignored)) file_ = ConfigFile::parse(read_file(path_, uint64_t{1} << 20));
  }
  ConfigFile& file() { return file_; }
  const data::Repository& repository() const { return repository_; }
  fs::path directory() const { return path_.parent_path(); }
  void save() {
    file_.validate();
    fs::create_directories(path_.parent_path());
    write_file_atomic(path_, file_.format());
  }

 private:
  data::Repository repository_;
  fs::path path_;
  ConfigFile file_;
};

// A relative path is typed against the current directory and stored against the file's.
std::string stored_path(const DvcCall& call, const fs::path& config_dir, const std::string& typed) {
  if (typed.find("://") != std::string::npos || typed.starts_with("~") || fs::path(typed).is_absolute()) return typed;
  return (call.cwd / typed).lexically_normal().lexically_relative(config_dir).generic_string();
}

int remote_add(DvcCall& call) {
  Edit edit(call);
  const std::string& name = call.targets()[0];
  std::string section = data::remote_section(name);
  if (edit.file().has_section(section) && !call.has("force")) {
    config_error(fmt::format("remote '{}' already exists. Use `-f|--force` to overwrite it.", name));
  }
  edit.file().remove_section(section);
  edit.file().set(section, "url", stored_path(call, edit.directory(), call.targets()[1]));
  if (call.has("default")) {
    edit.file().set("core", "remote", name);
    call.say(fmt::format("Setting '{}' as a default remote.", name));
  }
  edit.save();
  return 0;
}

int remote_list(DvcCall& call) {
  data::Repository repository = data::Repository::open(call.cwd);
  std::string standard = repository.config().get_or("core", "remote", "");
  for (const auto& remote : repository.config().remotes()) {
    std::string line = remote.name;
    line.append(8 - line.size() % 8, ' ');
    line += remote.directory.empty() ? remote.url : remote.directory.string();
    if (remote.name == standard) {
      line.append(8 - line.size() % 8, ' ');
      line += "(default)";
    }
    call.say(line);
  }
  return 0;
}

int remote_default(DvcCall& call) {
  Edit edit(call);
  if (call.has("unset")) {
    edit.file().remove("core", "remote");
    edit.save();
    return 0;
  }
  if (call.targets().empty()) {
    std::optional<std::string> standard = edit.repository().config().find("core", "remote");
    call.say(standard.value_or("No default remote set"));
    return 0;
  }
  if (!edit.repository().config().find(data::remote_section(call.targets()[0]), "url"))
    config_error("default remote must be present in remote list.");
  edit.file().set("core", "remote", call.targets()[0]);
  edit.save();
  return 0;
}

void require_remote(Edit& edit, const std::string& name) {
  if (!edit.file().has_section(data::remote_section(name)))
    config_error(fmt::format("remote '{}' doesn't exist.", name));
}

int remote_remove(DvcCall& call) {
  Edit edit(call);
  const std::string& name = call.targets()[0];
  require_remote(edit, name);
  edit.file().remove_section(data::remote_section(name));
  const std::string* standard = edit.file().find("core", "remote");
  if (standard != nullptr && *standard == name) edit.file().remove("core", "remote");
  edit.save();
  return 0;
}

int remote_modify(DvcCall& call) {
  Edit edit(call);
  const std::string& name = call.targets()[0];
  std::string section = data::remote_section(name);
  if (!edit.repository().config().find(section, "url")) config_error(fmt::format("remote '{}' doesn't exist.", name));
  std::string key = to_lower(call.targets()[1]);
  if (call.has("unset")) {
    edit.file().remove(section, key);
  } else {
    if (call.targets().size() < 3) throw DvcUsageError("the following arguments are required: value");
    edit.file().set(section, key,
                    key == "url" ? stored_path(call, edit.directory(), call.targets()[2]) : call.targets()[2]);
  }
  edit.save();
  return 0;
}

int remote_rename(DvcCall& call) {
  Edit edit(call);
  const std::string& from = call.targets()[0];
  const std::string& to = call.targets()[1];
  require_remote(edit, from);
  if (edit.file().has_section(data::remote_section(to))) {
    config_error(fmt::format("Rename failed. Remote name '{}' already exists.", to));
  }
  for (const ConfigFile::Section& section : std::vector(edit.file().sections())) {
    if (section.name != data::remote_section(from)) continue;
    for (const auto& [key, value] : section.values) edit.file().set(data::remote_section(to), key, value);
  }
  edit.file().remove_section(data::remote_section(from));
  const std::string* standard = edit.file().find("core", "remote");
  if (standard != nullptr && *standard == from) edit.file().set("core", "remote", to);
  edit.save();
  return 0;
}

// `remote.NAME.KEY` -> section `remote "NAME"` and key; `core.autostage` -> both parts.
std::pair<std::string, std::string> split_name(const std::string& name) {
  size_t last = name.rfind('.');
  if (last == std::string::npos || last == 0)
    throw DvcUsageError(
        "argument name: name argument should look like remote.name.option or db.name.option or section.option");
  std::string section = name.substr(0, last);
  std::string key = to_lower(name.substr(last + 1));
  size_t dot = section.find('.');
  if (dot != std::string::npos) section = fmt::format("{} \"{}\"", section.substr(0, dot), section.substr(dot + 1));
  return {section, key};
}

void list_config(const DvcCall& call, const data::Repository& repository) {
  for (ConfigLevel level : {ConfigLevel::system, ConfigLevel::global, ConfigLevel::repository, ConfigLevel::local}) {
    bool any_chosen = call.has("global") || call.has("system") || call.has("local") || call.has("project");
    if (any_chosen && level != level_of(call)) continue;
    for (const auto& section : repository.config().file(level).sections()) {
      std::string name = section.name;
      std::optional<std::string> remote = data::remote_of_section(name);
      if (remote) name = "remote." + *remote;
      for (const auto& [key, value] : section.values) {
        bool is_directory = remote && key == "url" && value.find("://") == std::string::npos;
        call.say(fmt::format("{}.{}={}", name, key,
                             is_directory ? repository.config().path(section.name, key)->string() : value));
      }
    }
  }
}

int config(DvcCall& call) {
  if (call.has("list")) {
    list_config(call, data::Repository::open(call.cwd));
    return 0;
  }
  if (call.targets().empty()) throw DvcUsageError("the following arguments are required: name");
  auto [section, key] = split_name(call.targets()[0]);
  Edit edit(call);
  if (call.has("unset")) {
    if (!edit.file().remove(section, key))
      config_error(fmt::format("option '{}' doesn't exist in section '{}'", key, section));
    edit.save();
    return 0;
  }
  if (call.targets().size() == 1) {
    if (std::optional<std::string> value = edit.repository().config().find(section, key)) {
      call.say(*value);
      return 0;
    }
    ConfigFile probe;
    probe.set(section, key, "x");
    if (!section.starts_with("remote ")) probe.validate();
    return 0;
  }
  bool is_path = (section == "cache" && key == "dir") || (section.starts_with("remote ") && key == "url");
  edit.file().set(section, key, is_path ? stored_path(call, edit.directory(), call.targets()[1]) : call.targets()[1]);
  edit.save();
  return 0;
}

int cache_dir(DvcCall& call) {
  Edit edit(call);
  if (call.has("unset")) {
    edit.file().remove("cache", "dir");
  } else if (call.targets().empty()) {
    call.say(fs::path(edit.repository().config().path("cache", "dir").value_or(edit.repository().dvc_dir() / "cache"))
                 .string());
    return 0;
  } else {
    edit.file().set("cache", "dir", stored_path(call, edit.directory(), call.targets()[0]));
  }
  edit.save();
  return 0;
}

}  // namespace

std::vector<DvcVerb> config_verbs() {
  return {
      {.name = "remote add",
       .summary = "Name a place to push data to.",
       .usage = "[-d] [-f] [--local|--global|--system] name url",
       .examples = "fettle remote add -d origin /mnt/data/flights",
       .options = with_levels({{"default", 'd'}, {"force", 'f'}}),
       .handler = remote_add,
       .failure_exit = 1,
       .least_positional = 2,
       .positional_name = "name, url"},
      {.name = "remote list",
       .summary = "List the remotes.",
       .usage = "",
       .examples = "fettle remote list",
       .options = with_levels({}),
       .handler = remote_list,
       .failure_exit = 1},
      {.name = "remote default",
       .summary = "Show or set the default remote.",
       .usage = "[-u] [name]",
       .examples = "fettle remote default origin",
       .options = with_levels({{"unset", 'u'}}),
       .handler = remote_default,
       .failure_exit = 1},
      {.name = "remote modify",
       .summary = "Change an option of a remote.",
       .usage = "[-u] name option [value]",
       .examples = "fettle remote modify origin url /mnt/other",
       .options = with_levels({{"unset", 'u'}}),
       .handler = remote_modify,
       .failure_exit = 1,
       .least_positional = 2,
       .positional_name = "name, option"},
      {.name = "remote remove",
       .summary = "Forget a remote.",
       .usage = "name",
       .examples = "fettle remote remove backup",
       .options = with_levels({}),
       .handler = remote_remove,
       .failure_exit = 1,
       .least_positional = 1,
       .positional_name = "name"},
      {.name = "remote rename",
       .summary = "Rename a remote.",
       .usage = "name new",
       .examples = "fettle remote rename origin main",
       .options = with_levels({}),
       .handler = remote_rename,
       .failure_exit = 1,
       .least_positional = 2,
       .positional_name = "remote, new"},
      {.name = "config",
       .summary = "Get or set a configuration value.",
       .usage = "[-u] [-l] [--local|--global|--system] name [value]",
       .examples = "fettle config core.autostage true\nfettle config cache.type hardlink,copy\nfettle config -l",
       .options = with_levels({{"unset", 'u'}, {"list", 'l'}, {"show-origin"}}),
       .handler = config,
       .failure_exit = 1},
      {.name = "cache dir",
       .summary = "Show or set the cache directory.",
       .usage = "[-u] [directory]",
       .examples = "fettle cache dir /mnt/big/cache",
       .options = with_levels({{"unset", 'u'}}),
       .handler = cache_dir,
       .failure_exit = 1},
  };
}

}  // namespace fettle::cli
