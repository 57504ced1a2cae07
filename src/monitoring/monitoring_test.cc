#include "monitoring/monitoring.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/time_text.h"
#include "journal/journal.h"
#include "monitoring/testing.h"
#include "schema/schema.h"

namespace fettle::monitoring {
namespace {

using testing::Simulator;
using testing::World;

constexpr const char* kMonthly = R"({"endpoint":"flights","window":"month"})";

class MonitoringTest : public ::testing::Test {
 protected:
  MonitoringTest() {
    open();
    references.table = Simulator(1).table(5000, {});
  }
  void open() {
    database = sql::Database::open("sqlite:///" + (directory.path() / "m.db").string(), {.durable = false});
    sql::migrate(*database, schema::migrations());
    m = std::make_unique<Monitoring>(*database, references, sink, clock, registry);
    m->add_listener(listener);
  }
  // Sends a month of 2013 in batches of 500; returns label rows for it.
  std::vector<LabelRow> month(int number, int64_t rows, const World& world, uint64_t seed = 0) {
    Simulator simulator(seed == 0 ? static_cast<uint64_t>(100 + number) : seed);
    int64_t start = *parse_utc(fmt::format("2013-{:02}-01", number));
    int64_t end = next_month_start_ms(start);
    std::vector<LabelRow> labels;
    for (int64_t done = 0; done < rows; done += 500) {
      int64_t n = std::min<int64_t>(500, rows - done);
      auto out = simulator.batch(next_id_++, n, start + (end - start) * done / rows,
                                 start + (end - start) * (done + n) / rows, world);
      for (int64_t i = 0; i < n; ++i) {
        labels.push_back({.prediction_id = out.batch.prediction_id,
                          .row = i,
                          .label = out.truth[static_cast<size_t>(i)],
                          .observed_ms = end});
      }
      EXPECT_TRUE(m->offer(std::move(out.batch)));
    }
    return labels;
  }
  Evaluation close(int number) { return m->evaluate("monthly", *parse_utc(fmt::format("2013-{:02}-01", number + 1))); }
  WindowResult window(const std::string& id) { return *m->windows().find("monthly", id)->result; }

  TemporaryDirectory directory;
  std::unique_ptr<sql::Database> database;
  ManualClock clock;
  metrics::Registry registry;
  testing::FakeReferences references;
  testing::FakeSink sink;
  testing::FakeListener listener;
  std::unique_ptr<Monitoring> m;
  int64_t next_id_ = 1;
};

TEST_F(MonitoringTest, AStationaryMonthIsOkAndAWarmOneHasDrifted) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 3000, {});
  month(7, 3000, {.temp_mean = 75});
  EXPECT_EQ(close(7).closed, (std::vector<std::string>{"2013-03", "2013-07"}));
  WindowResult march = window("2013-03");
  EXPECT_EQ(march.status, "ok");
  EXPECT_EQ(march.rows, 3000);
  EXPECT_EQ(march.metrics.at("drift_share"), 0);
  EXPECT_EQ(march.reference_version, "1");
  EXPECT_NEAR(march.metrics.at("missing_rate"), 0.01 / 3, 0.003);
  WindowResult july = window("2013-07");
  EXPECT_EQ(july.status, "drifted");
  EXPECT_NEAR(july.metrics.at("drift_share"), 1.0 / 3, 1e-9);
  const FeatureResult& temp = *july.feature("temp");
  EXPECT_TRUE(temp.drifted);
  EXPECT_GT(temp.score, 1);
  EXPECT_GT(temp.out_of_range_rate, 0.3);
  EXPECT_NEAR(temp.mean, 75, 1);
  EXPECT_NEAR(temp.reference_mean, 40, 1);
  EXPECT_FALSE(july.feature("carrier")->drifted);
  double current = 0, reference = 0, parts = 0;
  for (const auto& bin : temp.bins) current += bin.current, reference += bin.reference, parts += bin.contribution;
  EXPECT_NEAR(current, 1, 1e-9);
  EXPECT_NEAR(reference, 1, 1e-9);
  EXPECT_NEAR(parts, temp.score, 1e-9);
  EXPECT_EQ(m->summary("monthly").state, "drifted");
  EXPECT_EQ(m->summary("monthly").verdict, "drift in 1 of 3 features in 2013-07; labels cover 0 %");
  EXPECT_EQ(references.asked, 1);
}

