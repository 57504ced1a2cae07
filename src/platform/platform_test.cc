#include "platform/platform.h"

#include <gtest/gtest.h>

#include "schema/schema.h"

namespace fettle::platform {
namespace {

class PlatformTest : public ::testing::Test {
 protected:
  PlatformTest() { sql::migrate(*database, schema::migrations()); }

  KindHandler kind(const std::string& name, const std::string& refers_to = "") {
    return {.kind = name,
            .problems =
                [](const Document& d) {
                  std::vector<Detail> problems;
                  if (d.spec.find("bad") != std::string::npos) problems.push_back({"size", "'bad' is not a size"});
                  return problems;
                },
            .references =
                [refers_to](const Document& d) {
                  std::vector<Reference> references;
                  if (!refers_to.empty()) references.push_back({refers_to, d.name, "target"});
                  return references;
                },
            .applied =
                [this](const Resource& r) { applied.push_back(fmt::format("{}/{}@{}", r.kind, r.name, r.generation)); },
            .removed = [this](const std::string& name_) { applied.push_back("-" + name_); },
            .status = [](const std::string&) { return std::string("{}"); }};
  }
  Code code_of(const std::function<void()>& body) {
    try {
      body();
    } catch (const Failure& failure) {
      error = failure.error();
      return failure.code();
    }
    return Code::internal;
  }

  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  ManualClock clock;
  std::vector<std::string> applied;
  Error error;
  Platform platform{*database, clock, {kind("Contract"), kind("Endpoint", "Contract")}};
};

TEST_F(PlatformTest, AppliesInDependencyOrderAndTheSecondTimeNothing) {
  std::vector<Document> documents = {{"Endpoint", "a", R"({"size":1})"}, {"Contract", "a", "{}"}};
  Plan planned = platform.plan(documents, {});
  EXPECT_EQ(planned.changes.size(), 2u);
  EXPECT_TRUE(applied.empty());
  EXPECT_EQ(platform.apply(documents, {}).revision, 1);
  EXPECT_EQ(applied, (std::vector<std::string>{"Contract/a@1", "Endpoint/a@1"}));
  Plan again = platform.apply(documents, {});
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(again.revision, 1);
  EXPECT_EQ(applied.size(), 2u);
}

TEST_F(PlatformTest, TellsEveryProblemAtOnceAndWritesNothing) {
  std::vector<Document> documents = {{"Endpoint", "x", "{}"},
                                     {"Contract", "y", R"({"size":"bad"})"},
                                     {"Endpoit", "z", "{}"},
                                     {"Contract", "../y", "{}"}};
  EXPECT_EQ(code_of([&] { platform.apply(documents, {}); }), Code::invalid_argument);
  ASSERT_EQ(error.details.size(), 4u);
  EXPECT_EQ(error.details[0].path, "documents[0].spec.target");
  EXPECT_EQ(error.details[1].path, "documents[1].spec.size");
  EXPECT_EQ(error.details[2].message, "unknown kind 'Endpoit', did you mean 'Endpoint'?");
  EXPECT_TRUE(platform.list().empty());
}

TEST_F(PlatformTest, AnUpdateNamesItsFieldsAndKeepsHistory) {
  platform.apply({{"Contract", "a", R"({"range_k":3,"features":[{"name":"temp","range":"warn"}]})"}}, {});
  clock.advance_ms(5);
  Plan plan = platform.apply({{"Contract", "a", R"({"features":[{"name":"temp","range":"reject"}],"range_k":3})"}},
                             {.by = "cli", .reason = "stricter"});
  ASSERT_EQ(plan.changes[0].fields.size(), 1u);
  EXPECT_EQ(plan.changes[0].fields[0].path, "spec.features[temp].range");
  auto history = platform.history("Contract", "a");
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].generation, 2);
  EXPECT_EQ(history[0].reason, "stricter");
}

TEST_F(PlatformTest, AnEditMadeElsewhereConflictsUnlessForced) {
  platform.apply({{"Contract", "a", R"({"range_k":3})"}}, {});
  platform.apply({{"Contract", "a", R"({"range_k":5})"}}, {.plan = {.force_owner = true, .owner = "ui"}});
  EXPECT_EQ(code_of([&] { platform.apply({{"Contract", "a", R"({"range_k":4})"}}, {}); }), Code::failed_precondition);
  EXPECT_NE(error.message.find("'ui' set it to 5"), std::string::npos);
  EXPECT_EQ(
      platform.apply({{"Contract", "a", R"({"range_k":4})"}}, {.plan = {.force_owner = true}}).changes[0].generation,
      3);
}

TEST_F(PlatformTest, PrunesDependantsFirstAndRefusesToRemoveWhatIsNamed) {
  platform.apply({{"Contract", "a", "{}"}, {"Endpoint", "a", "{}"}}, {});
  EXPECT_EQ(code_of([&] { platform.remove("Contract", "a", {}, {}); }), Code::failed_precondition);
  EXPECT_EQ(code_of([&] { platform.remove("Endpoint", "a", 9, {}); }), Code::aborted);
  applied.clear();
  Plan plan = platform.apply({}, {.plan = {.prune = true}});
  EXPECT_EQ(applied, (std::vector<std::string>{"-a", "-a"}));
  EXPECT_EQ(plan.changes[0].document.kind, "Endpoint");
  EXPECT_TRUE(platform.list().empty());
}

TEST_F(PlatformTest, AStaleRevisionIsAborted) {
  platform.apply({{"Contract", "a", "{}"}}, {});
  EXPECT_EQ(code_of([&] { platform.apply({{"Contract", "b", "{}"}}, {.revision = 0}); }), Code::aborted);
}

TEST_F(PlatformTest, RestoreTellsTheOwnersAgain) {
  platform.apply({{"Contract", "a", "{}"}}, {});
  applied.clear();
  Platform(*database, clock, {kind("Contract")}).restore();
  EXPECT_EQ(applied, (std::vector<std::string>{"Contract/a@1"}));
}

}  // namespace
}  // namespace fettle::platform
