#include "app/config.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time_text.h"
#include "json/json.h"
#include "yaml/yaml.h"

namespace fettle::app {
namespace {

int64_t to_int(const std::string& value, int64_t low, int64_t high) {
  auto number = parse_int(value);
  if (!number || *number < low || *number > high) {
    fail(Code::failed_precondition, "'{}': expected an integer from {} to {}", value, low, high);
  }
  return *number;
}

bool to_bool(const std::string& value) {
  std::string text = to_lower(value);
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no") return false;
  fail(Code::failed_precondition, "'{}': expected true or false", value);
}

void set_address(std::string& host, int& port, const std::string& value) {
  size_t colon = value.rfind(':');
  if (colon == std::string::npos) fail(Code::failed_precondition, "'{}': expected HOST:PORT", value);
  host = value.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "127.0.0.1";
  port = static_cast<int>(to_int(value.substr(colon + 1), 0, 65535));
}

std::string address(const std::string& host, int port) { return fmt::format("{}:{}", host, port); }

LogLevel to_level(const std::string& value) {
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"debug", LogLevel::debug},
                                                               {"info", LogLevel::info},
                                                               {"warn", LogLevel::warn},
                                                               {"error", LogLevel::error},
                                                               {"off", LogLevel::off}};
  for (const auto& [name, level] : kLevels) {
    if (name == value) return level;
  }
  fail(Code::failed_precondition, "'{}': expected debug, info, warn, error or off", value);
}

std::string level_text(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error", "off"};
  return std::string(kNames[static_cast<size_t>(level)]);
}

void set_control_mode(Config& config, const std::string& value) {
  if (value != "none" && value != "poll" && value != "explicit") {
    fail(Code::failed_precondition, "'{}': expected none, poll or explicit", value);
  }
  config.model_control_mode = value;
}

void set_log_format(Config& config, const std::string& value) {
  if (value != "text" && value != "json") fail(Code::failed_precondition, "'{}': expected text or json", value);
  config.log.format = value == "json" ? LogFormat::json : LogFormat::text;
}

constexpr int64_t kDayMs = 86'400'000;