TEST_F(MonitoringTest, NewCategoriesMissingValuesAndLostSkillAreSeen) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 2000, {.new_carrier = 0.1});
  month(4, 2000, {.missing = 0.2});
  close(4);
  EXPECT_TRUE(window("2013-03").feature("carrier")->drifted);
  EXPECT_NEAR(window("2013-03").feature("carrier")->unseen_rate, 0.1, 0.03);
  EXPECT_TRUE(window("2013-04").feature("temp")->drifted);
}

TEST_F(MonitoringTest, LabelsChangeTheWindowOfTheirPredictions) {
  m->put_monitor("monthly", kMonthly, 1);
  auto labels = month(3, 4000, {});
  close(3);
  EXPECT_FALSE(window("2013-03").mature);
  EXPECT_TRUE(std::isnan(window("2013-03").metrics.at("auc")));
  auto half = std::vector<LabelRow>(labels.begin(), labels.begin() + 2000);
  LabelReport report = m->post_labels(half);
  EXPECT_EQ(report.joined, 2000);
  EXPECT_EQ(report.windows, (std::vector<std::string>{"monthly/2013-03"}));
  EXPECT_EQ(m->windows().find("monthly", "2013-03")->state, "dirty");
  EXPECT_EQ(close(3).recomputed, (std::vector<std::string>{"2013-03"}));
  EXPECT_DOUBLE_EQ(window("2013-03").metrics.at("label_coverage"), 0.5);
  EXPECT_FALSE(window("2013-03").mature);
  report = m->post_labels(labels);
  EXPECT_EQ(report.joined, 2000);
  EXPECT_EQ(report.duplicate, 2000);
  close(3);
  WindowResult march = window("2013-03");
  EXPECT_TRUE(march.mature);
  EXPECT_NEAR(march.metrics.at("auc"), 0.73, 0.04);
  EXPECT_LT(march.metrics.at("calibration_error"), 0.05);
  EXPECT_LT(march.intervals.at("auc").low, march.metrics.at("auc"));
  EXPECT_EQ(march.calibration.size(), 10u);
  EXPECT_EQ(m->windows().find("monthly", "2013-03")->revision, 3);
  EXPECT_TRUE(close(3).recomputed.empty());
  LabelStatus status = m->labels().status("flights");
  EXPECT_EQ(status.labelled, 4000);
  EXPECT_EQ(status.predictions, 4000);
}

TEST_F(MonitoringTest, AConflictingLabelReplacesTheOldOneWhichIsKept) {
  m->put_monitor("monthly", kMonthly, 1);
  auto labels = month(3, 500, {});
  labels.resize(1);
  m->post_labels(labels);
  labels[0].label = labels[0].label == "1" ? "0" : "1";
  EXPECT_EQ(m->post_labels(labels).updated, 1);
  auto kept = database->read([](sql::Connection& c) { return c.query("select label from label_history"); });
  EXPECT_EQ(kept.size(), 1u);
}

TEST_F(MonitoringTest, LabelsMayComeBeforeTheirPredictionsByIdAndByKey) {
  m->put_monitor("monthly", kMonthly, 1);
  std::vector<LabelRow> early = {{.prediction_id = testing::id(50), .row = 1, .label = "1"},
                                 {.key = "UA-1", .endpoint = "flights", .label = "0"},
                                 {.key = "never", .endpoint = "flights", .label = "0"}};
  EXPECT_EQ(m->post_labels(early).pending, 3);
  EXPECT_EQ(m->post_labels(early).duplicate, 3);
  auto b = testing::batch(50, 2, *parse_utc("2013-03-05"));
  b.keys = {"UA-1", "UA-2"};
  m->offer(std::move(b));
  m->flush();
  auto joined = m->predictions().find(testing::id(50))->labels;
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(joined[0].label, "0");
  EXPECT_EQ(joined[0].joined_by, "key");
  EXPECT_EQ(joined[1].label, "1");
  EXPECT_EQ(m->labels().status("flights").pending, 1);
}

