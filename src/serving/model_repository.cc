#include "serving/model_repository.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace fettle::serving {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kConfigLimitBytes = 1 << 20;

bool is_model_name(std::string_view name) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::ranges::all_of(name, plain);
}

std::optional<int64_t> version_number(std::string_view directory) {
  if (directory.empty() || directory[0] == '0') return std::nullopt;
  if (!std::ranges::all_of(directory, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return parse_int(directory);
}

PbtxtConfig read_config(const fs::path& directory) {
  const fs::path file = directory / "config.pbtxt";
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  return parse_config_pbtxt(read_file(file, kConfigLimitBytes));
}

}  // namespace

std::optional<ControlMode> parse_control_mode(std::string_view text) {
  if (text == "none") return ControlMode::none;
  if (text == "explicit") return ControlMode::explicit_;
  if (text == "poll") return ControlMode::poll;
  return std::nullopt;
}

std::vector<std::string> versions_to_serve(const fs::path& model_directory, const PbtxtConfig& config) {
  std::vector<int64_t> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(model_directory, error)) {
    const auto number = version_number(entry.path().filename().string());
    if (number && fs::is_regular_file(entry.path() / config.model_filename, error)) found.push_back(*number);
  }
  std::ranges::sort(found);
  const VersionPolicy& policy = config.versions;
  if (policy.kind == VersionPolicy::Kind::latest && static_cast<int64_t>(found.size()) > policy.count) {
    found.erase(found.begin(), found.end() - policy.count);
  }
  if (policy.kind == VersionPolicy::Kind::specific) {
    std::erase_if(
        found, [&](int64_t version) { return std::ranges::find(policy.versions, version) == policy.versions.end(); });
  }
  std::vector<std::string> versions;
  for (int64_t version : found) versions.push_back(std::to_string(version));
  return versions;
}

ModelRepository::ModelRepository(ModelRepositoryConfig config, Runtime& runtime)
    : config_(std::move(config)), runtime_(runtime) {
  std::error_code error;
  if (!fs::is_directory(config_.directory, error)) {
    fail(Code::not_found, "model repository '{}' is not a directory; make it, or name another with --model-repository",
         config_.directory);
  }
}

ModelRepository::~ModelRepository() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
}

std::vector<std::string> ModelRepository::names() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(config_.directory, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error) && is_model_name(name)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

