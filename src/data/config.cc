#include "data/config.h"

#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "data/failures.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void config_error(std::string message) {
  throw ConfigFailure(Error{Code::invalid_argument, "configuration error - config file error: " + std::move(message)});
}

// The keys that DVC's schema knows, a section a line; a name with a quote stands for all named sections of that kind.
struct Keys {
  std::string_view section;
  std::string_view keys;
};
constexpr Keys kSchema[] = {
    {"core",
     "remote checksum_jobs interactive analytics hardlink_lock no_scm autostage check_update site_cache_dir machine "
     "experiments"},
    {"cache", "dir type shared slow_link_warning verify protected local s3 gs hdfs webhdfs ssh azure"},
    {"remote \"",
     "url jobs checksum_jobs worktree version_aware no_traverse type shared slow_link_warning verify protected region "
     "profile "
     "credentialpath configpath endpointurl access_key_id secret_access_key session_token use_ssl ssl_verify "
     "allow_anonymous_login sse sse_kms_key_id sse_customer_algorithm sse_customer_key acl grant_read grant_read_acp "
     "grant_write_acp grant_full_control cache_regions read_timeout connect_timeout listobjects projectname port user "
     "password "
     "ask_password passphrase ask_passphrase keyfile timeout gss_auth allow_agent max_sessions auth custom_auth_header "
     "method "
     "connection_string sas_token account_name account_key tenant_id client_id client_secret "
     "exclude_environment_credential "
     "exclude_visual_studio_code_credential exclude_shared_token_cache_credential exclude_managed_identity_credential "
     "connection_timeout kerb_ticket kerberos kerberos_principal proxy_to use_https webhdfs_token data_proxy_target "
     "oss_key_id "
     "oss_key_secret oss_endpoint gdrive_use_service_account gdrive_client_id gdrive_client_secret "
     "gdrive_service_account_json_file_path gdrive_service_account_user_email gdrive_user_credentials_file "
     "gdrive_acknowledge_abuse gdrive_trash_only cert_path key_path token bearer_token_command"},
    {"state", "dir row_limit row_cleanup_quota"},
    {"index", "dir"},
    {"machine \"", "*"},
    {"feature", "*"},
    {"plots", "html_template auto_open out_dir"},
    {"exp", "code data models metrics params plots live auto_push git_remote"},
    {"parsing", "bool list"},
    {"hydra", "enabled config_dir config_module config_name plugins_path"},
    {"studio", "token url repo_url offline"},
    {"db \"", "url username password"},
};

bool has_word(std::string_view words, std::string_view word) {
  for (std::string_view each : split(words, ' ')) {
    if (each == word) return true;
  }
  return false;
}

const Keys* schema_of(std::string_view section) {
  for (const Keys& keys : kSchema) {
    bool named = keys.section.ends_with('"');
    if (named ? section.starts_with(keys.section) && section.size() > keys.section.size() + 1 : section == keys.section)
      return &keys;
  }
  return nullptr;
}

std::string unquote(std::string_view text) {
  if (text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0]) {
    return std::string(text.substr(1, text.size() - 2));
  }
  return std::string(text);
}

// A `#` after a blank begins a comment, outside quotes.
std::string_view without_comment(std::string_view text) {
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if ((text[i] == '\'' || text[i] == '"') && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '=')) {
      quote = text[i];
    } else if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) {
      return trim(text.substr(0, i));
    }
  }
  return trim(text);
}

std::string quoted_value(const std::string& value) {
  bool quote = value.empty() || value.find_first_of(",#") != std::string::npos || value.front() == ' ' ||
               value.back() == ' ' || value.front() == '\'' || value.front() == '"';
  if (!quote) return value;
  return value.find('"') == std::string::npos ? "\"" + value + "\"" : "'" + value + "'";
}

fs::path home() {
  const char* value = std::getenv("HOME");
  return value != nullptr ? fs::path(value) : fs::path("/");
}

fs::path expand_user(const std::string& text) {
  if (text == "~") return home();
  if (text.starts_with("~/")) return home() / text.substr(2);
  return text;
}