TEST_F(MonitoringTest, ImpossibleLabelsAreNamedRowByRow) {
  m->offer(testing::batch(50, 2, 0));
  std::vector<LabelRow> rows = {{.prediction_id = testing::id(50), .row = 2, .label = "1"},
                                {.prediction_id = testing::id(50), .endpoint = "other", .label = "1"},
                                {.key = "k", .label = "1"},
                                {.label = "1"},
                                {.prediction_id = "xyz", .label = "1"},
                                {.prediction_id = testing::id(50), .label = ""}};
  LabelReport report = m->post_labels(rows);
  EXPECT_EQ(report.invalid, 6);
  ASSERT_EQ(report.problems.size(), 6u);
  std::map<int64_t, std::string> by_row;
  for (const auto& p : report.problems) by_row[p.row] = p.message;
  EXPECT_NE(by_row[0].find("has 2 rows, there is no row 2"), std::string::npos);
  EXPECT_NE(by_row[1].find("is of endpoint 'flights', not 'other'"), std::string::npos);
  EXPECT_EQ(by_row[2], "a key needs 'endpoint'");
}

TEST_F(MonitoringTest, AlertsFireOnceResolveAndTellTheirListeners) {
  m->put_monitor("monthly", kMonthly, 1);
  m->put_alert(
      "drifted",
      R"({"monitor":"monthly","expr":"drift_share >= 0.3","webhook":{"url":"http://127.0.0.1:9/x"},"labels":{"team":"a"}})",
      1);
  m->put_alert("auc", R"({"monitor":"monthly","expr":"auc < 0.65","for_windows":2})", 1);
  m->put_alert("typo", R"({"monitor":"monthly","expr":"drift{feature=\"tmep\"} > 0.5"})", 1);
  auto labels = month(3, 2000, {});
  for (const auto& more : {month(4, 2000, {.temp_mean = 80, .skill = 0}), month(5, 2000, {.temp_mean = 80, .skill = 0}),
                           month(6, 2000, {})}) {
    labels.insert(labels.end(), more.begin(), more.end());
  }
  Evaluation e = close(6);
  EXPECT_EQ(e.closed.size(), 4u);
  auto drifted = m->alerts().transitions("drifted");
  ASSERT_EQ(drifted.size(), 2u);
  EXPECT_EQ(drifted[1].to, "firing");
  EXPECT_EQ(drifted[1].window_id, "2013-04");
  EXPECT_EQ(drifted[0].to, "resolved");
  EXPECT_EQ(m->alerts().get("auc").memory.state, AlertState::inactive);
  EXPECT_EQ(m->alerts().get("typo").memory.state, AlertState::error);
  EXPECT_EQ(listener.events.size(), 3u);
  m->post_labels(labels);
  e = close(6);
  EXPECT_EQ(e.recomputed.size(), 4u);
  auto auc = m->alerts().transitions("auc");
  ASSERT_EQ(auc.size(), 3u);
  EXPECT_EQ(auc[2].to, "pending");
  EXPECT_EQ(auc[1].to, "firing");
  EXPECT_EQ(auc[1].window_id, "2013-05");
  EXPECT_EQ(auc[0].to, "resolved");
  EXPECT_TRUE(close(6).alerts.empty());
  EXPECT_EQ(m->alerts().transitions("drifted").size(), 2u);

  EXPECT_EQ(m->alerts().deliver(sink), 2);
  ASSERT_EQ(sink.requests.size(), 2u);
  EXPECT_NE(sink.requests[0].body.find("\"status\":\"firing\""), std::string::npos);
  EXPECT_NE(sink.requests[0].body.find("\"team\":\"a\""), std::string::npos);
  EXPECT_NE(sink.requests[1].body.find("\"status\":\"resolved\""), std::string::npos);
  EXPECT_EQ(m->alerts().deliver(sink), 0);
  database->read([&](sql::Connection& c) {
    auto decisions = journal::list_decisions(c, {.kind = "alert", .subject = "drifted", .before = ""});
    ASSERT_EQ(decisions.size(), 2u);
    EXPECT_EQ(decisions[1].verdict, "fire");
    EXPECT_NE(decisions[1].observations.find("\"value\":0.333"), std::string::npos);
    auto edges = journal::edges(c, {"window", "monthly/2013-04"}, journal::Direction::down, 10);
    ASSERT_FALSE(edges.empty());
    EXPECT_EQ(edges[0].to.kind, "alert");
    EXPECT_EQ(journal::edges(c, {"window", "monthly/2013-04"}, journal::Direction::up, 10)[0].from.id, "01REVISION");
    EXPECT_FALSE(journal::list_audit(c, "alert/drifted", 10).empty());
  });
}

