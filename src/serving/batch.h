// Which queued requests run together, and how their tensors are joined and taken apart. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "serving/request_check.h"
#include "tensor/tensor.h"

namespace fettle::serving {

// What the decision needs to know of a queued request, in order of arrival.
struct QueuedRequest {
  int64_t rows = 1;
  std::string_view group;
  int64_t enqueued_ns = 0;  // steady clock, as all times here
  int64_t deadline_ns = 0;  // 0: none
};

struct BatchLimits {
  int64_t max_rows = 1;                     // 0: requests are never merged
  int64_t max_delay_ns = 0;                 // how long the oldest may wait for company
  std::span<const int64_t> preferred = {};  // ascending
};

struct BatchDecision {
  std::vector<size_t> expired;  // to be answered deadline_exceeded
  std::vector<size_t> run;      // to be run together now; empty: wait
  int64_t wake_ns = 0;          // when to ask again at the latest, if nothing else arrives; 0: only on arrival
};

// First come, first served: the oldest request that has not expired starts the batch, and its successors join it while
// they fit and belong to the same group. It runs as soon as no successor can join, the largest preferred size is
// reached, or the oldest waited long enough. A request of more than max_rows runs alone.
BatchDecision form_batch(std::span<const QueuedRequest> queue, int64_t now_ns, const BatchLimits& limits);

// The inputs of several requests joined along their first dimension. One request is passed through without a copy.
std::vector<tensor::Tensor> join_inputs(std::span<CheckedRequest* const> requests);

// Takes rows [first, first + rows) of every output; numbers are borrowed, not copied. `total` is what the first
// dimension must be. internal when an output has another first dimension: the model does not keep its rows apart.
Outcome<std::vector<tensor::Tensor>> slice_outputs(std::span<const tensor::Tensor> outputs, int64_t first, int64_t rows,
                                                   int64_t total);

}  // namespace fettle::serving
