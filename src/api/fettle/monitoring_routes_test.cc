// Labels, predictions, monitors, alerts and the metrics document through their handlers.
#include <gtest/gtest.h>

#include "api/fettle/alerts.h"
#include "api/fettle/labels.h"
#include "api/fettle/metrics_document.h"
#include "api/fettle/monitors.h"
#include "api/fettle/predictions.h"
#include "base/time_text.h"
#include "json/json.h"
#include "monitoring/testing.h"
#include "schema/schema.h"

namespace fettle::api {
namespace {

namespace sim = monitoring::testing;

class MonitoringRoutes : public ::testing::Test {
 protected:
  MonitoringRoutes() {
    references.table = sim::Simulator(1).table(3000, {});
    MonitoringFacts facts{.endpoint_exists = [](const std::string& name) { return name == "flights"; },
                          .run_of = [](const std::string&, const std::string& version) { return "run-" + version; }};
    router.add(label_routes(m, clock, facts));
    router.add(prediction_routes(m, facts));
    router.add(monitor_routes(m));
    router.add(alert_routes(m));
    auto live = [] {
      return std::vector<LiveEndpoint>{
          {.endpoint = "flights", .model = "flights-delay", .version = "1", .requests = 4, .rows = 2000}};
    };
    router.add(metrics_document_routes({m, registry, clock, ".", live}));
    m.put_monitor("monthly", R"({"endpoint":"flights","window":"month"})", 3);
    m.put_alert("drifted", R"({"monitor":"monthly","expr":"drift_share >= 0.3"})", 1);
  }

  static std::unique_ptr<sql::Database> open() {
    auto database = sql::Database::open("sqlite://:memory:");
    sql::migrate(*database, schema::migrations());
    return database;
  }

  http::Response call(std::string method, std::string target, const std::string& body = "") {
    http::Request request;
    request.method = std::move(method);
    size_t mark = target.find('?');
    request.path = "/api/fettle/v1" + target.substr(0, mark);
    if (mark != std::string::npos) {
      std::string_view query = std::string_view(target).substr(mark + 1);
      for (size_t at = 0; at <= query.size();) {
        size_t end = std::min(query.find('&', at), query.size());
        size_t equals = query.find('=', at);
        request.query.emplace_back(query.substr(at, equals - at), query.substr(equals + 1, end - equals - 1));
        at = end + 1;
      }
    }
    request.body = body;
    auto match = router.match(request.method, request.path);
    if (match.route == nullptr) return http::Response::text(404, "no route");
    request.params = match.params;
    try {
      return std::get<http::Handler>(match.route->handler)(request);
    } catch (const Failure& failure) {
      return match.route->on_error(failure.error(), request);
    }
  }
  json::Object get(const std::string& target) { return ok(call("GET", target)); }
  json::Object post(const std::string& target, const std::string& body) { return ok(call("POST", target, body)); }
  static json::Object ok(const http::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body).as_object();
  }
  static std::string error(const http::Response& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    return std::string(json::parse(response.body).as_object()["error"].as_object()["message"].as_string());
  }
  // A month in 4 requests of 500 rows with keys "MONTH/i".
  std::string month(int number, const sim::World& world) {
    sim::Simulator simulator(static_cast<uint64_t>(number));
    int64_t start = *parse_utc(fmt::format("2013-{:02}-01", number));
    std::string rows;
    for (int64_t part = 0; part < 4; ++part) {
      auto out =
          simulator.batch(number * 100 + part, 500, start + part * 86'400'000, start + (part + 1) * 86'400'000, world);
      for (size_t i = 0; i < 500; ++i) {
        out.batch.keys.push_back(fmt::format("{}/{}", number, part * 500 + static_cast<int64_t>(i)));
        rows += fmt::format("{}{{\"key\":\"{}\",\"label\":{}}}", rows.empty() ? "" : ",", out.batch.keys.back(),
                            out.truth[i]);
      }
      m.offer(std::move(out.batch));
    }
    return fmt::format("{{\"endpoint\":\"flights\",\"rows\":[{}]}}", rows);
  }

