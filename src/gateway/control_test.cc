#include "gateway/control.h"

#include <gtest/gtest.h>

#include <random>

#include "gateway/testing_fakes.h"
#include "journal/journal.h"
#include "schema/schema.h"
#include "sql/database.h"

namespace fettle::gateway {
namespace {

using namespace testing;

// A registry in memory: versions 1 … n of flights-delay, one alias.
class FakeResolver final : public ModelResolver {
 public:
  std::optional<std::string> resolve(const ModelRef& ref) override {
    if (ref.model != "flights-delay") return std::nullopt;
    if (ref.alias) return ref.selector == "champion" && !champion.empty() ? std::optional(champion) : std::nullopt;
    for (const auto& version : versions) {
      if (version == ref.selector) return version;
    }
    return std::nullopt;
  }
  void ensure_loaded(const std::string& model, const std::string& version) override {
    if (version == broken) fail(Code::invalid_argument, "model '{}' version {} is corrupt", model, version);
  }
  std::shared_ptr<const stats::Table> reference(const std::string&, const std::string& version,
                                                const std::string&) override {
    return version == without_reference ? nullptr : std::make_shared<stats::Table>(flights_reference());
  }
  void move_alias(sql::Connection& connection, const AliasMove& move) override {
    connection.query("select 1");
    champion = move.version;
    moves.push_back(move);
  }
  std::string champion = "1";
  std::vector<std::string> versions = {"1", "2"};
  std::string broken, without_reference;
  std::vector<AliasMove> moves;
};

class FakeGates final : public GateSource {
 public:
  GateStanding standing(const std::string&, const std::string&, const std::string&) override { return answer; }
  GateStanding answer;
};

class FakeOutcomes final : public OutcomeSource {
 public:
  Outcomes outcomes(const OutcomeQuery& query) override {
    last = query;
    return answer;
  }
  Outcomes answer;
  OutcomeQuery last;
};

constexpr const char* kEndpoint =
    R"({"model": "flights-delay@champion", "contract": "input", "ood": {"false_positive_rate": 0.01}})";
constexpr const char* kContract_ = R"({"ignore": ["label"]})";

// One life of the server over a database that survives it.
class ControlTest : public ::testing::Test {
 protected:
  ControlTest() : database_(sql::Database::open("sqlite://:memory:")) {
    sql::migrate(*database_, schema::migrations());
    runtime_.add(flights_model("1"));
    runtime_.add(flights_model("2"));
    boot();
  }

  void boot() {
    control_.reset();
    gateway_ = std::make_unique<Gateway>(
        Gateway::Parts{.runtime = runtime_, .sink = &sink_, .metrics = metrics_, .clock = clock_});
    control_ = std::make_unique<Control>(Control::Parts{.database = *database_,
                                                        .clock = clock_,
                                                        .runtime = runtime_,
                                                        .gateway = *gateway_,
                                                        .resolver = resolver_,
                                                        .gates = &gates_,
                                                        .outcomes = &outcomes_},
                                         ControlConfig{.store_ms = 0, .outcomes_ms = 0});
    control_->restore();
  }

  void serve() {
    control_->put_contract({.name = "input", .spec = kContract_, .generation = 1}, {.by = "test"});
    control_->put_endpoint({.name = "flights", .spec = kEndpoint, .generation = 1}, {.by = "test"});
  }

  Rollout start(std::string_view json = R"({"candidate": "flights-delay/2"})") {
    Author author{.by = "test"};
    auto request = parse_rollout_request(json, author);
    return control_->start_rollout("flights", request, author);
  }

  // `rows` requests of one row with temperatures of the reference.
  void traffic(int rows) {
    std::uniform_real_distribution<float> temp(20, 80);
    for (int i = 0; i < rows; ++i) {
      serving::InferRequest request;
      request.inputs.push_back(floats("temp", {temp(random_)}));
      request.inputs.push_back(texts("carrier", {"UA"}));
      last_ = ask(*gateway_, "flights", std::move(request));
    }
  }

  EndpointView view() { return gateway_->endpoints().at(0); }
  std::vector<std::string> path(const std::string& id) {
    std::vector<std::string> states;
    for (const auto& entry : control_->rollout_history(id))
      states.push_back(fmt::format("{}@{:g}", entry.to, entry.weight / 100.0));
    return states;
  }

