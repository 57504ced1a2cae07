#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include <sys/resource.h>

#include "base/error.h"

namespace fettle {
namespace {

namespace fs = std::filesystem;

template <class Body>
Code code_of(Body body) {
  auto outcome = outcome_of(body);
  EXPECT_FALSE(outcome) << "expected a failure";
  return outcome ? Code::internal : outcome.error().code;
}

size_t entries(const fs::path& directory) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(directory), {}));
}

class FileTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  fs::path path_ = directory_.path() / "file";
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  std::string content(100'000, 'x');
  content += std::string("\0\n", 2);
  write_file_atomic(path_, content, Durability::synced);
  EXPECT_EQ(read_file(path_), content);
  write_file_atomic(path_, "");
  EXPECT_EQ(read_file(path_), "");
  EXPECT_EQ(entries(directory_.path()), 1u) << "no temporary is left";
}

TEST_F(FileTest, ReadsFilesThatHaveNoSize) { EXPECT_FALSE(read_file("/proc/self/status").empty()); }

TEST_F(FileTest, RefusesMoreThanTheLimit) {
  write_file_atomic(path_, "12345");
  EXPECT_EQ(read_file(path_, 5), "12345");
  EXPECT_EQ(code_of([&] { read_file(path_, 4); }), Code::resource_exhausted);
}

TEST_F(FileTest, NamesThePathAndTheCauseOfAFailure) {
  try {
    read_file(path_ / "missing");
    FAIL() << "expected not_found";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::not_found);
    EXPECT_NE(failure.error().message.find((path_ / "missing").string()), std::string::npos);
  }
  EXPECT_EQ(code_of([&] { read_file(directory_.path()); }), Code::invalid_argument);
  EXPECT_EQ(code_of([&] { write_file_atomic(path_ / "no" / "such", "x"); }), Code::not_found);
  EXPECT_EQ(code_of([] { fail_errno(ENOSPC, "cannot write", "x"); }), Code::resource_exhausted);
  EXPECT_EQ(code_of([] { fail_errno(EACCES, "cannot open", "x"); }), Code::permission_denied);
}

TEST_F(FileTest, AFullDiskLeavesTheOldContentAndNoTemporary) {
  write_file_atomic(path_, "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto outcome = outcome_of([&] { write_file_atomic(path_, std::string(5000, 'n')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(outcome);
  EXPECT_EQ(read_file(path_), "old");
  EXPECT_EQ(entries(directory_.path()), 1u);
}

TEST_F(FileTest, AReaderSeesTheOldOrTheNewContentNeverAPart) {
  std::string a(200'000, 'a'), b(100'000, 'b');
  write_file_atomic(path_, a);
  std::jthread writer([&] {
    for (int i = 0; i < 50; ++i) write_file_atomic(path_, i % 2 == 0 ? b : a);
  });
  for (int i = 0; i < 50; ++i) {
    std::string seen = read_file(path_);
    EXPECT_TRUE(seen == a || seen == b) << seen.size();
  }
}

TEST(Fd, ClosesOnceAndMovesItsDescriptor) {
  int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Fd first(raw);
    Fd second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), raw);
    second = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::fcntl(raw, F_GETFD), -1) << "assignment closes what was held";
  }
  EXPECT_EQ(Fd().get(), -1);
}

TEST(TemporaryDirectory, GoesWithItsContent) {
  fs::path path;
  {
    TemporaryDirectory directory;
    path = directory.path();
    fs::create_directories(path / "a" / "b");
    write_file_atomic(path / "a" / "b" / "c", "x");
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace fettle
