// A directory of models in Triton's layout: NAME/VERSION/model.onnx, with an optional NAME/config.pbtxt.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serving/config_pbtxt_file.h"
#include "serving/runtime.h"

namespace fettle::serving {

// none: everything is loaded at the start and stays; poll: the directory is looked at again and again; explicit_:
// models are loaded and unloaded by command.
enum class ControlMode { none, explicit_, poll };
// "none", "explicit", "poll".
std::optional<ControlMode> parse_control_mode(std::string_view text);

struct ModelRepositoryConfig {
  std::string directory;
  ControlMode mode = ControlMode::none;
  int64_t poll_interval_ms = 15'000;
  std::vector<std::string> load_at_start;  // explicit_ only; "*": all
};

// Thread-safe. `runtime` must outlive it.
class ModelRepository {
 public:
  // not_found when the directory does not exist.
  ModelRepository(ModelRepositoryConfig config, Runtime& runtime);
  ~ModelRepository();
  ModelRepository(const ModelRepository&) = delete;
  ModelRepository& operator=(const ModelRepository&) = delete;

  // Loads what the mode says, and starts polling. A model that fails is logged and stands in the index with its reason.
  // Blocks.
  void start();
  bool takes_commands() const { return config_.mode == ControlMode::explicit_; }

  // Loads the versions that its policy names, or loads them again. Throws `failed to load 'x', <reason>`; what served
  // before still does.
  void load(std::string_view name);
  // Unloads all versions; nothing happens when none is loaded. invalid_argument when the repository has no such model.
  void unload(std::string_view name);
  // All versions that the runtime knows, and, without version and state, the models of the directory that were never
  // loaded.
  std::vector<ModelStatus> index() const;
  // False while a model that should serve failed to load and no earlier version of it serves.
  bool ready() const;

  // Looks at the directory once, and loads, reloads and unloads what changed since. (The poll mode's step.)
  void poll_once();

 private:
  using Fingerprint = std::string;
  struct Known {
    Fingerprint fingerprint;
    std::string failure;  // of the last load; empty: it went well
    bool should_serve = false;
  };

  std::vector<std::string> names() const;
  Fingerprint fingerprint_of(const std::string& name) const;
  void load_versions(const std::string& name);
  void try_load(const std::string& name);
  void poll_loop();

  const ModelRepositoryConfig config_;
  Runtime& runtime_;
  std::mutex command_mutex_;  // one load, unload or poll at a time
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Known, std::less<>> known_;
  bool stopping_ = false;
  std::condition_variable stop_;
  std::jthread poller_;
};

// The version directories to serve, ascending: digits only, not starting with 0, holding the model file. Pure but for
// the directory.
std::vector<std::string> versions_to_serve(const std::filesystem::path& model_directory, const PbtxtConfig& config);

}  // namespace fettle::serving
