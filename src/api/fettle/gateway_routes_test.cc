// Endpoints and rollouts through their handlers, over a runtime of one constant model.
#include <gtest/gtest.h>

#include "api/fettle/endpoints.h"
#include "api/fettle/rollouts.h"
#include "gateway/testing_fakes.h"
#include "json/json.h"
#include "schema/schema.h"
#include "sql/database.h"

namespace fettle::api {
namespace {

class TwoVersions final : public gateway::ModelResolver {
 public:
  std::optional<std::string> resolve(const gateway::ModelRef& ref) override {
    if (ref.alias) return champion;
    return ref.selector == "1" || ref.selector == "2" ? std::optional(ref.selector) : std::nullopt;
  }
  void ensure_loaded(const std::string&, const std::string&) override {}
  std::shared_ptr<const stats::Table> reference(const std::string&, const std::string&, const std::string&) override {
    return nullptr;
  }
  void move_alias(sql::Connection&, const gateway::AliasMove& move) override { champion = move.version; }
  std::string champion = "1";
};

class GatewayRoutes : public ::testing::Test {
 protected:
  GatewayRoutes() : database(sql::Database::open("sqlite://:memory:")) {
    sql::migrate(*database, schema::migrations());
    runtime.add(gateway::testing::flights_model("1"));
    runtime.add(gateway::testing::flights_model("2"));
    router.add(endpoint_routes(gateway, control));
    router.add(rollout_routes(control));
    control.put_endpoint({.name = "flights", .spec = R"({"model": "flights-delay@champion"})", .generation = 7},
                         {.by = "test"});
  }

  http::Response call(std::string method, const std::string& path, const std::string& body = "",
                      http::Headers headers = {}) {
    http::Request request;
    request.method = std::move(method);
    request.path = "/api/fettle/v1" + path;
    request.body = body;
    request.headers = std::move(headers);
    auto match = router.match(request.method, request.path);
    if (match.route == nullptr) return http::Response::text(404, "no route");
    request.params = match.params;
    try {
      return std::get<http::Handler>(match.route->handler)(request);
    } catch (const Failure& failure) {
      return match.route->on_error(failure.error(), request);
    }
  }
  json::Object object(const http::Response& response, int status = 200) {
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body).as_object();
  }
  std::string error(const http::Response& response, int status) {
    return std::string(object(response, status)["error"].as_object()["message"].as_string());
  }

