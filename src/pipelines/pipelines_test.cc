#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/dvc_yaml.h"
#include "pipelines/graph.h"
#include "pipelines/metrics.h"
#include "pipelines/repro.h"
#include "pipelines/stage_add.h"
#include "pipelines/status.h"

namespace fettle::pipelines {
namespace {

namespace fs = std::filesystem;

TEST(ParameterValues, CompareAsInPython) {
  EXPECT_TRUE(equal_as_python({int64_t{1}}, {1.0}));
  EXPECT_TRUE(equal_as_python({true}, {int64_t{1}}));
  EXPECT_FALSE(equal_as_python({std::string("1")}, {int64_t{1}}));
  Value::Map ab = {{"a", {int64_t{1}}}, {"b", {int64_t{2}}}};
  Value::Map ba = {{"b", {2.0}}, {"a", {int64_t{1}}}};
  EXPECT_TRUE(equal_as_python({ab}, {ba}));
  EXPECT_FALSE(equal_as_python({Value::List{{int64_t{1}}, {int64_t{2}}}}, {Value::List{{int64_t{2}}, {int64_t{1}}}}));
  EXPECT_TRUE(equal_as_python({}, {}));
}

// The vector of spec data-versioning 1.9, recomputed from DVC's formula.
TEST(RunCache, NamesAreDvcs) {
  LockEntry entry;
  entry.command.lines = {"train é"};
  data::Output dep;
  dep.path = "data";
  dep.oid = "2f83d11e62144c050f1158231deb8507.dir";
  dep.size = 4;
  entry.deps = {dep};
  Value::List list = {{int64_t{1}}, {2.5}, {std::string("é")}};
  entry.params = {{"params.yaml", {{"lr", {1e-05}}, {"n", {100.0}}, {"on", {true}}, {"x", {}}, {"l", {list}}}}};
  data::Output out;
  out.path = "o";
  out.oid = "73f71eecb3ee4a80e1e3fad799073f65";
  entry.outs = {out};
  RunCacheNames names = run_cache_names(entry);
  EXPECT_EQ(names.key, "de30921e03a254bced1a8bd7837416c4b8ab7989da738b9606613202e7be36d1");
  EXPECT_EQ(names.value, "698f637c11526e840847aaaeb7a8e27c615f652bd2c11a508603cfda09c24611");
  EXPECT_TRUE(parse_run_cache(names.text));
  EXPECT_FALSE(parse_run_cache("outs:\n- path: x\n  md5: ../../etc\n"));
}

TEST(StageAdd, FindsFilesInACommand) {
  TemporaryDirectory dir;
  std::ofstream(dir.path() / "train.py") << "x";
  std::ofstream(dir.path() / "old.csv") << "x";
  std::vector<std::string> command = {"python", "train.py", "--data=old.csv", ">", "train.py"};
  EXPECT_EQ(files_named_in(dir.path(), command, {}), (std::vector<std::string>{"train.py", "old.csv"}));
  EXPECT_EQ(files_named_in(dir.path(), {"cp train.py old.csv"}, {{.path = "old.csv"}}),
            (std::vector<std::string>{"train.py"}));
  EXPECT_EQ(command_line_of({"echo", "foo bar"}), "echo \"foo bar\"");
}

class ProjectTest : public testing::Test {
 protected:
  ProjectTest() : root(fs::canonical(directory.path())) { data::Repository::init(root, {.no_scm = true}); }
  void write(const std::string& name, std::string_view text) { std::ofstream(root / name, std::ios::binary) << text; }
  bool exists(const std::string& name) { return fs::exists(root / name); }

