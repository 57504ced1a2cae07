#include "blob/store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace fettle::blob {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory;
  std::unique_ptr<Store> store = open_local(directory.path());
};

Code code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return Code::internal;
}

TEST_F(StoreTest, KeepsEqualContentOnceUnderItsDigest) {
  Info first = store->put("hello");
  Info again = store->put("hello");
  EXPECT_EQ(first.sha256, sha256_hex("hello"));
  EXPECT_EQ(first.md5, md5_hex("hello"));
  EXPECT_EQ(again.sha256, first.sha256);
  int count = 0;
  store->each([&](const std::string&, uint64_t size, int64_t) { count += static_cast<int>(size); });
  EXPECT_EQ(count, 5);
  EXPECT_EQ(store->get(first.sha256), "hello");
}

TEST_F(StoreTest, ReadsRangesAndRefusesThoseOutside) {
  Info info = store->put("0123456789");
  EXPECT_EQ(store->open(info.sha256, 3, 4)->read(), "3456");
  EXPECT_EQ(store->open(info.sha256, 8)->read(100), "89");
  EXPECT_EQ(store->open(info.sha256, 10)->read(), "");
  EXPECT_EQ(code_of([&] { store->open(info.sha256, 11); }), Code::invalid_argument);
}

TEST_F(StoreTest, AnUncommittedUploadLeavesNothing) {
  store->begin_upload()->append("lost");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "tmp"));
  EXPECT_EQ(code_of([&] { store->open(sha256_hex("lost")); }), Code::not_found);
}

TEST_F(StoreTest, DetectsAFlippedByte) {
  Info info = store->put("precious bytes");
  auto path = directory.path() / info.sha256.substr(0, 2) / info.sha256.substr(2);
  std::fstream(path, std::ios::in | std::ios::out).put('X');
  EXPECT_EQ(code_of([&] { store->get(info.sha256); }), Code::data_loss);
}

TEST_F(StoreTest, RefusesWhatIsNotADigest) {
  EXPECT_EQ(code_of([&] { store->open("../../etc/passwd"); }), Code::invalid_argument);
  EXPECT_FALSE(store->find("../../etc/passwd"));
}

TEST_F(StoreTest, SweepKeepsTheReachableAndTheYoung) {
  Info kept = store->put("kept");
  Info garbage = store->put("garbage");
  auto reachable = [&](const std::string& sha256) { return sha256 == kept.sha256; };
  constexpr int64_t kFarFuture = int64_t{1} << 42;
  EXPECT_EQ(sweep(*store, reachable, 0, 1000).removed, 0u);
  SweepResult result = sweep(*store, reachable, kFarFuture, 1000);
  EXPECT_EQ(result.removed, 1u);
  EXPECT_EQ(result.removed_bytes, 7u);
  EXPECT_TRUE(store->find(kept.sha256));
  EXPECT_FALSE(store->find(garbage.sha256));
}

}  // namespace
}  // namespace fettle::blob