  ManualClock clock_;
  SystemClock real_clock_;
  std::unique_ptr<sql::Database> database_;
  FakeRuntime runtime_;
  FakeSink sink_;
  FakeResolver resolver_;
  FakeGates gates_;
  FakeOutcomes outcomes_;
  metrics::Registry metrics_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Control> control_;
  std::mt19937 random_{7};
  Outcome<serving::InferResponse> last_;
};

TEST_F(ControlTest, ServesTheAliasAndFollowsIt) {
  serve();
  EXPECT_EQ(view().state, EndpointState::serving);
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "1");
  resolver_.champion = "2";
  control_->tick();
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "2");
  auto revisions = control_->revisions("flights", 0, 10);
  ASSERT_EQ(revisions.size(), 2U);
  EXPECT_EQ(revisions[0].number, 2U);
  EXPECT_EQ(revisions[0].reason, "flights-delay@champion now names version 2");
  auto edges = database_->read([&](sql::Connection& c) {
    return journal::edges(c, {"endpoint_revision", revisions[0].id}, journal::Direction::up, 10);
  });
  ASSERT_EQ(edges.size(), 2U);
}

TEST_F(ControlTest, TheSameDocumentTwiceIsOneRevisionAlsoAfterARestart) {
  serve();
  serve();
  boot();
  serve();
  EXPECT_EQ(control_->revisions("flights", 0, 10).size(), 1U);
  control_->put_endpoint({.name = "flights", .spec = R"({"model": "flights-delay@champion"})", .generation = 2},
                         {.by = "test"});
  EXPECT_EQ(control_->revisions("flights", 0, 10).size(), 2U);
  EXPECT_EQ(view().revision, 2U);
}

TEST_F(ControlTest, WaitsForAVersionAndKeepsTheLastGoodOne) {
  resolver_.champion = "";
  serve();
  EXPECT_EQ(view().state, EndpointState::waiting);
  EXPECT_EQ(view().reason, "model 'flights-delay' has no alias 'champion' yet");
  resolver_.champion = "1";
  clock_.advance_ms(1000);
  control_->tick();
  EXPECT_EQ(view().state, EndpointState::serving);
  resolver_.champion = "2";
  resolver_.broken = "2";
  clock_.advance_ms(1000);
  control_->tick();
  EXPECT_EQ(view().state, EndpointState::serving);
  EXPECT_EQ(view().reason, "model 'flights-delay' version 2 is corrupt");
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "1");
}

TEST_F(ControlTest, AContractNeedsTrainingData) {
  resolver_.without_reference = "1";
  serve();
  EXPECT_EQ(view().state, EndpointState::failed);
  EXPECT_NE(view().reason.find("log it as artifact 'reference.csv'"), std::string::npos);
}

TEST_F(ControlTest, AGoodCandidateReachesEverybodyUnattended) {
  serve();
  auto rollout = start();
  EXPECT_EQ(rollout.state, RolloutState::pending);
  control_->tick();
  for (int round = 0; round < 40 && control_->find_rollout(rollout.id)->state != RolloutState::succeeded; ++round) {
    traffic(200);
    clock_.advance_ms(100);
    control_->tick();
  }
  auto end = *control_->find_rollout(rollout.id);
  EXPECT_EQ(end.state, RolloutState::succeeded) << end.reason;
  EXPECT_EQ(path(rollout.id), (std::vector<std::string>{"pending@0", "loading@0", "progressing@10", "progressing@50",
                                                        "progressing@100", "promoting@100", "succeeded@100"}));
  ASSERT_EQ(resolver_.moves.size(), 1U);
  EXPECT_EQ(resolver_.moves[0].version, "2");
  EXPECT_GE(end.candidate_total.rows, 400U);
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "2");
  EXPECT_EQ(parameter(*last_, "arm"), "stable");
  auto decisions = database_->read(
      [&](sql::Connection& c) { return journal::list_decisions(c, {.subject = "rollout/" + rollout.id}); });
  EXPECT_EQ(decisions.front().verdict, "finish");
  EXPECT_NE(decisions.front().observations.find("\"candidate\""), std::string::npos);
  EXPECT_EQ(start(R"({"candidate": "flights-delay/1"})").stable, "2");
}