  ManualClock clock;
  std::unique_ptr<sql::Database> database;
  gateway::testing::FakeRuntime runtime;
  metrics::Registry metrics;
  TwoVersions resolver;
  gateway::Gateway gateway{{.runtime = runtime, .metrics = metrics, .clock = clock}};
  gateway::Control control{
      {.database = *database, .clock = clock, .runtime = runtime, .gateway = gateway, .resolver = resolver}};
  http::Router router;
};

TEST_F(GatewayRoutes, ShowsEndpoints) {
  auto endpoint = object(call("GET", "/endpoints/flights"));
  EXPECT_EQ(endpoint["state"].as_string(), "serving");
  EXPECT_EQ(endpoint["model"].as_string(), "flights-delay@champion");
  EXPECT_EQ(endpoint["generation"].as_int64(), 7);
  EXPECT_EQ(endpoint["revision"].as_object()["number"].to_number<int>(), 1);
  EXPECT_EQ(endpoint["traffic"].as_array().size(), 1U);
  EXPECT_TRUE(endpoint["rollout"].is_null());
  EXPECT_EQ(object(call("GET", "/endpoints"))["total"].as_int64(), 1);
  EXPECT_EQ(
      object(call("GET", "/endpoints/flights/revisions"))["items"].as_array()[0].as_object()["reason"].as_string(),
      "first version served");
  EXPECT_EQ(error(call("GET", "/endpoints/flihgts"), 404), "endpoint 'flihgts' not found; did you mean 'flights'?");
}

TEST_F(GatewayRoutes, RunsARollout) {
  auto rollout = object(
      call("POST", "/endpoints/flights/rollouts", R"({"candidate": "flights-delay/2", "by": "cli", "reason": "new"})"),
      201);
  std::string id(rollout["id"].as_string());
  EXPECT_EQ(rollout["state"].as_string(), "pending");
  EXPECT_EQ(object(call("GET", "/endpoints/flights"))["rollout"].as_string(), id);
  control.tick();
  auto now = object(call("GET", "/rollouts/" + id));
  EXPECT_EQ(now["state"].as_string(), "progressing");
  EXPECT_EQ(now["weight_percent"].as_double(), 10);
  EXPECT_EQ(now["history"].as_array().size(), 3U);
  EXPECT_EQ(now["steps"].as_array()[2].as_object()["min_rows"].as_int64(), 0);
  EXPECT_EQ(object(call("POST", "/rollouts/" + id + "/pause"))["state"].as_string(), "paused");
  EXPECT_EQ(error(call("POST", "/rollouts/" + id + "/resume", R"({"generation": 1})"), 409),
            "generation 1 is stale, current is 4");
  EXPECT_EQ(object(call("POST", "/rollouts/" + id + "/promote", R"({"full": true, "by": "ann"})"))["state"].as_string(),
            "succeeded");
  EXPECT_EQ(resolver.champion, "2");
  auto revisions = object(call("GET", "/endpoints/flights/revisions"));
  EXPECT_EQ(revisions["items"].as_array()[0].as_object()["traffic"].as_array()[0].as_object()["version"].as_string(),
            "2");
  EXPECT_EQ(object(call("GET", "/rollouts"))["total"].as_int64(), 1);
  EXPECT_EQ(object(call("POST", "/rollouts/" + id + "/rollback"))["state"].as_string(), "rolled_back");
  EXPECT_EQ(resolver.champion, "1");
}

TEST_F(GatewayRoutes, RefusesBadInput) {
  EXPECT_EQ(error(call("POST", "/endpoints/nobody/rollouts", R"({"candidate": "flights-delay/2"})"), 404),
            "endpoint 'nobody' not found");
  EXPECT_EQ(error(call("POST", "/endpoints/flights/rollouts", R"({"candidate": "flights-delay/9"})"), 404),
            "candidate 'flights-delay/9' not found");
  EXPECT_EQ(error(call("POST", "/endpoints/flights/rollouts", R"({"candidate": "flights-delay/2", "step": []})"), 400)
                .find("step"),
            0U);
  EXPECT_EQ(call("POST", "/endpoints/flights/rollouts", "{").status, 400);
  EXPECT_EQ(call("POST", "/endpoints/flights/rollouts", "[]").status, 400);
  EXPECT_EQ(call("POST", "/endpoints/flights/rollouts", "").status, 400);
  EXPECT_EQ(error(call("GET", "/rollouts/01J"), 404), "rollout '01J' not found");
  EXPECT_EQ(error(call("POST", "/rollouts/01J/abort"), 404), "rollout '01J' not found");
  object(call("POST", "/endpoints/flights/rollouts", R"({"candidate": "flights-delay/2"})"), 201);
  EXPECT_EQ(call("POST", "/endpoints/flights/rollouts", R"({"candidate": "flights-delay/2"})").status, 409);
  std::string id = object(call("GET", "/endpoints/flights"))["rollout"].as_string().c_str();
  EXPECT_EQ(error(call("POST", "/rollouts/" + id + "/pause"), 409), "cannot 'pause' a rollout in state 'pending'");
  EXPECT_EQ(call("POST", "/rollouts/" + id + "/abort", R"({"full": true})").status, 400);
  EXPECT_EQ(call("POST", "/rollouts/" + id + "/abort", R"({"force": true})").status, 400);
}

}  // namespace
}  // namespace fettle::api
