#include "serving/batch.h"

#include <algorithm>

namespace fettle::serving {

namespace {

using tensor::Tensor;

bool is_expired(const QueuedRequest& request, int64_t now_ns) {
  return request.deadline_ns != 0 && request.deadline_ns <= now_ns;
}

int64_t earlier(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

struct Growth {
  std::vector<size_t> members;
  size_t preferred = 0;   // how many of them make the largest preferred size so far
  bool complete = false;  // nothing further may join
};

Growth grow(std::span<const QueuedRequest> queue, int64_t now_ns, const BatchLimits& limits,
            std::vector<size_t>& expired) {
  Growth growth;
  int64_t rows = 0;
  for (size_t i = 0; i < queue.size() && !growth.complete; ++i) {
    const QueuedRequest& request = queue[i];
    if (is_expired(request, now_ns)) {
      expired.push_back(i);
      continue;
    }
    if (!growth.members.empty() &&
        (request.group != queue[growth.members[0]].group || rows + request.rows > limits.max_rows)) {
      growth.complete = true;
      break;
    }
    growth.members.push_back(i);
    rows += request.rows;
    if (std::ranges::find(limits.preferred, rows) != limits.preferred.end()) growth.preferred = growth.members.size();
    if (rows >= limits.max_rows) growth.complete = true;
  }
  return growth;
}

}  // namespace

BatchDecision form_batch(std::span<const QueuedRequest> queue, int64_t now_ns, const BatchLimits& limits) {
  BatchDecision decision;
  Growth growth = grow(queue, now_ns, limits, decision.expired);
  if (growth.members.empty()) return decision;
  const int64_t due_ns = queue[growth.members[0]].enqueued_ns + limits.max_delay_ns;
  if (growth.complete || due_ns <= now_ns) {
    decision.run = std::move(growth.members);
    return decision;
  }
  if (growth.preferred > 0) {
    growth.members.resize(growth.preferred);
    decision.run = std::move(growth.members);
    return decision;
  }
  decision.wake_ns = due_ns;
  for (size_t i : growth.members) decision.wake_ns = earlier(decision.wake_ns, queue[i].deadline_ns);
  return decision;
}

std::vector<Tensor> join_inputs(std::span<CheckedRequest* const> requests) {
  if (requests.size() == 1) return std::move(requests[0]->inputs);
  std::vector<Tensor> joined;
  for (size_t i = 0; i < requests[0]->inputs.size(); ++i) {
    const Tensor& first = requests[0]->inputs[i];
    tensor::Shape shape = first.shape;
    shape[0] = 0;
    size_t bytes = 0;
    for (const CheckedRequest* request : requests) {
      shape[0] += request->inputs[i].shape[0];
      bytes += request->inputs[i].data.size();
    }
    if (first.dtype == tensor::DType::bytes) {
      std::vector<std::string> strings;
      for (CheckedRequest* request : requests)
        std::ranges::copy(request->inputs[i].strings, std::back_inserter(strings));
      joined.push_back(tensor::make_string_tensor(first.name, std::move(shape), std::move(strings)));
      continue;
    }
    std::string data;
    data.reserve(bytes);
    for (const CheckedRequest* request : requests) data += request->inputs[i].data;
    joined.push_back(tensor::make_tensor(first.name, first.dtype, std::move(shape), std::move(data)));
  }
  return joined;
}

Outcome<std::vector<Tensor>> slice_outputs(std::span<const Tensor> outputs, int64_t first, int64_t rows,
                                           int64_t total) {
  std::vector<Tensor> slices;
  for (const Tensor& output : outputs) {
    if (output.shape.empty() || output.shape[0] != total) {
      return unexpected(Code::internal, "output '{}' has shape {} for a batch of {} rows", output.name,
                        tensor::format_shape(output.shape), total);
    }
    const size_t elements = total == 0 ? 0 : static_cast<size_t>(output.count() / total);
    const size_t from = static_cast<size_t>(first) * elements;
    const size_t count = static_cast<size_t>(rows) * elements;
    Tensor slice;
    slice.name = output.name;
    slice.dtype = output.dtype;
    slice.shape = output.shape;
    slice.shape[0] = rows;
    if (output.dtype == tensor::DType::bytes) {
      const auto begin = output.strings.begin() + static_cast<ptrdiff_t>(from);
      slice.strings.assign(begin, begin + static_cast<ptrdiff_t>(count));
    } else {
      const size_t size = tensor::element_size(output.dtype);
      slice.data = output.data.substr(from * size, count * size);
      slice.owner = output.owner;
    }
    slices.push_back(std::move(slice));
  }
  return slices;
}

}  // namespace fettle::serving