TEST_F(ControlTest, ABadCandidateIsRolledBackAtTheFirstStep) {
  runtime_.add(
      flights_model("2", [this](float) { return std::uniform_real_distribution<float>(0.45F, 0.55F)(random_); }));
  serve();
  auto rollout =
      start(R"({"candidate": "flights-delay/2", "analysis": {"score_psi": {"max": 0.25, "action": "fail"}}})");
  control_->tick();
  for (int round = 0; round < 40 && control_->find_rollout(rollout.id)->state != RolloutState::rolled_back; ++round) {
    traffic(200);
    control_->tick();
  }
  auto end = *control_->find_rollout(rollout.id);
  EXPECT_EQ(end.state, RolloutState::rolled_back);
  EXPECT_EQ(path(rollout.id),
            (std::vector<std::string>{"pending@0", "loading@0", "progressing@10", "aborting@0", "rolled_back@0"}));
  EXPECT_NE(end.reason.find("psi of scores"), std::string::npos);
  EXPECT_TRUE(resolver_.moves.empty());
  uint64_t served = 0;
  for (const auto& record : sink_.records) served += record.arm == "candidate" ? static_cast<uint64_t>(record.rows) : 0;
  EXPECT_EQ(end.candidate_total.rows, served);
  traffic(50);
  EXPECT_EQ(parameter(*last_, "model_version"), "1");
}

TEST_F(ControlTest, AFailingCandidateIsRolledBackByItsErrors) {
  auto broken = flights_model("2");
  broken.function = [](serving::InferRequest, const serving::InferDone& done) {
    done(unexpected(Code::internal, "boom"));
  };
  runtime_.add(broken);
  control_->put_endpoint({.name = "flights", .spec = R"({"model": "flights-delay/1"})", .generation = 1},
                         {.by = "test"});
  auto rollout = start();
  control_->tick();
  for (int round = 0; round < 40 && control_->find_rollout(rollout.id)->state != RolloutState::rolled_back; ++round) {
    traffic(100);
    control_->tick();
  }
  auto end = *control_->find_rollout(rollout.id);
  EXPECT_EQ(end.state, RolloutState::rolled_back);
  EXPECT_NE(end.reason.find("error_rate"), std::string::npos);
  EXPECT_LE(end.candidate_total.rows, 200U);
}

TEST_F(ControlTest, LabelsDecideWhenAskedTo) {
  serve();
  outcomes_.answer.paired = PairedQuality{.labels = 100, .stable = 0.5, .candidate = 0.9, .variance = 1e-5};
  auto rollout = start(
      R"({"candidate": "flights-delay/2", "analysis": {"quality": {"metric": "log_loss", "margin": 0.02, "min_labels": 500}}})");
  control_->tick();
  traffic(3000);
  control_->tick();
  EXPECT_EQ(control_->find_rollout(rollout.id)->state, RolloutState::progressing);
  EXPECT_EQ(control_->find_rollout(rollout.id)->step, 0U);
  EXPECT_EQ(outcomes_.last.candidate_version, "2");
  outcomes_.answer.paired->labels = 1000;
  control_->tick();
  auto end = *control_->find_rollout(rollout.id);
  EXPECT_EQ(end.state, RolloutState::rolled_back);
  EXPECT_NE(end.reason.find("identical labelled rows"), std::string::npos);
}

TEST_F(ControlTest, ResumesAtEveryTransitionAfterAKill) {
  serve();
  auto rollout = start();
  std::vector<std::string> seen;
  for (int round = 0; round < 60; ++round) {
    boot();  // each round is a new process on the same store
    control_->tick();
    auto now = *control_->find_rollout(rollout.id);
    if (seen.empty() || seen.back() != state_name(now.state)) seen.emplace_back(state_name(now.state));
    if (is_final(now.state)) break;
    traffic(200);
    control_->tick();
  }
  EXPECT_EQ(seen.back(), "succeeded");
  EXPECT_EQ(path(rollout.id), (std::vector<std::string>{"pending@0", "loading@0", "progressing@10", "progressing@50",
                                                        "progressing@100", "promoting@100", "succeeded@100"}));
  EXPECT_EQ(control_->revisions("flights", 0, 10).size(), 5U);
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "2");
}