  std::unique_ptr<sql::Database> database = open();
  ManualClock clock;
  metrics::Registry registry;
  sim::FakeReferences references;
  sim::FakeSink sink;
  monitoring::Monitoring m{*database, references, sink, clock, registry};
  http::Router router;
};

TEST_F(MonitoringRoutes, TheLoopFromPredictionToResolvedAlert) {
  std::string march = month(3, {});
  month(4, {.temp_mean = 80});
  auto result = post("/labels", march);
  EXPECT_EQ(result["joined"].as_int64(), 2000);
  EXPECT_EQ(result["windows"].as_array()[0].as_string(), "monthly/2013-03");
  auto done = post("/monitors/monthly/evaluate", fmt::format("{{\"until_ms\":{}}}", *parse_utc("2013-05-01")));
  EXPECT_EQ(done["closed"].as_array().size(), 2u);
  ASSERT_EQ(done["alerts"].as_array().size(), 1u);
  EXPECT_EQ(done["alerts"].as_array()[0].as_object()["to"].as_string(), "firing");
  auto windows = get("/monitors/monthly/windows")["items"].as_array();
  ASSERT_EQ(windows.size(), 2u);
  auto first = windows[0].as_object();
  EXPECT_EQ(first["id"].as_string(), "2013-03");
  EXPECT_TRUE(first["mature"].as_bool());
  EXPECT_TRUE(first["metrics"].as_object()["auc"].is_double());
  EXPECT_TRUE(windows[1].as_object()["metrics"].as_object()["auc"].is_null());
  EXPECT_EQ(get("/monitors/monthly/windows?limit=1")["next"].is_string(), true);
  auto next = std::string(get("/monitors/monthly/windows?limit=1")["next"].as_string());
  EXPECT_EQ(get("/monitors/monthly/windows?limit=1&page=" + next)["items"].as_array()[0].as_object()["id"].as_string(),
            "2013-04");
  EXPECT_EQ(get("/monitors/monthly/windows?from=2013-04")["total"].as_int64(), 1);
  auto temp = get("/monitors/monthly/windows/2013-04/features/temp");
  EXPECT_TRUE(temp["drifted"].as_bool());
  EXPECT_EQ(temp["bins"].as_array().size(), 11u);
  auto monitor = get("/monitors/monthly");
  EXPECT_EQ(monitor["state"].as_string(), "drifted");
  EXPECT_EQ(monitor["generation"].as_int64(), 3);
  EXPECT_EQ(get("/alerts?state=firing")["items"].as_array().size(), 1u);
  EXPECT_EQ(get("/alerts/drifted")["transitions"].as_array().size(), 1u);
  post("/alerts/drifted/ack", R"({"by":"ui","reason":"seen"})");
  EXPECT_EQ(get("/alerts/drifted")["acknowledged"].as_object()["by"].as_string(), "ui");
  post("/alerts/drifted/silence", fmt::format("{{\"until_ms\":{}}}", clock.now_ms() + 1000));
  EXPECT_TRUE(get("/alerts/drifted")["silenced_until_ms"].is_int64());
  post("/alerts/drifted/silence", R"({"until_ms":0})");
  EXPECT_TRUE(get("/alerts/drifted")["silenced_until_ms"].is_null());
}

TEST_F(MonitoringRoutes, OnePredictionWithItsRowsAndLabels) {
  month(3, {});
  post("/labels",
       fmt::format(R"({{"rows":[{{"prediction_id":"{}/7","label":true,"observed_at_ms":5}}]}})", sim::id(300)));
  auto p = get("/predictions/" + sim::id(300));
  EXPECT_EQ(p["rows_total"].as_int64(), 500);
  EXPECT_EQ(p["rows"].as_array().size(), 100u);
  EXPECT_EQ(p["run_id"].as_string(), "run-1");
  auto row = get("/predictions/" + sim::id(300) + "?row=7")["rows"].as_array()[0].as_object();
  EXPECT_EQ(row["label"].as_object()["value"].as_string(), "1");
  EXPECT_TRUE(row["features"].as_object().contains("carrier"));
  auto list = get("/endpoints/flights/predictions?limit=3");
  EXPECT_EQ(list["total"].as_int64(), 2000);
  EXPECT_EQ(list["items"].as_array().size(), 3u);
  EXPECT_EQ(list["next"].as_string(), "3");
  EXPECT_EQ(get("/endpoints/flights/predictions?labelled=true")["total"].as_int64(), 1);
  EXPECT_EQ(get("/endpoints/flights/predictions?key=3/5")["total"].as_int64(), 1);
}

TEST_F(MonitoringRoutes, LabelsOfAllKindsAreOneClass) {
  month(3, {});
  auto result = post(
      "/labels",
      R"({"endpoint":"flights","rows":[{"key":"3/0","label":1},{"key":"3/1","label":1.0},{"key":"3/2","label":"1"},{"key":"3/3","label":true}]})");
  EXPECT_EQ(result["joined"].as_int64(), 4);
  auto rows = get("/endpoints/flights/predictions?labelled=true")["items"].as_array();
  ASSERT_EQ(rows.size(), 4u);
  for (auto& row : rows) EXPECT_EQ(row.as_object()["label"].as_object()["value"].as_string(), "1");
  auto status = get("/labels/status?endpoint=flights");
  EXPECT_EQ(status["labelled"].as_int64(), 4);
  EXPECT_EQ(status["predictions"].as_int64(), 2000);
}

TEST_F(MonitoringRoutes, BadLabelsAreNamedByTheirPlaceInTheRequest) {
  auto result = post(
      "/labels",
      R"({"endpoint":"flights","rows":[{"key":"a","label":[1]},{"key":"b","label":1},{"keyy":"c","label":1},{"label":1},
      {"prediction_id":"x/y","label":1},{"key":"d","label":1,"observed_at_ms":99999999999999}]})");
  EXPECT_EQ(result["received"].as_int64(), 6);
  EXPECT_EQ(result["pending"].as_int64(), 1);
  EXPECT_EQ(result["invalid"].as_int64(), 5);
  std::vector<int64_t> rows;
  for (auto& problem : result["problems"].as_array()) rows.push_back(problem.as_object()["row"].as_int64());
  EXPECT_EQ(rows, (std::vector<int64_t>{0, 2, 3, 4, 5}));
}

