#include "registry/registry.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "journal/journal.h"
#include "registry/names.h"
#include "schema/schema.h"
#include "sql/database.h"

namespace fettle::registry {
namespace {

class FakeSources final : public Sources {
 public:
  std::optional<std::string> run_artifact_uri(const std::string& run) const override {
    if (run != "run") return std::nullopt;
    return "mlflow-artifacts:/0/run/artifacts";
  }
  std::optional<Model> logged_model(const std::string&) const override { return std::nullopt; }
};

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    sql::migrate(*database_, schema::migrations());
    registry_.create_model("m", {{"team", "ops"}}, std::nullopt, "ann");
  }
  int64_t make_version(std::string model = "m", std::vector<KeyValue> tags = {}) {
    return registry_
        .create_version(
            {.model = std::move(model), .source = "runs:/run/model", .run_id = "run", .tags = std::move(tags)}, "ann")
        .version;
  }
  Error error_of(const std::function<void()>& body) {
    try {
      body();
    } catch (const Failure& failure) {
      return failure.error();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  std::vector<journal::AuditEvent> audit(std::string_view subject) {
    return database_->read([&](sql::Connection& c) { return journal::list_audit(c, subject, 100); });
  }

  TemporaryDirectory directory_;
  std::unique_ptr<sql::Database> database_ =
      sql::Database::open("sqlite:///" + (directory_.path() / "t.db").string(), {.durable = false});
  ManualClock clock_;
  FakeSources sources_;
  std::vector<std::string> changes_;
  Registry registry_{*database_, sources_, clock_, [this](const std::string& model) { changes_.push_back(model); }};
};

TEST_F(RegistryTest, AVersionIsAnEffectOfItsRun) {
  EXPECT_EQ(make_version(), 1);
  auto version = registry_.get_version("m", 1);
  EXPECT_EQ(version.storage_location, "mlflow-artifacts:/0/run/artifacts/model");
  auto edges = database_->read(
      [](sql::Connection& c) { return journal::edges(c, {"model_version", "m/1"}, journal::Direction::up, 10); });
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_EQ(edges[0].from, (journal::Node{"run", "run"}));
  EXPECT_EQ(edges[0].relation, "registered");
  ASSERT_EQ(audit("m/1").size(), 1U);
  EXPECT_EQ(audit("m/1")[0].actor, "ann");
  EXPECT_EQ(changes_, std::vector<std::string>{"m"});
}

TEST_F(RegistryTest, AliasMovesAreOneStepAndAudited) {
  make_version();
  make_version();
  registry_.set_alias("m", "champion", 1, "ann");
  registry_.set_alias("m", "champion", 2, "bob");
  registry_.set_alias("m", "champion", 2, "bob");
  EXPECT_EQ(registry_.get_by_alias("m", "champion").version, 2);
  EXPECT_TRUE(registry_.get_version("m", 1).aliases.empty());
  auto events = audit("m@champion");
  ASSERT_EQ(events.size(), 2U) << "setting it again is no event";
  EXPECT_EQ(events[0].detail, R"({"from":1,"to":2})");
  EXPECT_EQ(error_of([&] { registry_.set_alias("m", "champion", 9, "ann"); }).code, Code::not_found);
  EXPECT_EQ(registry_.get_by_alias("m", "champion").version, 2);
  registry_.delete_alias("m", "champion", "ann");
  registry_.delete_alias("m", "champion", "ann");
  EXPECT_EQ(error_of([&] { registry_.get_by_alias("m", "champion"); }).message,
            "Registered model alias champion not found.");
  EXPECT_EQ(error_of([&] { registry_.get_by_alias("none", "champion"); }).code, Code::not_found);
}

TEST_F(RegistryTest, AnAliasOfDigitsIsNoNumber) {
  make_version();
  make_version();
  registry_.set_alias("m", "2", 1, "ann");
  EXPECT_EQ(registry_.get_by_alias("m", "2").version, 1);
  EXPECT_EQ(registry_.resolve("models:/m@2")->version, 1);
  EXPECT_EQ(registry_.resolve("models:/m/2")->version, 2);
  EXPECT_EQ(error_of([&] { registry_.get_by_alias("m", "1"); }).code, Code::invalid_argument);
}

TEST_F(RegistryTest, AnAliasCanMoveInsideACallersTransaction) {
  make_version();
  EXPECT_THROW(database_->write([&](sql::Connection& c) {
    registry_.set_alias_in(c, "m", "champion", 1, "rollout", "promoted");
    fail(Code::aborted, "the rollout is stale");
  }),
               Failure);
  EXPECT_FALSE(registry_.find_version("m", "champion"));
  database_->write([&](sql::Connection& c) { registry_.set_alias_in(c, "m", "champion", 1, "rollout", "promoted"); });
  EXPECT_EQ(audit("m@champion").at(0).detail, R"({"from":null,"to":1,"reason":"promoted"})");
}

TEST_F(RegistryTest, VersionNumbersNeverComeBack) {
  make_version();
  make_version();
  registry_.set_alias("m", "best", 2, "ann");
  registry_.delete_version("m", 2, "ann");
  EXPECT_EQ(make_version(), 3);
  EXPECT_TRUE(registry_.get_model("m").aliases.empty());
  EXPECT_EQ(error_of([&] { registry_.get_version("m", 2); }).message, "Model Version (name=m, version=2) not found");
  EXPECT_FALSE(registry_.find_version("m", "2"));
  EXPECT_EQ(registry_.find_version("m", "LATEST")->version, 3);
  EXPECT_EQ(registry_.resolve("models:/m/1")->version, 1);
  EXPECT_FALSE(registry_.resolve("models:/none/1"));
}

TEST_F(RegistryTest, RenamingTakesEverythingAlongAndKeepsTheLineage) {
  make_version();
  registry_.set_alias("m", "a", 1, "ann");
  auto renamed = registry_.rename_model("m", "n", "ann");
  EXPECT_EQ(renamed.tags, (std::vector<KeyValue>{{"team", "ops"}}));
  EXPECT_EQ(registry_.get_by_alias("n", "a").version, 1);
  EXPECT_EQ(error_of([&] { registry_.get_model("m"); }).message, "Registered Model with name=m not found");
  auto edges = database_->read(
      [](sql::Connection& c) { return journal::edges(c, {"model_version", "n/1"}, journal::Direction::up, 10); });
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_EQ(edges[0].from.id, "m/1");
}

TEST_F(RegistryTest, StagesArchiveTheOthersOnlyWhenAsked) {
  make_version();
  make_version();
  using Others = Registry::Others;
  registry_.transition("m", 1, "production", Others::keep, "ann");
  EXPECT_EQ(registry_.transition("m", 2, "PRODUCTION", Others::archive, "ann").stage, "Production");
  EXPECT_EQ(registry_.get_version("m", 1).stage, "Archived");
  EXPECT_EQ(registry_.latest_versions("m", {"production"}).at(0).version, 2);
  EXPECT_EQ(error_of([&] { registry_.transition("m", 1, "Archived", Others::archive, "ann"); }).code,
            Code::invalid_argument);
  EXPECT_EQ(error_of([&] { registry_.transition("m", 1, "foo", Others::keep, "ann"); }).message,
            "Invalid Model Version stage: foo. Value must be one of None, Staging, Production, Archived.");
}

TEST_F(RegistryTest, AVersionOfAVersionPointsAtTheSameFiles) {
  make_version();
  registry_.set_alias("m", "a", 1, "ann");
  registry_.create_model("copy", {}, std::nullopt, "ann");
  auto copy = registry_.create_version({.model = "copy", .source = "models:/m@a"}, "ann");
  EXPECT_EQ(copy.source, "models:/m/1");
  EXPECT_EQ(copy.storage_location, "mlflow-artifacts:/0/run/artifacts/model");
  EXPECT_EQ(copy.run_id, "run");
  EXPECT_EQ(error_of([&] { registry_.create_version({.model = "copy", .source = "models:/m/9"}, "ann"); }).code,
            Code::not_found);
  EXPECT_EQ(error_of([&] {
              registry_.create_version({.model = "copy", .source = "models:/m/1", .run_id = "other"}, "ann");
            }).code,
            Code::invalid_argument);
}

TEST_F(RegistryTest, APromptTagNeverWidensWhatASourceMayBe) {
  auto error = error_of([&] {
    registry_.create_version({.model = "m", .source = "/etc/passwd", .tags = {{std::string(kPromptTag), "true"}}},
                             "ann");
  });
  EXPECT_EQ(error.message, "Invalid prompt source: '/etc/passwd'. Prompt sources must use an MLflow placeholder.");
  registry_.create_version({.model = "m", .source = "dummy-source", .tags = {{std::string(kPromptTag), "True"}}},
                           "ann");
  EXPECT_TRUE(registry_.search_versions({}).items.empty()) << "prompts are hidden";
  EXPECT_EQ(registry_.search_versions({.prompts = true}).items.size(), 1U);
  EXPECT_EQ(error_of([&] { registry_.create_version({.model = "m", .source = "models:/m/1"}, "ann"); }).code,
            Code::invalid_argument);
}

TEST_F(RegistryTest, SearchPagesEqualTheWhole) {
  for (auto name : {"b", "c", "d", "e"}) registry_.create_model(name, {}, std::nullopt, "ann");
  std::string names;
  ModelQuery query{.limit = 2};
  while (true) {
    auto page = registry_.search_models(query);
    for (const auto& model : page.items) names += model.name;
    if (!page.next) break;
    query.after = page.next;
  }
  EXPECT_EQ(names, "bcdem");
}

TEST_F(RegistryTest, DeletingAModelIsForGood) {
  make_version();
  registry_.set_alias("m", "a", 1, "ann");
  registry_.delete_model("m", "ann");
  EXPECT_EQ(error_of([&] { registry_.get_model("m"); }).code, Code::not_found);
  registry_.create_model("m", {}, std::nullopt, "ann");
  EXPECT_EQ(make_version(), 1);
}

TEST(RegistryNames, Rules) {
  for (auto bad : {"", "  ", "a/b", "a:b"}) EXPECT_THROW(check_model_name(bad), Failure) << bad;
  EXPECT_THROW(check_model_name(std::string(257, 'a')), Failure);
  EXPECT_NO_THROW(check_model_name("flights delay é"));
  for (auto bad : {"", "a b", "latest", "LATEST", "v1", "V20", "a/b"}) EXPECT_THROW(check_alias(bad), Failure) << bad;
  for (auto good : {"v", "v1a", "champion", "a-b_c"}) EXPECT_NO_THROW(check_alias(good)) << good;
  for (auto bad : {"abc", "1.0", "", "9999999999999999999"}) EXPECT_THROW(parse_version(bad), Failure) << bad;
}

}  // namespace
}  // namespace fettle::registry
