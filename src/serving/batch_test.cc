#include "serving/batch.h"

#include <gtest/gtest.h>

#include <random>

namespace fettle::serving {
namespace {

using tensor::DType;
using tensor::Tensor;

Tensor floats(std::string name, tensor::Shape shape, const std::vector<float>& values) {
  return tensor::make_tensor(std::move(name), DType::fp32, std::move(shape),
                             std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
}

using Indexes = std::vector<size_t>;

TEST(FormBatch, RunsAtOnceWhenNoDelayIsAllowed) {
  const std::vector<QueuedRequest> queue = {{.rows = 1, .enqueued_ns = 100}, {.rows = 2, .enqueued_ns = 110}};
  EXPECT_EQ(form_batch(queue, 110, {.max_rows = 8}).run, (Indexes{0, 1}));
}

TEST(FormBatch, WaitsUntilTheOldestReachesItsDelay) {
  const std::vector<QueuedRequest> queue = {{.rows = 1, .enqueued_ns = 100}};
  const BatchLimits limits{.max_rows = 8, .max_delay_ns = 50};
  const BatchDecision early = form_batch(queue, 120, limits);
  EXPECT_TRUE(early.run.empty());
  EXPECT_EQ(early.wake_ns, 150);
  EXPECT_EQ(form_batch(queue, 150, limits).run, (Indexes{0}));
}

TEST(FormBatch, RunsAFullBatchBeforeItsDelay) {
  const std::vector<QueuedRequest> queue = {{.rows = 3}, {.rows = 1}, {.rows = 1}};
  EXPECT_EQ(form_batch(queue, 1, {.max_rows = 4, .max_delay_ns = 1000}).run, (Indexes{0, 1}));
}

TEST(FormBatch, NeverMergesDifferentGroupsOrReorders) {
  const std::vector<QueuedRequest> queue = {
      {.rows = 1, .group = "a"}, {.rows = 1, .group = "b"}, {.rows = 1, .group = "a"}};
  EXPECT_EQ(form_batch(queue, 1, {.max_rows = 8, .max_delay_ns = 1000}).run, (Indexes{0}));
}

TEST(FormBatch, SendsThePreferredSizeWithoutWaiting) {
  const std::vector<int64_t> preferred = {2, 4};
  const std::vector<QueuedRequest> queue = {{.rows = 1}, {.rows = 1}, {.rows = 1}};
  EXPECT_EQ(form_batch(queue, 1, {.max_rows = 8, .max_delay_ns = 1000, .preferred = preferred}).run, (Indexes{0, 1}));
}

TEST(FormBatch, DropsExpiredWorkAndWakesForDeadlines) {
  const std::vector<QueuedRequest> queue = {{.rows = 1, .enqueued_ns = 0, .deadline_ns = 40},
                                            {.rows = 1, .enqueued_ns = 10, .deadline_ns = 60},
                                            {.rows = 1, .enqueued_ns = 20}};
  const BatchDecision decision = form_batch(queue, 45, {.max_rows = 8, .max_delay_ns = 100});
  EXPECT_EQ(decision.expired, (Indexes{0}));
  EXPECT_TRUE(decision.run.empty());
  EXPECT_EQ(decision.wake_ns, 60);
}

TEST(FormBatch, RunsAnOversizeRequestAloneAndUnbatchedModelsOneByOne) {
  const std::vector<QueuedRequest> queue = {{.rows = 100}, {.rows = 1}};
  EXPECT_EQ(form_batch(queue, 1, {.max_rows = 8, .max_delay_ns = 1000}).run, (Indexes{0}));
  EXPECT_EQ(form_batch(queue, 1, {.max_rows = 0, .max_delay_ns = 1000}).run, (Indexes{0}));
}

// Whatever the queue: a batch is a run of consecutive, unexpired requests of one group, within the limit, and time
// never stands still.
TEST(FormBatch, KeepsItsLawsOnRandomQueues) {
  std::mt19937 random(7);
  const char* groups[] = {"a", "b"};
  for (int round = 0; round < 5000; ++round) {
    std::vector<QueuedRequest> queue(random() % 12);
    for (QueuedRequest& request : queue) {
      request = {.rows = static_cast<int64_t>(random() % 5 + 1),
                 .group = groups[random() % 2],
                 .enqueued_ns = static_cast<int64_t>(random() % 100),
                 .deadline_ns = static_cast<int64_t>(random() % 3 == 0 ? random() % 200 + 1 : 0)};
    }
    const int64_t now = static_cast<int64_t>(random() % 200);
    const BatchDecision decision = form_batch(queue, now, {.max_rows = 6, .max_delay_ns = 30});
    int64_t rows = 0;
    for (size_t i : decision.run) {
      EXPECT_EQ(queue[i].group, queue[decision.run[0]].group);
      EXPECT_TRUE(queue[i].deadline_ns == 0 || queue[i].deadline_ns > now);
      rows += queue[i].rows;
    }
    EXPECT_LE(rows, 6);
    for (size_t i : decision.expired) EXPECT_LE(queue[i].deadline_ns, now);
    EXPECT_TRUE(queue.empty() || !decision.run.empty() || !decision.expired.empty() || decision.wake_ns > now);
    EXPECT_TRUE(std::ranges::is_sorted(decision.run));
  }
}

TEST(JoinAndSlice, AreInverse) {
  CheckedRequest a{.inputs = {floats("x", {1, 2}, {1, 2}), tensor::make_string_tensor("s", {1, 1}, {"a"})}, .rows = 1};
  CheckedRequest b{.inputs = {floats("x", {2, 2}, {3, 4, 5, 6}), tensor::make_string_tensor("s", {2, 1}, {"b", "c"})},
                   .rows = 2};
  const std::vector<CheckedRequest*> both = {&a, &b};
  const std::vector<Tensor> joined = join_inputs(both);
  EXPECT_EQ(joined[0].shape, (tensor::Shape{3, 2}));
  const auto slice = slice_outputs(joined, 1, 2, 3);
  ASSERT_TRUE(slice);
  EXPECT_EQ((*slice)[0].values<float>()[3], 6.0f);
  EXPECT_EQ((*slice)[1].strings, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ((*slice)[0].data.data(), joined[0].data.data() + 2 * sizeof(float)) << "numbers are borrowed";
}

TEST(Slice, RefusesAnOutputThatDoesNotKeepRowsApart) {
  const std::vector<Tensor> outputs = {floats("y", {1, 2}, {1, 2})};
  EXPECT_EQ(slice_outputs(outputs, 0, 1, 3).error().code, Code::internal);
}

}  // namespace
}  // namespace fettle::serving