TEST_F(MonitoringRoutes, RefusalsSayWhatIsWrong) {
  EXPECT_EQ(error(call("POST", "/labels", R"({"endpoint":"nope","rows":[{"key":"a","label":1}]})"), 404),
            "there is no endpoint 'nope'");
  error(call("POST", "/labels", R"({"rows":[]})"), 400);
  error(call("POST", "/labels", R"({"rows":{}})"), 400);
  error(call("POST", "/labels", "{"), 400);
  error(call("POST", "/labels", R"({"rows":[{"label":1}],"row":2})"), 400);
  error(call("GET", "/labels/status"), 400);
  EXPECT_NE(error(call("GET", "/monitors/monthyl"), 404).find("did you mean 'monthly'"), std::string::npos);
  error(call("GET", "/monitors/nope/windows"), 404);
  error(call("GET", "/monitors/monthly/windows/2013-03/features/x"), 404);
  error(call("POST", "/monitors/monthly/evaluate", R"({"until":3})"), 400);
  error(call("GET", "/alerts?state=burning"), 400);
  error(call("GET", "/alerts/nope"), 404);
  error(call("POST", "/alerts/drifted/silence", "{}"), 400);
  error(call("GET", "/predictions/x"), 400);
  error(call("GET", "/predictions/" + sim::id(9)), 404);
  error(call("GET", "/endpoints/flights/predictions?verdict=bad"), 400);
  error(call("GET", "/endpoints/flights/predictions?page=x"), 400);
  month(3, {});
  error(call("GET", "/predictions/" + sim::id(300) + "?row=500"), 404);
  m.flush();
  error(call("GET", "/monitors/monthly/windows/2013-03/features/temp"), 409);
}

TEST_F(MonitoringRoutes, TheMetricsDocumentHasExactlyThreeParts) {
  post("/labels", month(3, {}));
  month(4, {});
  post("/monitors/monthly/evaluate", fmt::format("{{\"until_ms\":{}}}", *parse_utc("2013-05-01")));
  auto document = get("/metrics");
  ASSERT_EQ(document.size(), 3u);
  auto system = document["system"].as_object();
  EXPECT_GT(system["memory_bytes"].as_int64(), 0);
  EXPECT_GT(system["disk_free_bytes"].as_int64(), 0);
  EXPECT_GE(system["cpu_cores"].as_int64(), 1);
  auto endpoint = document["model"].as_object()["endpoints"].as_array()[0].as_object();
  EXPECT_EQ(endpoint["window"].as_string(), "2013-03");
  EXPECT_TRUE(endpoint["auc"].is_double());
  auto monitor = document["data"].as_object()["monitors"].as_array()[0].as_object();
  EXPECT_EQ(monitor["window"].as_string(), "2013-04");
  EXPECT_EQ(monitor["rows"].as_int64(), 2000);
  EXPECT_TRUE(monitor["missing_rates"].as_object().contains("temp"));
  EXPECT_NE(registry.expose(metrics::Format::prometheus)
                .find("fettle_monitor_metric{monitor=\"monthly\",metric=\"completeness\"}"),
            std::string::npos);
}

}  // namespace
}  // namespace fettle::api