using C = Config;
using S = const std::string&;
const Key kKeys[] = {
    {"server.data_dir", "directory of the database, artifacts and logs; made when it does not exist",
     [](C& c, S v) { c.data_dir = v; }, [](const C& c) { return c.data_dir.string(); }},
    {"server.http", "HOST:PORT of all HTTP surfaces; port 0 picks a free one",
     [](C& c, S v) { set_address(c.http_host, c.http_port, v); },
     [](const C& c) { return address(c.http_host, c.http_port); }},
    {"server.grpc", "HOST:PORT of gRPC inference; port 0 picks a free one",
     [](C& c, S v) { set_address(c.grpc_host, c.grpc_port, v); },
     [](const C& c) { return address(c.grpc_host, c.grpc_port); }},
    {"server.database", "sqlite:///PATH; empty: fettle.db in the data directory", [](C& c, S v) { c.database = v; },
     [](const C& c) { return c.database; }},
    {"server.drain_timeout_ms", "how long requests in flight may take after SIGTERM, milliseconds",
     [](C& c, S v) { c.drain_timeout_ms = to_int(v, 0, kDayMs); },
     [](const C& c) { return std::to_string(c.drain_timeout_ms); }},
    {"server.allow_anonymous", "serve beyond loopback although nobody has to authenticate",
     [](C& c, S v) { c.allow_anonymous = to_bool(v); },
     [](const C& c) { return std::string(c.allow_anonymous ? "true" : "false"); }},
    {"http.loops", "event loops; 0: one a core", [](C& c, S v) { c.http_loops = to_int(v, 0, 1024); },
     [](const C& c) { return std::to_string(c.http_loops); }},
    {"http.pool_threads", "threads for requests that touch disk or database",
     [](C& c, S v) { c.http_pool_threads = to_int(v, 1, 1024); },
     [](const C& c) { return std::to_string(c.http_pool_threads); }},
    {"http.body_limit_bytes", "largest body of a request that is read whole, bytes",
     [](C& c, S v) { c.http_body_limit_bytes = to_int(v, 1024, int64_t{4} << 30); },
     [](const C& c) { return std::to_string(c.http_body_limit_bytes); }},
    {"serving.server_name", "the name in /v2; Triton's own samples expect triton", [](C& c, S v) { c.server_name = v; },
     [](const C& c) { return c.server_name; }},
    {"serving.model_repository", "directory in Triton's layout, NAME/VERSION/model.onnx",
     [](C& c, S v) { c.model_repository = v; }, [](const C& c) { return c.model_repository.string(); }},
    {"serving.model_control_mode", "none, poll or explicit", set_control_mode,
     [](const C& c) { return c.model_control_mode; }},
    {"serving.repository_poll_ms", "how often poll looks, milliseconds",
     [](C& c, S v) { c.repository_poll_ms = to_int(v, 100, kDayMs); },
     [](const C& c) { return std::to_string(c.repository_poll_ms); }},
    {"serving.onnxruntime_library", "path of libonnxruntime.so", [](C& c, S v) { c.onnxruntime_library = v; },
     [](const C& c) { return c.onnxruntime_library; }},
    {"serving.threads", "model runs at one moment; 0: one a core",
     [](C& c, S v) { c.serving_threads = to_int(v, 0, 4096); },
     [](const C& c) { return std::to_string(c.serving_threads); }},
    {"jobs.workers", "jobs at a time", [](C& c, S v) { c.jobs_workers = to_int(v, 1, 1024); },
     [](const C& c) { return std::to_string(c.jobs_workers); }},
    {"retraining.interval_ms", "how often policies are considered, milliseconds",
     [](C& c, S v) { c.retraining_interval_ms = to_int(v, 10, kDayMs); },
     [](const C& c) { return std::to_string(c.retraining_interval_ms); }},
    {"monitoring.flush_ms", "a prediction is durable after at most so many milliseconds",
     [](C& c, S v) { c.monitoring_flush_ms = to_int(v, 1, 60'000); },
     [](const C& c) { return std::to_string(c.monitoring_flush_ms); }},
    {"blob.gc_grace_ms", "garbage collection spares younger content, milliseconds",
     [](C& c, S v) { c.gc_grace_ms = to_int(v, 0, 365 * kDayMs); },
     [](const C& c) { return std::to_string(c.gc_grace_ms); }},
    {"log.level", "debug, info, warn, error or off", [](C& c, S v) { c.log.level = to_level(v); },
     [](const C& c) { return level_text(c.log.level); }},
    {"log.format", "text or json", set_log_format,
     [](const C& c) { return std::string(c.log.format == LogFormat::json ? "json" : "text"); }},
};

// Options of `fettle server` that are keys, and mlflow server's own that people have in scripts.
struct Option {
  std::string_view name;
  std::string_view key;  // empty: handled by name
  bool takes_value = true;
};
constexpr Option kOptions[] = {
    {"--data-dir", "server.data_dir"},
    {"--http", "server.http"},
    {"--grpc", "server.grpc"},
    {"--config", ""},
    {"--database", "server.database"},
    {"--model-repository", "serving.model_repository"},
    {"--model-control-mode", "serving.model_control_mode"},
    {"--repository-poll-secs", ""},
    {"--load-model", ""},
    {"--allow-anonymous", "server.allow_anonymous", false},
    {"--host", ""},
    {"-h", ""},
    {"--port", ""},
    {"-p", ""},
    {"--backend-store-uri", "server.database"},
    {"--workers", ""},
    {"-w", ""},
    {"--serve-artifacts", "", false},
};

class Loader {
 public:
  explicit Loader(LoadedConfig& loaded) : loaded_(loaded) {
    for (const auto& key : kKeys) loaded_.origins[std::string(key.name)] = "default";
  }

  void set(std::string_view name, const std::string& value, const std::string& origin, std::string_view said_as) {
    const Key* key = find(name);
    try {
      key->set(loaded_.config, value);
    } catch (const Failure& failure) {
      fail(Code::failed_precondition, "{}: {}", said_as, failure.what());
    }
    loaded_.origins[std::string(name)] = origin;
  }

  void read_file(const std::string& path) {
    json::Value document;
    try {
      document = yaml::parse(fettle::read_file(path));
    } catch (const Failure& failure) {
      fail(Code::failed_precondition, "configuration file '{}': {}", path, failure.what());
    }
    if (document.is_null()) return;
    if (!document.is_object())
      fail(Code::failed_precondition, "configuration file '{}': expected sections with keys", path);
    for (const auto& section : document.get_object()) {
      if (!section.value().is_object()) {
        fail(Code::failed_precondition, "configuration file '{}': section '{}' holds no keys", path,
             std::string_view(section.key()));
      }
      for (const auto& item : section.value().get_object()) {
        std::string name = fmt::format("{}.{}", std::string_view(section.key()), std::string_view(item.key()));
        if (find(name) == nullptr) unknown(name, path);
        const json::Value& value = item.value();
        set(name, value.is_string() ? std::string(value.get_string()) : json::format(value), "file",
            fmt::format("{}: {}", path, name));
      }
    }
  }

  void read_environment(const std::map<std::string, std::string>& environment) {
    for (const auto& key : kKeys) {
      auto found = environment.find(variable(key.name));
      if (found != environment.end()) set(key.name, found->second, "environment", found->first);
    }
    if (auto found = environment.find("FETTLE_ONNXRUNTIME"); found != environment.end()) {
      set("serving.onnxruntime_library", found->second, "environment", found->first);
    }
  }

  void read_options(std::span<const std::string> arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      std::string name = arguments[i];
      std::optional<std::string> value;
      if (size_t equals = name.find('='); name.starts_with("--") && equals != std::string::npos) {
        value = name.substr(equals + 1);
        name = name.substr(0, equals);
      }
      const Option& option = find_option(name);
      if (option.takes_value && !value) {
        if (i + 1 == arguments.size()) fail(Code::invalid_argument, "option '{}' needs a value", name);
        value = arguments[++i];
      }
      read_option(option, value.value_or("true"));
    }
  }

 private:
  static const Key* find(std::string_view name) {
    for (const auto& key : kKeys) {
      if (key.name == name) return &key;
    }
    return nullptr;
  }

  static std::string variable(std::string_view key) {
    std::string name = "FETTLE_";
    for (char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return name;
  }

  [[noreturn]] static void unknown(const std::string& name, const std::string& path) {
    std::vector<std::string> names;
    for (const auto& key : kKeys) names.emplace_back(key.name);
    auto close = nearest(name, names);
    fail(Code::failed_precondition, "configuration file '{}': unknown key '{}'{}", path, name,
         close ? fmt::format(", did you mean '{}'?", *close) : "");
  }

  static const Option& find_option(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& option : kOptions) {
      if (option.name == name) return option;
      names.emplace_back(option.name);
    }
    auto close = nearest(name, names);
    fail(Code::invalid_argument, "fettle server: unknown option '{}'{}", name,
         close ? fmt::format(", did you mean '{}'?", *close) : "");
  }

  // Two options that set the same thing to different values can never both be meant.
  void set_once(std::string_view key, const std::string& value, std::string_view option) {
    auto [said, is_new] = said_.emplace(key, std::pair(value, std::string(option)));
    if (!is_new && said->second.first != value) {
      fail(Code::failed_precondition, "{} {} and {} {} disagree", said->second.second, said->second.first, option,
           value);
    }
    set(key, value, "option", option);
  }

  void read_option(const Option& option, const std::string& value) {
    if (!option.key.empty()) return set_once(option.key, value, option.name);
    Config& config = loaded_.config;
    if (option.name == "--load-model") {
      config.load_models.push_back(value);
    } else if (option.name == "--repository-poll-secs") {
      set_once("serving.repository_poll_ms", std::to_string(to_int(value, 1, 86'400) * 1000), option.name);
    } else if (option.name == "--host" || option.name == "-h") {
      host_ = value;
    } else if (option.name == "--port" || option.name == "-p") {
      port_ = value;
    }
  }

 public:
  // mlflow's --host and --port together are one address.
  void finish_options() {
    if (!host_ && !port_) return;
    const Config& config = loaded_.config;
    set_once("server.http",
             address(host_.value_or(config.http_host),
                     static_cast<int>(port_ ? to_int(*port_, 0, 65535) : config.http_port)),
             "--host/--port");
  }

 private:
  LoadedConfig& loaded_;
  std::map<std::string, std::pair<std::string, std::string>, std::less<>> said_;
  std::optional<std::string> host_;
  std::optional<std::string> port_;
};

std::optional<std::string> config_path(std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  return std::nullopt;
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

LoadedConfig load_config(std::span<const std::string> arguments,
                         const std::map<std::string, std::string>& environment) {
  LoadedConfig loaded;
  Loader loader(loaded);
  if (auto path = config_path(arguments)) loader.read_file(*path);
  loader.read_environment(environment);
  loader.read_options(arguments);
  loader.finish_options();
  return loaded;
}

bool is_loopback(std::string_view host) {
  bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "::1" || (is_ipv4 && host.starts_with("127."));
}

}  // namespace fettle::app