TEST_F(MonitoringTest, FailedNotificationsAreTriedAgainAndSilencedOnesNotSent) {
  m->put_monitor("monthly", kMonthly, 1);
  m->put_alert("drifted",
               R"({"monitor":"monthly","expr":"drift_share >= 0.3","webhook":{"url":"http://127.0.0.1:9/x"}})", 1);
  month(4, 2000, {.temp_mean = 80});
  close(4);
  sink.status = 503;
  EXPECT_EQ(m->alerts().deliver(sink), 0);
  EXPECT_EQ(m->alerts().transitions("drifted")[0].notification, "pending");
  EXPECT_EQ(m->alerts().deliver(sink), 0);
  EXPECT_EQ(sink.requests.size(), 1u);
  clock.advance_ms(2000);
  sink.status = 200;
  EXPECT_EQ(m->alerts().deliver(sink), 1);
  EXPECT_EQ(m->alerts().transitions("drifted")[0].notification, "sent");
  m->alerts().silence("drifted", clock.now_ms() + 1000, "ui", "known");
  month(5, 2000, {});
  close(5);
  EXPECT_EQ(m->alerts().transitions("drifted")[0].notification, "silenced");
  m->alerts().acknowledge("drifted", "ui", "seen");
  EXPECT_EQ(m->alerts().get("drifted").acknowledged_by, "ui");
  EXPECT_THROW(m->alerts().silence("driftet", 0, "", ""), Failure);
}

TEST_F(MonitoringTest, ARestartGoesOnWhereItStopped) {
  m->put_monitor("monthly", kMonthly, 1);
  m->put_alert("drifted", R"({"monitor":"monthly","expr":"drift_share >= 0.3","for_windows":2})", 1);
  auto labels = month(4, 1000, {.temp_mean = 80});
  close(4);
  EXPECT_EQ(m->alerts().get("drifted").memory.state, AlertState::pending);
  m.reset();
  database.reset();
  open();
  EXPECT_EQ(window("2013-04").status, "drifted");
  month(5, 1000, {.temp_mean = 80});
  EXPECT_EQ(close(5).closed, (std::vector<std::string>{"2013-05"}));
  EXPECT_EQ(m->alerts().get("drifted").memory.state, AlertState::firing);
  EXPECT_EQ(m->post_labels(labels).joined, 1000);
  EXPECT_EQ(m->predictions().labelled({.endpoint = "flights"}).rows(), 1000u);
}

TEST_F(MonitoringTest, TheBackgroundClosesWindowsByTheNewestEvent) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 1000, {});
  month(4, 500, {});
  m->flush();
  m->evaluate_due();  // sees the window
  m->evaluate_due();  // it has come to rest
  EXPECT_EQ(m->windows().find("monthly", "2013-03")->state, "closed");
  EXPECT_EQ(m->windows().find("monthly", "2013-04")->state, "open");
}

TEST_F(MonitoringTest, AMonitorThatComesLaterGetsTheWindowsOfEarlierPredictions) {
  month(3, 1000, {});
  month(4, 1000, {});
  m->flush();
  m->put_monitor("monthly", kMonthly, 1);
  EXPECT_EQ(close(4).closed, (std::vector<std::string>{"2013-03", "2013-04"}));
}