TEST_F(ControlTest, CountsOfAStepSurviveARestart) {
  serve();
  auto rollout = start(
      R"({"candidate": "flights-delay/2", "steps": [{"weight_percent": 50, "min_rows": 100000}, {"weight_percent": 100}]})");
  control_->tick();
  traffic(300);
  control_->tick();
  auto before = control_->find_rollout(rollout.id)->candidate_total;
  boot();
  control_->tick();
  auto after = control_->find_rollout(rollout.id)->candidate_total;
  EXPECT_GT(before.rows, 100U);
  EXPECT_EQ(after.rows, before.rows);
  EXPECT_EQ(after.scores, before.scores);
  traffic(300);
  control_->tick();
  EXPECT_GT(control_->find_rollout(rollout.id)->candidate_total.rows, before.rows + 100);
}

TEST_F(ControlTest, PausesHaveDeadlinesByTheWallClock) {
  serve();
  auto rollout = start(
      R"({"candidate": "flights-delay/2", "steps": [{"weight_percent": 1, "min_rows": 500, "max_duration_ms": 60000}, {"weight_percent": 100}]})");
  control_->tick();
  control_->tick();
  clock_.advance_ms(59'000);
  boot();
  control_->tick();
  control_->tick();
  EXPECT_EQ(control_->find_rollout(rollout.id)->state, RolloutState::progressing);
  clock_.advance_ms(1'000);
  control_->tick();
  auto paused = *control_->find_rollout(rollout.id);
  EXPECT_EQ(paused.state, RolloutState::paused);
  EXPECT_EQ(paused.reason, "no verdict after 1 min 0 s: 0 of 500 rows");
  EXPECT_EQ(paused.weight(), 100);
}

TEST_F(ControlTest, CommandsPauseResumePromoteAbortAndRollBack) {
  serve();
  auto id = start().id;
  control_->tick();
  auto command = [&](Command c, bool full = false) {
    return control_->command(id, {.command = c, .full = full, .author = {.by = "ann", .reason = "why"}});
  };
  EXPECT_EQ(command(Command::pause).state, RolloutState::paused);
  EXPECT_EQ(command(Command::pause).state, RolloutState::paused);
  traffic(3000);
  control_->tick();
  EXPECT_EQ(control_->find_rollout(id)->state, RolloutState::paused);
  auto resumed = command(Command::resume);
  EXPECT_EQ(resumed.state, RolloutState::progressing);
  try {
    control_->command(id, {.command = Command::abort, .generation = 1});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::aborted);
    EXPECT_EQ(std::string(failure.what()), fmt::format("generation 1 is stale, current is {}", resumed.generation));
  }
  EXPECT_EQ(command(Command::promote).weight(), 5000);
  EXPECT_EQ(command(Command::promote, true).state, RolloutState::succeeded);
  EXPECT_EQ(resolver_.champion, "2");
  try {
    command(Command::abort);
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_STREQ(failure.what(), "cannot 'abort' a rollout in state 'succeeded'");
  }
  EXPECT_EQ(command(Command::rollback).state, RolloutState::rolled_back);
  EXPECT_EQ(resolver_.champion, "1");
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "1");
  EXPECT_EQ(command(Command::rollback).state, RolloutState::rolled_back);
  auto second = start();
  control_->tick();
  EXPECT_EQ(control_->command(second.id, {.command = Command::abort}).state, RolloutState::rolled_back);
  auto edges = database_->read(
      [&](sql::Connection& c) { return journal::edges(c, {"rollout", id}, journal::Direction::down, 10); });
  EXPECT_EQ(edges.size(), 5U);  // 10 %, 50 %, 100 %, promoted, put back
}

TEST_F(ControlTest, RefusesWhatCannotBeRolledOut) {
  auto refusal = [&](std::string_view json) -> std::string {
    try {
      start(json);
    } catch (const Failure& failure) {
      return fmt::format("{}: {}", code_name(failure.code()), failure.what());
    }
    return "started";
  };
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/2"})"), "not_found: endpoint 'flights' not found");
  serve();
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/9"})"), "not_found: candidate 'flights-delay/9' not found");
  EXPECT_EQ(refusal(R"({"candidate": "other/1"})"),
            "invalid_argument: endpoint 'flights' serves model 'flights-delay', the candidate is of 'other'");
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/1"})"), "failed_precondition: version 1 serves 'flights' already");
  gates_.answer = {.gate = "flights", .report = "", .verdict = ""};
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/2"})"),
            "failed_precondition: gate 'flights' has not judged flights-delay/2");
  gates_.answer = {.gate = "flights", .report = "R1", .verdict = "fail"};
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/2"})"),
            "failed_precondition: gate 'flights' says fail for flights-delay/2 (report R1)");
  auto forced = start(R"({"candidate": "flights-delay/2", "override_gate": {"reason": "demo of automatic rollback"}})");
  EXPECT_EQ(forced.override_reason, "demo of automatic rollback");
  EXPECT_EQ(control_->rollout_history(forced.id)[0].reason, "gate overridden: demo of automatic rollback");
  auto edges = database_->read(
      [&](sql::Connection& c) { return journal::edges(c, {"rollout", forced.id}, journal::Direction::up, 10); });
  bool overridden = std::any_of(edges.begin(), edges.end(),
                                [](const auto& e) { return e.relation == "overridden" && e.from.id == "R1"; });
  EXPECT_TRUE(overridden);
  EXPECT_EQ(refusal(R"({"candidate": "flights-delay/2"})"),
            fmt::format("already_exists: rollout '{}' is in progress on 'flights'", forced.id));
}

