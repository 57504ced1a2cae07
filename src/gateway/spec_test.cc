#include "gateway/spec.h"

#include <gtest/gtest.h>

namespace fettle::gateway {
namespace {

std::string problem_of(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Failure& failure) {
    std::string all;
    for (const auto& detail : failure.error().details) all += fmt::format("{}: {}\n", detail.path, detail.message);
    return all.empty() ? failure.what() : all;
  }
  return "";
}

TEST(ModelRef, Forms) {
  struct Case {
    const char* text;
    const char* formatted;  // nullptr: no reference
  };
  const Case cases[] = {{"flights/8", "flights/8"},
                        {"models:/flights/8", "flights/8"},
                        {"flights@champion", "flights@champion"},
                        {"models:/a/b@x", "a/b@x"},
                        {"flights/latest", "flights/latest"},
                        {"flights", nullptr},
                        {"", nullptr},
                        {"/8", nullptr},
                        {"flights/", nullptr},
                        {"flights@", nullptr},
                        {"models:/", nullptr}};
  for (const auto& [text, formatted] : cases) {
    auto ref = parse_model_ref(text);
    EXPECT_EQ(ref ? format_model_ref(*ref) : "", formatted == nullptr ? "" : formatted) << text;
  }
}

TEST(EndpointSpec, RoundTripsWithoutDefaults) {
  const char* text =
      R"({"model":"flights-delay@champion","contract":"input","timeout_ms":5000,"output":{"label":"label","positive_index":1},)"
      R"("confidence":{"rate":0.05,"action":"fallback"},"ood":{"false_positive_rate":0.01},)"
      R"("fallback":[{"on":["timeout","error"],"constant":{"label":0,"probabilities":[0.76,0.24]}},{"model":"flights-delay/1"},)"
      R"({"rule":{"feature":"temp","op":"gt","value":80,"then":{"label":1},"otherwise":{"label":0}}}],"log":{"share":0.5,"features":false}})";
  EXPECT_EQ(format_endpoint_spec(parse_endpoint_spec(text)), text);
  EXPECT_EQ(format_endpoint_spec(parse_endpoint_spec(R"({"model": "m/1", "timeout_ms": 10000, "log": {"share": 1}})")),
            R"({"model":"m/1"})");
}

TEST(EndpointSpec, TellsEveryProblem) {
  std::string told = problem_of([] {
    parse_endpoint_spec(
        R"({"model": "m", "time_out_ms": 5, "timeout_ms": 0, "confidence": {"threshold": 2, "rate": 0.1}, "ood": {"action": "drop"},)"
        R"( "fallback": [{"on": ["nothing"], "constant": {}}, {"model": "m/1", "constant": {"x": 1}}], "max_rows": "many", "log": {"share": -1}})");
  });
  for (const char* part :
       {"model: 'm' is not NAME/VERSION", "time_out_ms", "timeout_ms: 0 is not between 1 and 600000",
        "confidence.threshold: 2 is not", "give threshold or rate, not both",
        "'drop' is not one of mark, fallback, reject", "'nothing' is not one of timeout", "names no output",
        "exactly one of model, constant, rule", "max_rows: expected an integer", "log.share: -1"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << " in\n" << told;
  }
  EXPECT_NE(problem_of([] { parse_endpoint_spec("{"); }), "");
  EXPECT_NE(problem_of([] { parse_endpoint_spec("[]"); }), "");
}

TEST(ContractSpec, RoundTripsAndRefuses) {
  const char* text =
      R"({"reference":"models:/flights-delay@champion","ignore":["label"],"missing":"impute","range_k":2.5,)"
      R"("features":[{"name":"temp","range":"reject","min":-20.0,"max":130.0},{"name":"carrier","values":["UA","AA"],"impute":"UA"}]})";
  EXPECT_EQ(format_contract_spec(parse_contract_spec(text)),
            format_contract_spec(parse_contract_spec(format_contract_spec(parse_contract_spec(text)))));
  EXPECT_EQ(parse_contract_spec(text).features[1].values->size(), 2U);
  std::string told = problem_of(
      [] { parse_contract_spec(R"({"type": "impute", "range": "maybe", "features": [{"min": 3, "max": 1}]})"); });
  for (const char* part : {"'impute' is not one of warn, reject", "'maybe' is not one of warn, reject, impute",
                           "features[0].name: is required", "3 is above max 1"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << " in\n" << told;
  }
}

TEST(RolloutRequest, ReadsAndRefuses) {
  Author author;
  auto request = parse_rollout_request(
      R"({"candidate": "m/2", "override_gate": {"reason": "demo"}, "steps": [{"weight_percent": 0.01}, {"weight_percent": 33.33, "min_rows": 7}, {"weight_percent": 100}],)"
      R"( "analysis": {"max_latency_ratio": 0, "quality": {}}, "by": "cli", "reason": "r"})",
      author);
  EXPECT_EQ(request.spec.steps[0].weight, 1);
  EXPECT_EQ(request.spec.steps[1].weight, 3333);
  EXPECT_EQ(request.spec.steps[1].min_rows, 7);
  EXPECT_EQ(request.spec.steps[2].min_rows, 0);
  EXPECT_EQ(request.spec.analysis.quality->min_labels, 500);
  EXPECT_EQ(author.by, "cli");
  EXPECT_EQ(format_rollout_spec(parse_rollout_spec(format_rollout_spec(request.spec))),
            format_rollout_spec(request.spec));
  std::string told = problem_of([] {
    Author nobody;
    parse_rollout_request(
        R"({"steps": [{"weight_percent": 50}, {"weight_percent": 50}, {"weight_percent": 90.001}], "analysis": {"max_latency_ratio": 0.5, "failure_limit": 0,)"
        R"( "score_psi": {"action": "panic"}, "quality": {"metric": "f1"}}, "override_gate": {}})",
        nobody);
  });
  for (const char* part :
       {"candidate: is required", "the weight of step 1 does not rise", "90.001 is finer than 0.01",
        "the last weight is 90 %, must be 100", "max_latency_ratio", "failure_limit",
        "'panic' is not one of warn, fail", "'f1' is not one of", "override_gate.reason: is required"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << " in\n" << told;
  }
}

}  // namespace
}  // namespace fettle::gateway