// Times and sizes of everything below the model's directory, which is shallow.
ModelRepository::Fingerprint ModelRepository::fingerprint_of(const std::string& name) const {
  std::vector<std::string> lines;
  std::error_code error;
  for (fs::recursive_directory_iterator at(fs::path(config_.directory) / name, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    lines.push_back(fmt::format("{}:{}:{}", at->path().string(), at->file_size(error),
                                at->last_write_time(error).time_since_epoch().count()));
  }
  std::ranges::sort(lines);
  return join(lines, "\n");
}

void ModelRepository::start() {
  std::vector<std::string> wanted = config_.load_at_start;
  if (config_.mode != ControlMode::explicit_ || std::ranges::find(wanted, "*") != wanted.end()) wanted = names();
  {
    std::lock_guard commands(command_mutex_);
    for (const std::string& name : wanted) try_load(name);
  }
  if (config_.mode == ControlMode::poll) {
    poller_ = std::jthread([this] {
      name_thread("model-poll");
      poll_loop();
    });
  }
}

void ModelRepository::load_versions(const std::string& name) {
  const fs::path directory = fs::path(config_.directory) / name;
  std::error_code error;
  if (!fs::is_directory(directory, error)) fail(Code::invalid_argument, "not found in the repository");
  const PbtxtConfig config = read_config(directory);
  if (!config.name.empty() && config.name != name) {
    fail(Code::invalid_argument, "config: name '{}' must equal the directory's name '{}'", config.name, name);
  }
  const std::vector<std::string> versions = versions_to_serve(directory, config);
  if (versions.empty()) fail(Code::invalid_argument, "no version directory holds '{}'", config.model_filename);
  for (const std::string& version : versions) {
    runtime_.load({.name = name,
                   .version = version,
                   .file = (directory / version / config.model_filename).string(),
                   .batching = config.batching});
  }
  for (const ModelStatus& status : runtime_.models()) {
    const bool stays = std::ranges::find(versions, status.version) != versions.end();
    if (status.name == name && status.state == "READY" && !stays) runtime_.unload(name, status.version);
  }
}

void ModelRepository::try_load(const std::string& name) {
  Known now{.fingerprint = fingerprint_of(name), .should_serve = true};
  try {
    load_versions(name);
  } catch (const Failure& failure) {
    now.failure = failure.error().message;
    log_warn("a model of the repository was not loaded", {{"model", name}, {"reason", now.failure}});
  }
  std::lock_guard lock(mutex_);
  known_[name] = std::move(now);
}

void ModelRepository::load(std::string_view name) {
  if (!is_model_name(name)) fail(Code::invalid_argument, "failed to load '{}', not found in the repository", name);
  std::lock_guard commands(command_mutex_);
  try_load(std::string(name));
  std::lock_guard lock(mutex_);
  Known& known = known_.find(name)->second;
  if (known.failure.empty()) return;
  const Error error{Code::invalid_argument, fmt::format("failed to load '{}', {}", name, known.failure)};
  // A model that is not in the directory is no model of this repository.
  std::error_code ignored;
  if (!fs::is_directory(fs::path(config_.directory) / name, ignored)) known_.erase(std::string(name));
  fail(error);
}

void ModelRepository::unload(std::string_view name) {
  std::lock_guard commands(command_mutex_);
  const auto all = runtime_.models();
  const bool serves = std::ranges::any_of(
      all, [&](const ModelStatus& status) { return status.name == name && status.state == "READY"; });
  std::error_code error;
  if (!serves && (!is_model_name(name) || !fs::is_directory(fs::path(config_.directory) / name, error))) {
    fail(Code::invalid_argument, "failed to unload '{}', not found in the repository", name);
  }
  if (serves) runtime_.unload(name, {});
  std::lock_guard lock(mutex_);
  known_[std::string(name)] = {};
}

std::vector<ModelStatus> ModelRepository::index() const {
  std::vector<ModelStatus> all = runtime_.models();
  std::set<std::string> seen;
  for (const ModelStatus& status : all) seen.insert(status.name);
  std::lock_guard lock(mutex_);
  for (const std::string& name : names()) {
    if (seen.contains(name)) continue;
    const auto known = known_.find(name);
    const bool failed = known != known_.end() && !known->second.failure.empty();
    all.push_back({.name = name,
                   .version = "",
                   .state = failed ? "UNAVAILABLE" : "",
                   .reason = failed ? known->second.failure : ""});
  }
  std::ranges::stable_sort(all, {}, &ModelStatus::name);
  return all;
}

bool ModelRepository::ready() const {
  std::lock_guard lock(mutex_);
  return std::ranges::none_of(known_, [&](const auto& entry) {
    return entry.second.should_serve && !entry.second.failure.empty() && !runtime_.pin(entry.first, {});
  });
}

void ModelRepository::poll_once() {
  std::lock_guard commands(command_mutex_);
  const std::vector<std::string> present = names();
  for (const std::string& name : present) {
    const Fingerprint fingerprint = fingerprint_of(name);
    const bool changed = [&] {
      std::lock_guard lock(mutex_);
      const auto at = known_.find(name);
      return at == known_.end() || at->second.fingerprint != fingerprint;
    }();
    if (changed) try_load(name);
  }
  std::vector<std::string> gone;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, known] : known_) {
      if (std::ranges::find(present, name) == present.end()) gone.push_back(name);
    }
    for (const std::string& name : gone) known_.erase(name);
  }
  for (const std::string& name : gone) {
    const auto all = runtime_.models();
    if (std::ranges::any_of(all,
                            [&](const ModelStatus& status) { return status.name == name && status.state == "READY"; }))
      runtime_.unload(name, {});
  }
}

void ModelRepository::poll_loop() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::milliseconds(config_.poll_interval_ms), [&] { return stopping_; })) {
    lock.unlock();
    poll_once();
    lock.lock();
  }
}

}  // namespace fettle::serving