TEST_F(ControlTest, ACandidateThatDoesNotFitFailsAndStableStays) {
  serve();
  auto wide = flights_model("2");
  wide.inputs.push_back({"device", DType::bytes, {-1, 1}});
  runtime_.add(wide);
  auto id = start().id;
  control_->tick();
  auto end = *control_->find_rollout(id);
  EXPECT_EQ(end.state, RolloutState::failed);
  EXPECT_EQ(end.reason, "version 2 requires new feature 'device'; add a transformer or use a new endpoint");
  auto other = flights_model("2");
  other.outputs[1].dtype = DType::fp64;
  runtime_.add(other);
  id = start().id;
  control_->tick();
  EXPECT_NE(control_->find_rollout(id)->reason.find("output 'probabilities' of version 2 is FP64"), std::string::npos);
  traffic(1);
  EXPECT_EQ(parameter(*last_, "model_version"), "1");
}

TEST_F(ControlTest, RemovingAnEndpointEndsItsRolloutAndItsOrdinalStays) {
  serve();
  uint32_t ordinal = gateway_->snapshot()->endpoints.begin()->second->ordinal;
  auto id = start().id;
  control_->remove_endpoint("flights", {.by = "test"});
  EXPECT_FALSE(gateway_->has("flights"));
  EXPECT_EQ(control_->find_rollout(id)->state, RolloutState::superseded);
  serve();
  EXPECT_EQ(gateway_->snapshot()->endpoints.begin()->second->ordinal, ordinal);
}

TEST_F(ControlTest, SwitchesUnderLoadWithoutAnError) {
  serve();
  std::atomic<bool> stop{false};
  std::atomic<int> errors{0};
  std::atomic<int> answers{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      while (!stop) {
        serving::InferRequest request;
        request.inputs.push_back(floats("temp", {50}));
        request.inputs.push_back(texts("carrier", {"UA"}));
        auto answer = ask(*gateway_, "flights", std::move(request));
        errors += answer ? 0 : 1;
        ++answers;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    resolver_.champion = i % 2 == 0 ? "2" : "1";
    control_->tick();
    auto id = start(i % 2 == 0 ? R"({"candidate": "flights-delay/1"})" : R"({"candidate": "flights-delay/2"})").id;
    control_->tick();
    control_->command(id, {.command = i % 3 == 0 ? Command::promote : Command::abort, .full = i % 3 == 0});
  }
  stop = true;
  callers.clear();
  EXPECT_EQ(errors, 0);
  EXPECT_GT(answers, 0);
}

TEST_F(ControlTest, TheTickerDoesItAlone) {
  control_.reset();
  gateway_ = std::make_unique<Gateway>(
      Gateway::Parts{.runtime = runtime_, .sink = &sink_, .metrics = metrics_, .clock = real_clock_});
  control_ = std::make_unique<Control>(Control::Parts{.database = *database_,
                                                      .clock = real_clock_,
                                                      .runtime = runtime_,
                                                      .gateway = *gateway_,
                                                      .resolver = resolver_,
                                                      .gates = &gates_,
                                                      .outcomes = &outcomes_},
                                       ControlConfig{.tick_ms = 5});
  control_->restore();
  control_->start();
  serve();
  auto id = start().id;
  for (int round = 0; round < 2000 && control_->find_rollout(id)->state != RolloutState::succeeded; ++round)
    traffic(20);
  EXPECT_EQ(control_->find_rollout(id)->state, RolloutState::succeeded);
  control_->stop();
}

}  // namespace
}  // namespace fettle::gateway
