#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <numeric>
#include <stdexcept>

namespace fettle {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, RefusesBeyondItsLimitAndKeepsTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.try_push(first));
  EXPECT_FALSE(queue.try_push(second));
  EXPECT_FALSE(first);
  ASSERT_TRUE(second) << "moved from only on success";
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_TRUE(queue.try_push(second));
}

TEST(BoundedQueue, DrainsAfterCloseAndThenSaysSo) {
  BoundedQueue<int> queue(10);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.try_push(int{i}));
  queue.close();
  EXPECT_FALSE(queue.try_push(9));
  EXPECT_FALSE(queue.push(9));
  EXPECT_EQ(queue.pop(), 0);
  EXPECT_EQ(queue.pop_many(10), (std::vector<int>{1, 2}));
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_TRUE(queue.pop_many(10).empty());
  EXPECT_TRUE(queue.closed());
}

TEST(BoundedQueue, TakesSeveralInOrderUpToALimit) {
  BoundedQueue<int> queue(10);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.try_push(int{i}));
  EXPECT_EQ(queue.pop_many(3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(BoundedQueue, GivesUpWaitingForAnItem) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(1ms), std::nullopt);
  EXPECT_TRUE(queue.try_push(7));
  EXPECT_EQ(queue.pop_for(1ms), 7);
}

TEST(BoundedQueue, AWaitingProducerGoesOnWhenThereIsRoomAndEndsWhenClosed) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.push(1));
  auto waiting = std::async(std::launch::async, [&] { return queue.push(2); });
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(waiting.get());
  auto refused = std::async(std::launch::async, [&] { return queue.push(3); });
  queue.close();
  EXPECT_FALSE(refused.get());
  EXPECT_EQ(queue.pop(), 2);
}

TEST(BoundedQueue, LosesAndDoublesNothingBetweenThreads) {
  BoundedQueue<int> queue(8);
  std::atomic<int64_t> sum = 0, count = 0;
  {
    std::vector<std::jthread> consumers;
    for (int i = 0; i < 3; ++i) {
      consumers.emplace_back([&] {
        while (auto item = queue.pop()) {
          sum += *item;
          ++count;
        }
      });
    }
    {
      std::vector<std::jthread> producers;
      for (int p = 0; p < 3; ++p) {
        producers.emplace_back([&queue, p] {
          for (int i = 0; i < 1000; ++i) queue.push(p * 1000 + i);
        });
      }
    }
    queue.close();
  }
  EXPECT_EQ(count, 3000);
  EXPECT_EQ(sum, 2999 * 3000 / 2);
}

TEST(ThreadPool, FinishesWhatIsQueuedBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool({.name = "test", .threads = 2, .queue_limit = 100});
    for (int i = 0; i < 100; ++i) {
      while (!pool.try_run([&] { ++done; })) std::this_thread::yield();
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPool, ShedsBeyondItsQueue) {
  std::promise<void> started, release;
  auto released = release.get_future().share();
  ThreadPool pool({.name = "test", .threads = 1, .queue_limit = 1});
  ASSERT_TRUE(pool.try_run([&started, released] {
    started.set_value();
    released.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.try_run([] {}));
  EXPECT_EQ(pool.queued(), 1u);
  EXPECT_FALSE(pool.try_run([] {}));
  release.set_value();
  pool.stop();
  EXPECT_FALSE(pool.try_run([] {})) << "a stopped pool takes nothing";
}

TEST(ThreadPool, OutlivesATaskThatThrows) {
  std::atomic<bool> ran = false;
  {
    ThreadPool pool({.name = "test", .threads = 1, .queue_limit = 10});
    ASSERT_TRUE(pool.try_run([] { throw std::runtime_error("on purpose, in a test of the pool"); }));
    ASSERT_TRUE(pool.try_run([&] { ran = true; }));
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace fettle
