#include "jobs/jobs.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "schema/schema.h"

namespace fettle::jobs {
namespace {

class JobsTest : public ::testing::Test {
 protected:
  JobsTest() { sql::migrate(*database, schema::migrations()); }
  Config config() {
    return {.log_directory = directory.path() / "logs",
            .workers = 2,
            .log_limit_bytes = 4096,
            .cancel_grace_ms = 200,
            .environment = {{"MLFLOW_TRACKING_URI", "http://here"}}};
  }
  Spec shell(const std::string& text) {
    return {.name = "test", .command = {"sh", "-c", text}, .directory = directory.path()};
  }
  // Reads the log to its end, which waits for the job.
  std::string log_of(Jobs& jobs, const std::string& id) {
    std::string text;
    for (int64_t offset = 0;;) {
      LogPiece piece = jobs.read_log(id, offset, 1 << 20, 5000);
      text += piece.text;
      offset = piece.next_offset;
      if (piece.end) return text;
    }
  }
  TemporaryDirectory directory;
  std::unique_ptr<sql::Database> database = sql::Database::open("sqlite://:memory:");
  SystemClock clock;
};

TEST_F(JobsTest, RunsWithItsEnvironmentAndKeepsTheLog) {
  Jobs jobs(*database, clock, config());
  std::atomic<int> ended = 0;
  jobs.start([&](const Job&) { ++ended; });
  Job job = jobs.submit(shell("echo $MLFLOW_TRACKING_URI $FETTLE_JOB_ID; echo problem >&2; exit 3"));
  std::string log = log_of(jobs, job.id);
  EXPECT_NE(log.find("http://here " + job.id), std::string::npos);
  EXPECT_NE(log.find("problem"), std::string::npos);
  job = *jobs.find(job.id);
  EXPECT_EQ(job.state, State::failed);
  EXPECT_EQ(job.exit_code, 3);
  jobs.stop();
  EXPECT_EQ(ended, 1);
}

TEST_F(JobsTest, TimesOutAndCancels) {
  Jobs jobs(*database, clock, config());
  Spec slow = shell("sleep 30");
  slow.timeout_ms = 1000;
  jobs.start({});
  Job timed = jobs.submit(slow);
  slow.timeout_ms = 60'000;
  Job cancelled = jobs.submit(slow);
  log_of(jobs, timed.id);
  EXPECT_EQ(jobs.find(timed.id)->state, State::timed_out);
  jobs.cancel(cancelled.id, "test");
  log_of(jobs, cancelled.id);
  EXPECT_EQ(jobs.find(cancelled.id)->state, State::cancelled);
  EXPECT_EQ(jobs.cancel(cancelled.id, "again").state, State::cancelled);
}

TEST_F(JobsTest, AJobThatCannotStartFailsWithTheReason) {
  Jobs jobs(*database, clock, config());
  jobs.start({});
  Spec spec = shell("");
  spec.command = {"no-such-program"};
  Job job = jobs.submit(spec);
  log_of(jobs, job.id);
  EXPECT_NE(jobs.find(job.id)->reason.find("no-such-program"), std::string::npos);
}

TEST_F(JobsTest, CutsALogAtItsLimit) {
  Jobs jobs(*database, clock, config());
  jobs.start({});
  Job job = jobs.submit(shell("yes fettle | head -c 100000"));
  std::string log = log_of(jobs, job.id);
  EXPECT_LT(log.size(), 5000u);
  EXPECT_NE(log.find("[the log is cut here"), std::string::npos);
  EXPECT_EQ(jobs.find(job.id)->state, State::succeeded);
}

TEST_F(JobsTest, TheSameKeyAnswersTheFirstJob) {
  Jobs jobs(*database, clock, config());
  Spec spec = shell("true");
  spec.key = "nightly-2013-03";
  EXPECT_EQ(jobs.submit(spec).id, jobs.submit(spec).id);
  EXPECT_EQ(jobs.list({}).size(), 1u);
  EXPECT_EQ(jobs.cancel(jobs.submit(spec).id, "me").reason, "cancelled by me before it ran");
}

TEST_F(JobsTest, WhatADeadServerLeftRunningIsLost) {
  std::string id;
  {
    Jobs jobs(*database, clock, config());
    id = jobs.submit(shell("true")).id;
  }
  database->write([&](sql::Connection& c) { c.exec("update jobs set state = 'running' where id = $1", id); });
  Jobs jobs(*database, clock, config());
  std::atomic<int> lost = 0;
  jobs.start([&](const Job& job) { lost += job.state == State::lost; });
  EXPECT_EQ(jobs.find(id)->state, State::lost);
  EXPECT_EQ(lost, 1);
}

TEST_F(JobsTest, RefusesBadSpecsWithEveryProblem) {
  Jobs jobs(*database, clock, config());
  try {
    jobs.submit({.name = "", .command = {}, .directory = "relative", .timeout_ms = 1});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    EXPECT_EQ(failure.error().details.size(), 4u);
  }
  EXPECT_THROW(jobs.read_log("none", 0, 1, 0), Failure);
}

}  // namespace
}  // namespace fettle::jobs
