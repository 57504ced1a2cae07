#include "monitoring/alert.h"

#include <gtest/gtest.h>

namespace fettle::monitoring {
namespace {

AlertSpec rule(int64_t for_windows, int64_t resolve_windows, NoData no_data = NoData::keep) {
  AlertSpec spec;
  spec.expr = "auc < 0.66";
  spec.metric = "auc";
  spec.comparison = Comparison::lt;
  spec.threshold = 0.66;
  spec.for_windows = for_windows;
  spec.resolve_windows = resolve_windows;
  spec.no_data = no_data;
  return spec;
}

// Values per window -> states: i inactive, p pending, F firing, r resolved. `x` holds, `o` does not, `?` has no value.
std::string trace(const AlertSpec& spec, std::string_view windows) {
  AlertMemory memory;
  std::string states;
  for (char c : windows) {
    AlertObservation seen{.window_id = "w"};
    if (c == 'x') seen.value = 0.5;
    if (c == 'o') seen.value = 0.7;
    memory = judge_alert(spec, memory, seen).next;
    states += "ipFrE"[static_cast<size_t>(memory.state)];
  }
  return states;
}

TEST(AlertMachine, Traces) {
  EXPECT_EQ(trace(rule(1, 1), "oxxoox"), "iFFrrF");
  EXPECT_EQ(trace(rule(2, 1), "xoxxox"), "pipFrp");
  EXPECT_EQ(trace(rule(3, 2), "xxxoxoo"), "ppFFFFr");
  EXPECT_EQ(trace(rule(1, 2), "xoxoo"), "FFFFr");
  EXPECT_EQ(trace(rule(2, 1), "x?x?o"), "ppFFr");
  EXPECT_EQ(trace(rule(2, 1, NoData::ok), "x?xx?"), "pipFr");
  EXPECT_EQ(trace(rule(2, 1, NoData::alert), "x?o??"), "pFrpF");
}

TEST(AlertMachine, AnImpossibleRuleIsAnErrorUntilItCanBeJudged) {
  AlertStep step = judge_alert(rule(1, 1), {}, {.why_no_value = "no such feature", .impossible = true});
  EXPECT_EQ(step.next.state, AlertState::error);
  EXPECT_EQ(step.reason, "no such feature");
  EXPECT_EQ(judge_alert(rule(1, 1), step.next, {.value = 0.7}).next.state, AlertState::inactive);
  EXPECT_EQ(judge_alert(rule(1, 1), step.next, {.value = 0.5}).next.state, AlertState::firing);
}

TEST(AlertMachine, ReasonsAreSentences) {
  AlertStep step = judge_alert(rule(2, 1), {}, {.window_id = "2013-08", .value = 0.6123});
  EXPECT_EQ(step.reason, "auc is 0.6123 in 2013-08: 'auc < 0.66' holds for 1 of 2 windows");
  EXPECT_EQ(step.verdict, "hold");
}

TEST(Fingerprint, FollowsAlertmanager) {
  EXPECT_EQ(alert_fingerprint({}), "cbf29ce484222325");
  EXPECT_EQ(alert_fingerprint({{"a", "b"}}).size(), 16u);
  EXPECT_NE(alert_fingerprint({{"a", "bc"}}), alert_fingerprint({{"ab", "c"}}));
}

TEST(Webhook, IsAlertmanagersVersion4) {
  AlertEvent event{.alert = "auc-low",
                   .monitor = "monthly",
                   .endpoint = "flights",
                   .severity = "critical",
                   .from = AlertState::pending,
                   .to = AlertState::firing,
                   .window_id = "2013-08",
                   .value = 0.61,
                   .expr = "auc < 0.66",
                   .threshold = 0.66,
                   .reason = "auc is 0.61",
                   .decision = "01D",
                   .labels = {{"team", "air"}},
                   .at_ms = 1'375'315'200'000};
  std::string body = format_webhook(event, event.at_ms);
  for (const char* part : {R"("version":"4")", R"("groupKey":"{}:{alertname=\"auc-low\"}")", R"("status":"firing")",
                           R"("team":"air")", R"("startsAt":"2013-08-01T00:00:00.000Z")",
                           R"("endsAt":"0001-01-01T00:00:00Z")", R"("value":"0.61")", R"("fingerprint":")"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << "\n" << body;
  }
}

TEST(MonitorSpecJson, DefaultsAndEveryField) {
  MonitorSpec spec = parse_monitor_spec(R"({"endpoint":"flights"})");
  EXPECT_EQ(spec.window.kind, WindowKind::day);
  EXPECT_EQ(spec.min_rows, 500);
  EXPECT_EQ(spec.thresholds.at(DriftTest::psi), 0.2);
  spec = parse_monitor_spec(
      R"({"endpoint":"flights","window_ms":3600000,"reference":"models:/flights-delay@champion","reference_artifact":"r.csv","ignore":["label"],
    "min_rows":300,"numeric_test":"ks","categorical_test":"psi","thresholds":{"ks":0.3},"alpha":0.05,"drift_share":0.5,"label_delay_ms":1,"mature_coverage":0.5,
    "positive_class":"late","bins":20,"grace_ms":5,"features":[{"name":"temp","test":"wasserstein","threshold":0.4,"importance":2},{"name":"x","skip":true}]})");
  EXPECT_EQ(spec.window, (WindowRule{WindowKind::fixed, 3'600'000}));
  EXPECT_EQ(spec.reference, "flights-delay@champion");
  EXPECT_EQ(spec.rule("temp")->test, DriftTest::wasserstein);
  EXPECT_TRUE(spec.ignores("x"));
  EXPECT_TRUE(spec.ignores("label"));
}

std::vector<Detail> problems_of(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    return failure.error().details;
  }
  return {};
}