TEST_F(MonitoringTest, AChangedPolicyJudgesTheWindowsAgain) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 1000, {});
  close(3);
  m->put_monitor("monthly", kMonthly, 1);
  EXPECT_TRUE(close(3).recomputed.empty());
  m->put_monitor("monthly", R"({"endpoint":"flights","window":"month","min_rows":2000})", 2);
  EXPECT_EQ(close(3).recomputed.size(), 1u);
  EXPECT_EQ(window("2013-03").status, "insufficient_data");
  EXPECT_EQ(window("2013-03").feature("temp")->reason, "n 1000, needs 2000");
  m->put_monitor("monthly", R"({"endpoint":"flights","window":"day"})", 3);
  EXPECT_EQ(m->windows().counts("monthly").windows, 31);
}

TEST_F(MonitoringTest, LateRowsAndDamagedSegmentsShowInTheWindow) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 1000, {});
  close(3);
  m->offer(testing::batch(900, 2, *parse_utc("2013-03-31")));
  m->flush();
  EXPECT_EQ(m->windows().find("monthly", "2013-03")->state, "dirty");
  close(3);
  EXPECT_EQ(window("2013-03").rows, 1002);
  EXPECT_FALSE(window("2013-03").incomplete);
  database->write([](sql::Connection& c) {
    c.exec("update prediction_segments set body = $1 where requests = 1", sql::Bytes{"FPL1"});
  });
  m->offer(testing::batch(901, 2, *parse_utc("2013-03-31")));
  close(3);
  EXPECT_TRUE(window("2013-03").incomplete);
}

TEST_F(MonitoringTest, WithoutAReferenceTheWindowSaysSoAndQualityGoesOn) {
  references.table = nullptr;
  m->put_monitor("monthly", kMonthly, 1);
  auto labels = month(3, 1000, {});
  m->post_labels(labels);
  close(3);
  EXPECT_EQ(window("2013-03").status, "no_reference");
  EXPECT_EQ(window("2013-03").feature("temp")->status, FeatureStatus::no_reference);
  EXPECT_TRUE(window("2013-03").mature);
}

TEST_F(MonitoringTest, PredictionsAreComparedWithTheFirstWindowOfTheirVersion) {
  m->put_monitor("monthly", kMonthly, 1);
  month(3, 2000, {});
  month(4, 2000, {});
  month(5, 2000, {.skill = 3});
  close(5);
  EXPECT_EQ(window("2013-03").feature("fettle_score")->status, FeatureStatus::no_reference);
  EXPECT_FALSE(window("2013-04").feature("fettle_score")->drifted);
  EXPECT_TRUE(window("2013-05").feature("fettle_score")->drifted);
  EXPECT_GT(window("2013-05").metrics.at("score_drift"), 0.2);
}

TEST_F(MonitoringTest, RowsAreListedNewestFirstWithFilters) {
  auto labels = month(3, 1000, {});
  labels.resize(10);
  m->post_labels(labels);
  RowPage page = m->predictions().list({.endpoint = "flights", .limit = 5});
  EXPECT_EQ(page.total, 1000);
  ASSERT_EQ(page.rows.size(), 5u);
  EXPECT_GE(page.rows[0].event_ms, page.rows[1].event_ms);
  EXPECT_EQ(m->predictions().list({.endpoint = "flights", .labelled = true}).total, 10);
  EXPECT_EQ(m->predictions().list({.endpoint = "flights", .version = "9"}).total, 0);
  EXPECT_EQ(m->predictions().list({.endpoint = "nothing"}).total, 0);
}

TEST_F(MonitoringTest, ThreadsWriteAndStopWithoutLosingAnything) {
  m->start();
  for (int i = 0; i < 50; ++i) m->offer(testing::batch(1000 + i, 2, i));
  m->stop();
  EXPECT_EQ(database->read([&](sql::Connection& c) { return m->log().logged_rows(c, "flights"); }), 100);
}

}  // namespace
}  // namespace fettle::monitoring
