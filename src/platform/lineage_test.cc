#include "platform/lineage.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "schema/schema.h"

namespace fettle::platform {
namespace {

using journal::Direction;
using journal::Edge;
using journal::Node;

constexpr std::string_view kRun = "7c1e09ab00112233445566778899aabb";

class FakeSource : public LineageSource {
 public:
  std::vector<Edge> computed_edges(const Node& node, Direction direction, int64_t) override {
    if (node.kind == "prediction" && direction == Direction::up)
      return {{{"endpoint_revision", "r1"}, node, "answered", 5}};
    return {};
  }
  bool describe(LineageNode& node) override {
    node.name = node.node.id;
    return node.node.id != "missing/1" && !node.node.id.starts_with("d41d");
  }
  std::optional<std::string> model_version(std::string_view model, std::string_view alias) override {
    if (model == "flights" && (alias == "champion" || alias == "latest")) return "8";
    return std::nullopt;
  }
  std::vector<std::string> runs_with_prefix(std::string_view prefix) override {
    if (kRun.starts_with(prefix)) return {std::string(kRun)};
    return {};
  }
};

class LineageTest : public ::testing::Test {
 protected:
  LineageTest() { sql::migrate(*database, schema::migrations()); }
  void add(const Node& from, const Node& to, const std::string& relation) {
    database->write([&](sql::Connection& c) { journal::add_edge(c, {from, to, relation, 1}); });
  }
  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  FakeSource source;
  Lineage lineage{*database, source};
};

TEST(ParseNode, KnowsTheWholeGrammar) {
  auto canonical = [](std::string_view id) {
    auto node = parse_node(id);
    return node ? format_node(*node) : "none";
  };
  EXPECT_EQ(canonical("models:/flights/8"), "models:/flights/8");
  EXPECT_EQ(canonical("flights/8"), "models:/flights/8");
  EXPECT_EQ(canonical("flights@champion"), "models:/flights@champion");
  EXPECT_EQ(canonical("7c1e"), "run/7c1e");
  EXPECT_EQ(canonical("01J00000000000000000000000"), "prediction/01J00000000000000000000000/0");
  EXPECT_EQ(canonical("prediction/01J00000000000000000000000/3"), "prediction/01J00000000000000000000000/3");
  EXPECT_EQ(canonical("md5:0cc175b9c0f1b6a831c399e269772661"), "data/md5:0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(canonical("0cc175b9c0f1b6a831c399e269772661.dir"), "data/md5:0cc175b9c0f1b6a831c399e269772661.dir");
  EXPECT_EQ(canonical("window/monthly/2013-07"), "window/monthly/2013-07");
  EXPECT_EQ(canonical("xyz"), "none");
  EXPECT_EQ(canonical(""), "none");
}

TEST_F(LineageTest, ResolvesAliasesAndPrefixes) {
  EXPECT_EQ(format_node(lineage.resolve("flights@champion")), "models:/flights/8");
  EXPECT_EQ(format_node(lineage.resolve("models:/flights/latest")), "models:/flights/8");
  EXPECT_EQ(lineage.resolve("7c1e").id, kRun);
  EXPECT_THROW(lineage.resolve("ffff"), Failure);
  EXPECT_THROW(lineage.resolve("flights@nobody"), Failure);
  EXPECT_THROW(lineage.resolve("models:/missing/1"), Failure);
  EXPECT_THROW(lineage.resolve("?"), Failure);
}

TEST_F(LineageTest, ThirtyTwoHexDigitsThatAreNoRunAreAData) {
  std::string md5 = "d41d8cd98f00b204e9800998ecf8427e";
  EXPECT_THROW(lineage.resolve(md5), Failure);
  add({"data", "md5:" + md5}, {"pipeline_run", "p"}, "input");
  EXPECT_EQ(format_node(lineage.resolve(md5)), "data/md5:" + md5);
}

TEST_F(LineageTest, WalksFromAPredictionToItsDataAndBack) {
  Node data{"data", "md5:0cc1"}, stage{"pipeline_run", "p1"}, run{"run", std::string(kRun)},
      version{"model_version", "flights/8"};
  Node revision{"endpoint_revision", "r1"}, prediction{"prediction", "01J/0"};
  add(data, stage, "input");
  add(stage, run, "logged");
  add(run, version, "registered");
  add(version, revision, "serves");
  LineageGraph up = lineage.trace(prediction, {.up = 20, .down = 0});
  EXPECT_EQ(up.nodes.size(), 6u);
  EXPECT_EQ(up.nodes.back().node, data);
  EXPECT_EQ(up.nodes.back().depth, -5);
  LineageGraph down = lineage.trace(data, {.up = 0, .down = 20});
  EXPECT_EQ(down.nodes.back().node, revision);
  EXPECT_FALSE(down.truncated);
}

TEST_F(LineageTest, FoldsManySiblingsAndStopsAtItsLimit) {
  for (int i = 0; i < 30; ++i) add({"data", "md5:0"}, {"pipeline_run", fmt::format("p{}", i)}, "input");
  LineageGraph graph = lineage.trace({"data", "md5:0"}, {.up = 0, .down = 1});
  EXPECT_EQ(graph.nodes.size(), 1u + 12 + 1);
  EXPECT_EQ(graph.nodes.back().attributes.at("count"), "18");
  EXPECT_TRUE(lineage.trace({"data", "md5:0"}, {.up = 0, .down = 1, .nodes = 5}).truncated);
}

}  // namespace
}  // namespace fettle::platform