bool is_path(std::string_view url) { return url.find("://") == std::string_view::npos; }

}  // namespace

std::string remote_section(std::string_view name) { return fmt::format("remote \"{}\"", name); }

std::optional<std::string> remote_of_section(std::string_view section) {
  if (!section.starts_with("remote \"") || !section.ends_with('"') || section.size() < 10) return std::nullopt;
  return std::string(section.substr(8, section.size() - 9));
}

ConfigFile ConfigFile::parse(std::string_view text) {
  ConfigFile file;
  size_t number = 0;
  for (std::string_view raw : split(text, '\n')) {
    ++number;
    std::string_view line = trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      line = without_comment(line);
      if (!line.ends_with(']')) {
        config_error(fmt::format("Invalid line ({}) (matched as neither section nor keyword) at line {}.",
                                 "'" + std::string(line) + "'", number));
      }
      std::string name = unquote(trim(line.substr(1, line.size() - 2)));
      if (file.has_section(name)) config_error(fmt::format("Duplicate section name at line {}.", number));
      file.sections_.push_back({name, {}});
      continue;
    }
    size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0 || file.sections_.empty()) {
      config_error(
          fmt::format("Invalid line ('{}') (matched as neither section nor keyword) at line {}.", line, number));
    }
    std::string key = to_lower(unquote(trim(line.substr(0, equals))));
    std::string value = unquote(without_comment(trim(line.substr(equals + 1))));
    file.sections_.back().values.emplace_back(std::move(key), std::move(value));
  }
  return file;
}

std::string ConfigFile::format() const {
  std::string out;
  for (const Section& section : sections_) {
    bool quote = section.name.find('"') != std::string::npos;
    out += quote ? "['" + section.name + "']\n" : "[" + section.name + "]\n";
    for (const auto& [key, value] : section.values) out += fmt::format("    {} = {}\n", key, quoted_value(value));
  }
  return out;
}

bool ConfigFile::has_section(std::string_view name) const {
  return std::any_of(sections_.begin(), sections_.end(), [&](const Section& s) { return s.name == name; });
}

const std::string* ConfigFile::find(std::string_view section, std::string_view key) const {
  for (const Section& each : sections_) {
    if (each.name != section) continue;
    for (const auto& [name, value] : each.values) {
      if (name == key) return &value;
    }
  }
  return nullptr;
}

void ConfigFile::set(const std::string& section, const std::string& key, const std::string& value) {
  for (Section& each : sections_) {
    if (each.name != section) continue;
    for (auto& [name, old] : each.values) {
      if (name == key) {
        old = value;
        return;
      }
    }
    each.values.emplace_back(key, value);
    return;
  }
  // Plain sections stand before named ones, as DVC writes them.
  auto at = sections_.end();
  if (section.find('"') == std::string::npos) {
    at = std::find_if(sections_.begin(), sections_.end(),
                      [](const Section& s) { return s.name.find('"') != std::string::npos; });
  }
  sections_.insert(at, Section{section, {{key, value}}});
}

bool ConfigFile::remove(std::string_view section, std::string_view key) {
  for (Section& each : sections_) {
    if (each.name != section) continue;
    size_t before = each.values.size();
    std::erase_if(each.values, [&](const auto& entry) { return entry.first == key; });
    bool removed = each.values.size() != before;
    if (each.values.empty()) remove_section(section);
    return removed;
  }
  return false;
}

bool ConfigFile::remove_section(std::string_view section) {
  return std::erase_if(sections_, [&](const Section& each) { return each.name == section; }) > 0;
}

void ConfigFile::validate() const {
  for (const Section& section : sections_) {
    const Keys* keys = schema_of(section.name);
    if (keys == nullptr) config_error(fmt::format("extra keys not allowed @ data['{}']", section.name));
    std::optional<std::string> remote = remote_of_section(section.name);
    for (const auto& [key, value] : section.values) {
      if (keys->keys != "*" && !has_word(keys->keys, key)) {
        if (remote) config_error(fmt::format("extra keys not allowed @ data['remote']['{}']['{}']", *remote, key));
        config_error(fmt::format("extra keys not allowed @ data['{}']['{}']", section.name, key));
      }
    }
    if (remote && find(section.name, "url") == nullptr)
      config_error(fmt::format("required key not provided @ data['remote']['{}']['url']", *remote));
  }
}