TEST(MonitorSpecJson, AllProblemsAtOnceWithTheirPaths) {
  auto found = problems_of([] {
    parse_monitor_spec(
        R"({"window":"year","min_rows":50,"alpha":1,"numeric_test":"chi","thresholds":{"psii":1},"drift_share":2,
      "bins":1,"features":[{"name":"a"},{"name":"a"}],"reference":"flights","endpont":"x"})");
  });
  std::string all;
  for (const auto& detail : found) all += detail.path + ": " + detail.message + "\n";
  for (const char* part :
       {"endpoint: ", "window: ", "min_rows: 50 is below 200", "alpha: ", "numeric_test: ", "thresholds.psii",
        "drift_share: ", "bins: ", "features[1].name", "reference: ", "endpont"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " in\n" << all;
  }
}

TEST(AlertSpecJson, Expressions) {
  auto parse = [](const std::string& expr) { return parse_alert_spec(R"({"monitor":"m","expr":")" + expr + "\"}"); };
  AlertSpec spec = parse(R"(drift{feature=\"temp\"} > 0.5)");
  EXPECT_EQ(spec.metric, "drift");
  EXPECT_EQ(spec.feature, "temp");
  EXPECT_EQ(parse("auc<0.66").comparison, Comparison::lt);
  EXPECT_EQ(parse("drift_share >= .3").threshold, 0.3);
  EXPECT_TRUE(parse("rows <= 5").holds(5));
  for (const char* bad : {"auk < 1", "drift > 1", "auc{feature=\\\"x\\\"} > 1", "auc", "auc = 1", "auc < x",
                          "auc < 1 and rows > 2", "drift{feature=temp} > 1", ""}) {
    EXPECT_FALSE(problems_of([&] { parse(bad); }).empty()) << bad;
  }
  EXPECT_NE(problems_of([&] { parse("auk < 1"); })[0].message.find("did you mean 'auc'"), std::string::npos);
  EXPECT_FALSE(
      problems_of([] {
        parse_alert_spec(
            R"({"monitor":"m","expr":"auc < 1","webhook":{"url":"ftp://x"},"severity":"bad","no_data":"x","for_windows":0})");
      }).empty());
}

}  // namespace
}  // namespace fettle::monitoring