  ReproResult repro(ReproOptions options = {}, std::vector<std::string> targets = {}) {
    data::Repository repository = data::Repository::open(root);
    Project project(repository, root);
    said.clear();
    ReproEdge edge{.say = [this](std::string_view line) { said += std::string(line) + "\n"; },
                   .warn = [](std::string_view) {}};
    edge.report = [this](const StageReport& report) { reports.push_back(report); };
    edge.clock = &clock;
    return reproduce(project, targets, options, edge);
  }
  std::string refusal() {
    try {
      repro();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "none";
  }

  TemporaryDirectory directory;
  fs::path root;
  std::string said;
  std::vector<StageReport> reports;
  ManualClock clock;
};

constexpr const char* kChain =
    "stages:\n  b:\n    cmd: cp x y && echo run >> log\n    deps: [x]\n    outs: [y]\n  a:\n    cmd: cp in x\n    "
    "deps: [in]\n"
    "    params: [p]\n    outs: [x]\n";

TEST_F(ProjectTest, RunsInOrderAndThenNothing) {
  write("dvc.yaml", kChain);
  write("in", "1");
  write("params.yaml", "p: 1\n");
  EXPECT_EQ(repro().executed, 2u);
  EXPECT_EQ(repro().executed, 0u);
  EXPECT_EQ(said, "Stage 'a' didn't change, skipping\nStage 'b' didn't change, skipping\n");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].stage, "a");
  EXPECT_EQ(reports[1].deps[0].md5, reports[0].outs[0].md5);
}

TEST_F(ProjectTest, ChangesStopWhereOutputsStayTheSame) {
  write("dvc.yaml", kChain);
  write("in", "1");
  write("params.yaml", "p: 1\n");
  repro();
  write("params.yaml", "p: 2\n");
  EXPECT_EQ(repro().executed, 1u) << said;  // x is the same again, so b is not run
  write("params.yaml", "p: 1\n");
  EXPECT_EQ(repro().executed, 1u);
  EXPECT_NE(said.find("Stage 'a' is cached - skipping run, checking out outputs"), std::string::npos);
  EXPECT_EQ(reports.size(), 3u) << "a restored stage did not run";
}

TEST_F(ProjectTest, LostOutputsComeBackWithoutARun) {
  write("dvc.yaml", kChain);
  write("in", "1");
  write("params.yaml", "p: 1\n");
  repro();
  fs::remove(root / "y");
  repro({.no_run_cache = true});
  EXPECT_TRUE(exists("y"));
  EXPECT_EQ(read_file(root / "log"), "run\n");
}

TEST_F(ProjectTest, DryRunTouchesNothing) {
  write("dvc.yaml", kChain);
  write("in", "1");
  write("params.yaml", "p: 1\n");
  repro({.dry = true});
  EXPECT_FALSE(exists("x"));
  EXPECT_FALSE(exists("dvc.lock"));
  EXPECT_NE(said.find("> cp in x"), std::string::npos);
}

TEST_F(ProjectTest, ASingleItemLeavesTheRestAlone) {
  write("dvc.yaml", kChain);
  write("in", "1");
  write("params.yaml", "p: 1\n");
  repro({.single_item = true}, {"a"});
  EXPECT_TRUE(exists("x"));
  EXPECT_FALSE(exists("y"));
  repro({.downstream = true}, {"a"});
  EXPECT_TRUE(exists("y"));
}

TEST_F(ProjectTest, OutputsGoBeforeARunAndPersistentOnesStay) {
  write("dvc.yaml",
        "stages:\n  a:\n    cmd: test ! -e gone && echo more >> kept && echo 1 > gone\n    outs:\n    - gone\n    - "
        "kept:\n        persist: true\n");
  repro();
  repro({.force = true});
  EXPECT_EQ(read_file(root / "kept"), "more\nmore\n");
}

TEST_F(ProjectTest, AMissingInputIsSeenBeforeOutputsAreRemoved) {
  write("dvc.yaml", "stages:\n  a:\n    cmd: cp in x\n    deps: [in]\n    outs: [x]\n");
  write("x", "precious");
  EXPECT_NE(refusal().find("No such file or directory"), std::string::npos);
  EXPECT_EQ(read_file(root / "x"), "precious");
}

TEST_F(ProjectTest, LinesOfAStringAreCommandsOfTheirOwn) {
  write("dvc.yaml",
        "stages:\n  a:\n    cmd: |\n      X=1\n      echo \"v$X\" > a\n    outs: [a]\n  b:\n    cmd:\n    - |\n      "
        "X=1\n      echo \"v$X\" > b\n    outs: [b]\n");
  repro();
  EXPECT_EQ(read_file(root / "a"), "v\n");
  EXPECT_EQ(read_file(root / "b"), "v1\n");
}

TEST_F(ProjectTest, TemplatesAreFilledAndRefused) {
  write("params.yaml", "lr: 1.0e-05\nm: {a: 1, fast: true, off: false, s: 'x y'}\n");
  write("dvc.yaml", "stages:\n  a:\n    cmd: echo ${lr} ${m} \\${HOME}\n");
  data::Repository repository = data::Repository::open(root);
  EXPECT_EQ(load_dvc_yaml(repository, root / "dvc.yaml").stages[0].command.lines[0],
            "echo 1e-05 --a 1 --fast --s 'x y' ${HOME}");
  write("dvc.yaml", "stages:\n  a:\n    cmd: echo ${m.zz}\n");
  EXPECT_EQ(refusal(), "failed to parse 'stages.a.cmd' in 'dvc.yaml': Could not find 'm.zz'");
  write("params.yaml", "d: 2020-01-01\n");
  EXPECT_NE(refusal().find("is a date"), std::string::npos);
}

TEST_F(ProjectTest, AMillionStagesOfAMatrixAreRefused) {
  std::string numbers;
  for (int i = 0; i < 400; ++i) numbers += (i ? "," : "") + std::to_string(i);
  write("dvc.yaml", "stages:\n  a:\n    matrix:\n      x: [" + numbers + "]\n      y: [" + numbers +
                        "]\n    cmd: echo ${item.x}\n");
  EXPECT_NE(refusal().find("more than 100000 combinations"), std::string::npos);
}

TEST_F(ProjectTest, BadGraphsAreRefused) {
  write("dvc.yaml",
        "stages:\n  a:\n    cmd: x\n    deps: [p]\n    outs: [o]\n  b:\n    cmd: x\n    deps: [o]\n    outs: [p]\n");
  EXPECT_EQ(refusal(), "Same item(s) are defined as both a dependency and an output in stages: a, b.");
  write("dvc.yaml", "stages:\n  a:\n    cmd: x\n    outs: [../o]\n");
  EXPECT_EQ(refusal(), "output '../o' is outside of the repository");
  write("dvc.yaml", "stages:\n  a:\n    cmd: x\n    wdir: ../..\n");
  EXPECT_NE(refusal().find("outside of the repository"), std::string::npos);
}

TEST_F(ProjectTest, AStageIsAddedWithinItsFile) {
  write("dvc.yaml", "stages:\n  # one\n  a: {cmd: echo}\n");
  data::Repository repository = data::Repository::open(root);
  Project project(repository, root);
  add_stage(project, {.name = "b", .command = "echo 2 > o", .params = {"x,y", "other.yaml:"}, .outs = {{.path = "o"}}});
  EXPECT_EQ(read_file(root / "dvc.yaml"),
            "stages:\n  # one\n  a: {cmd: echo}\n  b:\n    cmd: echo 2 > o\n    params:\n    - x\n    - y\n    - "
            "other.yaml:\n    outs:\n    - o\n");
  EXPECT_THROW(add_stage(project, {.name = "b", .command = "x"}), Failure);
  EXPECT_THROW(add_stage(project, {.name = "x.y", .command = "x"}), Failure);
  EXPECT_THROW(add_stage(project, {.name = "c", .command = "x", .outs = {{.path = "o/p"}}}), Failure);
}

TEST_F(ProjectTest, StatusNamesSingleParameters) {
  write("dvc.yaml", "stages:\n  a:\n    cmd: echo 1 > o\n    params: [p, q]\n    outs: [o]\n");
  write("params.yaml", "p: 1\nq: 2\n");
  repro();
  write("params.yaml", "p: 3\n");
  data::Repository repository = data::Repository::open(root);
  Project project(repository, root);
  StageStatus status = status_of(project, project.stages()[0]);
  ASSERT_EQ(status.deps.size(), 1u);
  ASSERT_EQ(status.deps[0].params.size(), 2u);
  EXPECT_EQ(word_of(status.deps[0].params[0].second), "modified");
  EXPECT_EQ(word_of(status.deps[0].params[1].second), "deleted");
}

}  // namespace
}  // namespace fettle::pipelines