fs::path Config::path_of(ConfigLevel level, const fs::path& dvc_dir) {
  const char* variable = nullptr;
  switch (level) {
    case ConfigLevel::system:
      variable = std::getenv("DVC_SYSTEM_CONFIG_DIR");
      return (variable != nullptr ? fs::path(variable) : fs::path("/etc/xdg/dvc")) / "config";
    case ConfigLevel::global:
      variable = std::getenv("DVC_GLOBAL_CONFIG_DIR");
      if (variable != nullptr) return fs::path(variable) / "config";
      variable = std::getenv("XDG_CONFIG_HOME");
      return (variable != nullptr && *variable != '\0' ? fs::path(variable) : home() / ".config") / "dvc" / "config";
    case ConfigLevel::repository: return dvc_dir / "config";
    case ConfigLevel::local: return dvc_dir / "config.local";
  }
  return {};
}

Config Config::load(const fs::path& dvc_dir) {
  Config config;
  for (size_t i = 0; i < 4; ++i) {
    fs::path path = path_of(static_cast<ConfigLevel>(i), dvc_dir);
    config.directories_[i] = path.parent_path();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    config.files_[i] = ConfigFile::parse(read_file(path, uint64_t{1} << 20));
    config.files_[i].validate();
  }
  return config;
}

std::optional<std::string> Config::find(std::string_view section, std::string_view key) const {
  for (size_t i = 4; i-- > 0;) {
    if (const std::string* value = files_[i].find(section, key)) return *value;
  }
  return std::nullopt;
}

std::string Config::get_or(std::string_view section, std::string_view key, std::string fallback) const {
  return find(section, key).value_or(std::move(fallback));
}

bool Config::flag(std::string_view section, std::string_view key) const {
  std::optional<std::string> value = find(section, key);
  return value && iequals(*value, "true");
}

std::vector<std::string> Config::list(std::string_view section, std::string_view key) const {
  std::vector<std::string> out;
  std::optional<std::string> value = find(section, key);
  if (!value) return out;
  for (std::string_view part : split(*value, ',')) out.emplace_back(trim(part));
  return out;
}

std::optional<fs::path> Config::path(std::string_view section, std::string_view key) const {
  for (size_t i = 4; i-- > 0;) {
    const std::string* value = files_[i].find(section, key);
    if (value == nullptr) continue;
    fs::path path = expand_user(*value);
    return (path.is_absolute() ? path : directories_[i] / path).lexically_normal();
  }
  return std::nullopt;
}

Config::Remote Config::make_remote(const std::string& name) const {
  Remote remote;
  remote.name = name;
  remote.url = get_or(remote_section(name), "url", "");
  if (is_path(remote.url)) {
    remote.directory = *path(remote_section(name), "url");
  } else if (remote.url.starts_with("file://")) {
    remote.directory = remote.url.substr(7);
  }
  return remote;
}

std::vector<Config::Remote> Config::remotes() const {
  std::vector<Remote> out;
  for (const ConfigFile& file : files_) {
    for (const ConfigFile::Section& section : file.sections()) {
      std::optional<std::string> name = remote_of_section(section.name);
      bool known = name && std::any_of(out.begin(), out.end(), [&](const Remote& r) { return r.name == *name; });
      if (name && !known) out.push_back(make_remote(*name));
    }
  }
  return out;
}

Config::Remote Config::remote(const std::string& name) const {
  if (!find(remote_section(name), "url")) {
    throw ConfigFailure(Error{Code::not_found, fmt::format("config file error: remote '{}' doesn't exist", name)});
  }
  return make_remote(name);
}

}  // namespace fettle::data
