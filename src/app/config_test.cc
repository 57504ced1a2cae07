#include "app/config.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/file.h"

namespace fettle::app {
namespace {

using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

Error error_of(const Arguments& arguments, const Environment& environment = {}) {
  auto outcome = outcome_of([&] { return load_config(arguments, environment); });
  EXPECT_FALSE(outcome) << "expected a failure";
  return outcome ? Error{} : outcome.error();
}

class ConfigFileTest : public ::testing::Test {
 protected:
  // The option that names a file with this text.
  std::string file(std::string_view text) {
    auto path = directory_.path() / "fettle.yaml";
    write_file_atomic(path, text);
    return "--config=" + path.string();
  }
  TemporaryDirectory directory_;
};

TEST(Config, DefaultsNeedNothing) {
  LoadedConfig loaded = load_config({}, {});
  EXPECT_EQ(loaded.config.http_host, "127.0.0.1");
  EXPECT_EQ(loaded.config.http_port, 5000);
  EXPECT_EQ(loaded.config.grpc_port, 8001);
  EXPECT_EQ(loaded.config.data_dir, "fettle-data");
  EXPECT_EQ(loaded.origins.size(), keys().size());
  for (const auto& [key, origin] : loaded.origins) EXPECT_EQ(origin, "default") << key;
}

TEST_F(ConfigFileTest, OptionBeatsEnvironmentBeatsFileBeatsDefault) {
  std::string option = file("server:\n  http: 127.0.0.1:1001\n  grpc: 127.0.0.1:1002\njobs:\n  workers: 3\n");
  LoadedConfig loaded =
      load_config(Arguments{option, "--http", "127.0.0.1:3001"},
                  {{"FETTLE_SERVER_HTTP", "127.0.0.1:2001"}, {"FETTLE_SERVER_GRPC", "127.0.0.1:2002"}});
  EXPECT_EQ(loaded.config.http_port, 3001);
  EXPECT_EQ(loaded.config.grpc_port, 2002);
  EXPECT_EQ(loaded.config.jobs_workers, 3);
  EXPECT_EQ(loaded.config.http_pool_threads, 16);
  EXPECT_EQ(loaded.origins["server.http"], "option");
  EXPECT_EQ(loaded.origins["server.grpc"], "environment");
  EXPECT_EQ(loaded.origins["jobs.workers"], "file");
  EXPECT_EQ(loaded.origins["http.pool_threads"], "default");
}

TEST_F(ConfigFileTest, UnknownKeysAreErrorsWithTheNearestSpelling) {
  Error error = error_of({file("server:\n  htp: 127.0.0.1:1\n")});
  EXPECT_EQ(error.code, Code::failed_precondition);
  EXPECT_NE(error.message.find("unknown key 'server.htp', did you mean 'server.http'?"), std::string::npos)
      << error.message;
  EXPECT_NE(error_of({file("servers:\n  http: x\n")}).message.find("unknown key"), std::string::npos);
}

TEST_F(ConfigFileTest, AFileThatIsNoConfigurationIsNamed) {
  for (std::string_view text : {"- a\n", "server: 1\n", "server: [\n", "just text\n"}) {
    Error error = error_of({file(text)});
    EXPECT_EQ(error.code, Code::failed_precondition) << text;
    EXPECT_NE(error.message.find("fettle.yaml"), std::string::npos) << error.message;
  }
  EXPECT_EQ(error_of({"--config", "/nonexistent/fettle.yaml"}).code, Code::failed_precondition);
  EXPECT_EQ(load_config(Arguments{file("")}, {}).config.http_port, 5000) << "an empty file sets nothing";
}

TEST_F(ConfigFileTest, ABadValueSaysWhereItStandsAndWhatWasExpected) {
  Error error = error_of({file("jobs:\n  workers: many\n")});
  EXPECT_NE(error.message.find("jobs.workers: 'many': expected an integer from 1 to 1024"), std::string::npos)
      << error.message;
  error = error_of({}, {{"FETTLE_LOG_LEVEL", "loud"}});
  EXPECT_NE(error.message.find("FETTLE_LOG_LEVEL: 'loud': expected debug"), std::string::npos) << error.message;
  for (std::string address : {"5000", "localhost:", "localhost:70000", "localhost:x"})
    EXPECT_EQ(error_of({"--http", address}).code, Code::failed_precondition);
  EXPECT_EQ(error_of({"--model-control-mode", "maybe"}).code, Code::failed_precondition);
  EXPECT_EQ(error_of({"--allow-anonymous=perhaps"}).code, Code::failed_precondition);
}

TEST(Config, UnknownOptionsAndMissingValuesAreUsageErrors) {
  Error error = error_of({"--htpp", "x"});
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_NE(error.message.find("did you mean '--http'?"), std::string::npos) << error.message;
  EXPECT_EQ(error_of({"--http"}).code, Code::invalid_argument);
  EXPECT_EQ(error_of({"--config"}).code, Code::invalid_argument);
  EXPECT_EQ(error_of({"stray"}).code, Code::invalid_argument);
}

TEST(Config, OptionsThatDisagreeAreRefusedAndThoseThatAgreeAreNot) {
  EXPECT_EQ(load_config(Arguments{"--database", "sqlite:///a", "--backend-store-uri=sqlite:///a"}, {}).config.database,
            "sqlite:///a");
  Error error = error_of({"--database", "sqlite:///a", "--backend-store-uri", "sqlite:///b"});
  EXPECT_EQ(error.code, Code::failed_precondition);
  EXPECT_NE(error.message.find("disagree"), std::string::npos);
  EXPECT_EQ(error_of({"--http", "127.0.0.1:1", "--port", "2"}).code, Code::failed_precondition);
}

TEST(Config, TakesWhatPeopleHaveInScriptsForMlflowServer) {
  Config config = load_config(Arguments{"--host", "0.0.0.0", "-p", "8080", "-w", "4", "--serve-artifacts"}, {}).config;
  EXPECT_EQ(config.http_host, "0.0.0.0");
  EXPECT_EQ(config.http_port, 8080);
  EXPECT_EQ(load_config(Arguments{"--port=8080"}, {{"FETTLE_SERVER_HTTP", "127.0.0.2:1"}}).config.http_host,
            "127.0.0.2")
      << "the other half stays";
}

TEST(Config, ReadsTritonsOptions) {
  Config config = load_config(Arguments{"--model-repository", "/m", "--model-control-mode=explicit", "--load-model",
                                        "a", "--load-model=b", "--repository-poll-secs", "3"},
                              {})
                      .config;
  EXPECT_EQ(config.model_repository, "/m");
  EXPECT_EQ(config.load_models, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.repository_poll_ms, 3000);
}

TEST(Config, FettleOnnxruntimeBeatsTheFile) {
  EXPECT_EQ(load_config({}, {{"FETTLE_ONNXRUNTIME", "/o.so"}}).config.onnxruntime_library, "/o.so");
}

TEST(Config, ReadsIpv6Addresses) {
  Config config = load_config(Arguments{"--http", "[::1]:0"}, {}).config;
  EXPECT_EQ(config.http_host, "::1");
  EXPECT_EQ(config.http_port, 0);
}

TEST(Keys, AreUniqueExplainedAndReadBackWhatTheySet) {
  std::set<std::string_view> names;
  Config defaults;
  for (const auto& key : keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.meaning.empty());
    Config config;
    key.set(config, key.get(defaults));
    EXPECT_EQ(key.get(config), key.get(defaults)) << key.name;
  }
}

TEST(Loopback, IsAnAddressNotAName) {
  for (std::string_view host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (std::string_view host : {"0.0.0.0", "::", "10.0.0.1", "127.evil.example", "127.0.0.1.evil.example",
                                "localhost.evil.example", "", "128.0.0.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace fettle::app
