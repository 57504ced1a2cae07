#include "serving/batcher.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/thread_pool.h"

namespace fettle::serving {

namespace {

constexpr size_t kLookAhead = 1024;  // queued requests that one decision looks at
constexpr int64_t kInlineRows = 8;   // a bigger request is never run on the caller's thread

// Holds one of the process's run slots.
class Slot {
 public:
  explicit Slot(RunSlots& slots) : slots_(slots) { slots_.acquire(); }
  ~Slot() { slots_.release(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  RunSlots& slots_;
};

}  // namespace

Batcher::Batcher(BatcherConfig config, const Backend& backend, RunSlots& slots, const Clock& clock,
                 VersionStatistics& statistics)
    : config_(std::move(config)),
      backend_(backend),
      slots_(slots),
      clock_(clock),
      statistics_(statistics),
      merges_(config_.batching.enabled && config_.shape.max_batch_size > 0) {
  const size_t instances = std::max<size_t>(1, config_.batching.instances);
  for (size_t i = 0; i < instances; ++i) {
    threads_.emplace_back([this, i] {
      name_thread(fmt::format("run{}-{}", i, config_.shape.name));
      work();
    });
  }
}

Batcher::~Batcher() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
  threads_.clear();
}

size_t Batcher::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void Batcher::submit(InferRequest request, InferDone done) {
  Item item{.id = request.id,
            .done = std::move(done),
            .enqueued_ns = clock_.steady_ns(),
            .deadline_ns = request.deadline_ns,
            .abandoned = std::move(request.abandoned)};
  Outcome<CheckedRequest> checked = check_request(config_.shape, request);
  if (!checked) return refuse(item, std::move(checked.error()));
  item.checked = std::move(*checked);
  if (item.deadline_ns != 0 && item.deadline_ns <= item.enqueued_ns) return expire(item);
  std::unique_lock lock(mutex_);
  if (queue_.size() >= config_.batching.queue_limit) {
    lock.unlock();
    return refuse(item, {Code::unavailable,
                         fmt::format("Exceeds maximum queue size: model '{}' is overloaded (queue {}/{})",
                                     config_.shape.name, config_.batching.queue_limit, config_.batching.queue_limit)});
  }
  if (queue_.empty() && may_run_inline(item.checked) && slots_.try_acquire()) {
    slots_.release();  // run() takes its own; losing it to another meanwhile only means a short wait
    lock.unlock();
    std::vector<Item> batch;
    batch.push_back(std::move(item));
    return run(std::move(batch));
  }
  queue_.push_back(std::move(item));
  lock.unlock();
  arrived_.notify_one();
}

bool Batcher::may_run_inline(const CheckedRequest& checked) const {
  const int64_t mean = mean_run_ns_.load(std::memory_order_relaxed);
  return config_.batching.max_delay_us == 0 && checked.rows <= kInlineRows && mean >= 0 &&
         mean < config_.inline_cost_us * 1000;
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::vector<Item> expired;
    std::vector<Item> batch = next_batch(lock, expired);
    if (batch.empty() && expired.empty()) return;
    lock.unlock();
    for (Item& item : expired) expire(item);
    drop_abandoned(batch);
    if (!batch.empty()) run(std::move(batch));
    lock.lock();
  }
}

// Waits until something is to be done. Nothing at all: closed and drained.
std::vector<Batcher::Item> Batcher::next_batch(std::unique_lock<std::mutex>& lock, std::vector<Item>& expired) {
  while (true) {
    const BatchDecision decision = decide();
    std::vector<Item> batch;
    for (size_t i : decision.run) batch.push_back(std::move(queue_[i]));
    for (size_t i : decision.expired) expired.push_back(std::move(queue_[i]));
    if (!decision.run.empty() || !decision.expired.empty()) {
      // What was taken has lost its `done`; moved-from std::function objects are not promised empty, so go by index.
      std::vector<size_t> taken = decision.run;
      taken.insert(taken.end(), decision.expired.begin(), decision.expired.end());
      std::ranges::sort(taken, std::greater{});
      for (size_t i : taken) queue_.erase(queue_.begin() + static_cast<ptrdiff_t>(i));
      if (!queue_.empty()) arrived_.notify_one();
      return batch;
    }
    if (closed_ && queue_.empty()) return {};
    wait(lock, decision.wake_ns);
  }
}

BatchDecision Batcher::decide() const {
  std::vector<QueuedRequest> view;
  for (const Item& item : queue_) {
    view.push_back({item.checked.rows, item.checked.group, item.enqueued_ns, item.deadline_ns});
    if (view.size() == kLookAhead) break;
  }
  return form_batch(view, clock_.steady_ns(),
                    {.max_rows = merges_ ? config_.batching.max_batch_size : 0,
                     .max_delay_ns = closed_ ? 0 : config_.batching.max_delay_us * 1000,
                     .preferred = config_.batching.preferred_sizes});
}

void Batcher::wait(std::unique_lock<std::mutex>& lock, int64_t wake_ns) {
  if (wake_ns == 0) {
    arrived_.wait(lock);
  } else {
    arrived_.wait_for(lock, std::chrono::nanoseconds(std::max<int64_t>(0, wake_ns - clock_.steady_ns())));
  }
}

void Batcher::drop_abandoned(std::vector<Item>& batch) {
  const auto gone =
      std::ranges::stable_partition(batch, [](const Item& item) { return !item.abandoned || !item.abandoned(); });
  for (Item& item : gone) refuse(item, {Code::aborted, "the client has gone before its request was run"});
  batch.erase(gone.begin(), gone.end());
}

void Batcher::run(std::vector<Item> batch) {
  const int64_t start_ns = clock_.steady_ns();
  int64_t rows = 0;
  std::vector<CheckedRequest*> requests;
  for (Item& item : batch) {
    rows += item.checked.rows;
    requests.push_back(&item.checked);
  }
  RunTimes times;
  Outcome<std::vector<tensor::Tensor>> outputs = compute(requests, rows, times);
  if (!outputs && batch.size() > 1) return run_one_by_one(batch);
  if (!outputs) return refuse(batch[0], std::move(outputs.error()));
  std::vector<std::vector<tensor::Tensor>> answers;
  if (batch.size() == 1) {
    answers.push_back(std::move(*outputs));
  } else {
    int64_t first = 0;
    for (const Item& item : batch) {
      auto slice = slice_outputs(*outputs, first, item.checked.rows, rows);
      if (!slice) {
        log_warn("a model does not keep the rows of a batch apart; its requests run one by one from now on",
                 {{"model", config_.shape.name}, {"text", slice.error().message}});
        merges_ = false;
        return run_one_by_one(batch);
      }
      answers.push_back(std::move(*slice));
      first += item.checked.rows;
    }
  }
  times.output_ns = clock_.steady_ns() - start_ns - times.input_ns - times.infer_ns;
  statistics_.ran(rows, batch.size(), times);
  for (size_t i = 0; i < batch.size(); ++i) {
    answer(batch[i], std::move(answers[i]),
           {.queue_ns = start_ns - batch[i].enqueued_ns, .compute_ns = times.infer_ns});
  }
}

// One bad row must not fail its neighbours.
void Batcher::run_one_by_one(std::vector<Item>& batch) {
  for (Item& item : batch) {
    std::vector<Item> alone;
    alone.push_back(std::move(item));
    run(std::move(alone));
  }
}

Outcome<std::vector<tensor::Tensor>> Batcher::compute(std::span<CheckedRequest* const> requests, int64_t rows,
                                                      RunTimes& times) {
  const int64_t begin_ns = clock_.steady_ns();
  std::vector<tensor::Tensor> joined;
  if (requests.size() > 1) joined = join_inputs(requests);
  const std::vector<tensor::Tensor>& inputs = requests.size() > 1 ? joined : requests[0]->inputs;
  const Slot slot(slots_);
  const int64_t ready_ns = clock_.steady_ns();
  auto outputs = backend_.run(inputs, requests[0]->outputs);
  times.input_ns = ready_ns - begin_ns;
  times.infer_ns = clock_.steady_ns() - ready_ns;
  if (rows <= kInlineRows) {
    const int64_t mean = mean_run_ns_.load(std::memory_order_relaxed);
    mean_run_ns_.store(mean < 0 ? times.infer_ns : mean + (times.infer_ns - mean) / 8, std::memory_order_relaxed);
  }
  return outputs;
}

void Batcher::answer(Item& item, std::vector<tensor::Tensor> outputs, const InferTimes& times) {
  statistics_.succeeded(times.queue_ns, clock_.steady_ns() - item.enqueued_ns);
  InferResponse response;
  response.model_name = config_.shape.name;
  response.model_version = config_.version;
  response.id = std::move(item.id);
  response.outputs = std::move(outputs);
  response.times = times;
  item.done(std::move(response));
}

void Batcher::refuse(Item& item, Error error) {
  statistics_.failed(clock_.steady_ns() - item.enqueued_ns, error.code);
  // The backend does not know the model's name.
  if (error.message.starts_with("cannot process"))
    error.message = fmt::format("model '{}' {}", config_.shape.name, error.message);
  item.done(std::unexpected(std::move(error)));
}

void Batcher::expire(Item& item) {
  refuse(item,
         {Code::deadline_exceeded,
          fmt::format("deadline passed {} ms before execution by model '{}'",
                      std::max<int64_t>(0, (clock_.steady_ns() - item.deadline_ns) / 1'000'000), config_.shape.name)});
}

}  // namespace fettle::serving
