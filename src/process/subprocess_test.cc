#include "process/subprocess.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/error.h"

namespace fettle::process {
namespace {

Command shell(std::string line) { return {.argv = {"/bin/sh", "-c", std::move(line)}}; }

TEST(Subprocess, CapturesBothStreamsAndTheExitCode) {
  Result result = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.end, End::exited);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error, "err\n");
  EXPECT_EQ(describe(result), "exited with 3");
}

TEST(Subprocess, StreamsOutputInOrder) {
  std::string seen;
  RunControl control;
  control.on_output = [&](Channel, std::string_view piece) { seen += piece; };
  Result result = run(shell("for i in 1 2 3; do echo $i; done; head -c 300000 /dev/zero | tr '\\0' x"), control);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(seen.substr(0, 6), "1\n2\n3\n");
  EXPECT_EQ(seen.size(), 300006u);
}

TEST(Subprocess, KeepsOnlyTheCaptureLimit) {
  RunControl control;
  control.capture_limit_bytes = 10;
  Result result = run(shell("head -c 100 /dev/zero | tr '\\0' x"), control);
  EXPECT_EQ(result.output, "xxxxxxxxxx");
  EXPECT_TRUE(result.truncated);
}

TEST(Subprocess, RunsInItsDirectoryWithItsEnvironment) {
  TemporaryDirectory dir;
  Command command = shell("pwd; echo $COLOUR$HOME");
  command.cwd = dir.path();
  command.environment = {{"COLOUR", "red"}, {"HOME", std::nullopt}};
  Result result = run(command);
  EXPECT_EQ(result.output, std::filesystem::canonical(dir.path()).string() + "\nred\n");
}

TEST(Subprocess, FeedsItsInput) {
  Command command{.argv = {"cat"}, .input = Stream::pipe, .input_text = std::string(200000, 'y')};
  EXPECT_EQ(run(command).output, command.input_text);
}

TEST(Subprocess, ATimeoutKillsTheWholeGroup) {
  RunControl control{.timeout_ms = 200, .grace_ms = 100};
  Result result = run(shell("trap '' TERM; sleep 30 & sleep 30; echo never"), control);
  EXPECT_EQ(result.end, End::timed_out);
  EXPECT_EQ(result.output, "");
  EXPECT_LT(result.usage.wall_ms, 5000);
}

TEST(Subprocess, ACancelEndsIt) {
  std::atomic<bool> cancel = false;
  RunControl control;
  control.cancel = &cancel;
  control.on_start = [&](pid_t pid) {
    EXPECT_GT(pid, 0);
    cancel = true;
  };
  Result result = run(shell("sleep 30"), control);
  EXPECT_EQ(result.end, End::cancelled);
  EXPECT_EQ(describe(result), "cancelled");
}

TEST(Subprocess, ASignalIsReported) {
  Result result = run(shell("kill -9 $$"));
  EXPECT_EQ(result.end, End::signalled);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(Subprocess, CpuAndFileLimitsHold) {
  Command spin = shell("while :; do :; done");
  spin.limits.cpu_seconds = 1;
  Result result = run(spin, {.timeout_ms = 20000});
  EXPECT_EQ(result.end, End::signalled);
  EXPECT_EQ(result.signal, SIGXCPU);
  TemporaryDirectory dir;
  Command big = shell("head -c 100000 /dev/zero > big");
  big.cwd = dir.path();
  big.limits.file_bytes = 1000;
  EXPECT_FALSE(run(big).ok());
}

TEST(Subprocess, WhatCannotStartIsAClearFailure) {
  try {
    run({.argv = {"no-such-program-here"}});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::not_found);
    EXPECT_STREQ(failure.what(), "program 'no-such-program-here' is not in PATH");
  }
  EXPECT_THROW(run({.argv = {}}), Failure);
  EXPECT_THROW(run({.argv = {"true"}, .cwd = "/no/such/dir"}), Failure);
  EXPECT_THROW(run({.argv = {"/etc/passwd"}}), Failure);
}

TEST(Subprocess, TheDestructorKillsWhatStillRuns) {
  pid_t pid = 0;
  {
    Child child = Child::start(shell("sleep 30"));
    pid = child.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Subprocess, ALateGrandchildDoesNotHoldTheRun) {
  Result result = run(shell("setsid sleep 5 & echo done"), {.timeout_ms = 4000});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.output, "done\n");
  EXPECT_LT(result.usage.wall_ms, 3000);
}

}  // namespace
}  // namespace fettle::process
