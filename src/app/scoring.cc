#include "app/scoring.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "base/bytes.h"
#include "gateway/outputs.h"

namespace fettle::app {
namespace {

using tensor::DType;

constexpr size_t kRowsAtOnce = 4096;

template <class T>
void append_cells(std::string& bytes, const stats::Column* column, size_t first, size_t rows) {
  for (size_t row = first; row < first + rows; ++row) {
    double value = column != nullptr && column->numeric ? column->numbers[row] : std::nan("");
    if constexpr (std::is_integral_v<T>) {
      append_le<T>(bytes, std::isfinite(value) ? static_cast<T>(std::llround(value)) : T{0});
    } else {
      append_le<T>(bytes, static_cast<T>(value));
    }
  }
}

std::string cell_text(const stats::Column& column, size_t row) {
  if (!column.numeric) return column.missing[row] ? "" : column.categories[row];
  if (std::isnan(column.numbers[row])) return "";
  return fmt::format("{}", column.numbers[row]);
}

std::string numeric_bytes(DType dtype, const stats::Column* column, size_t first, size_t rows) {
  std::string bytes;
  bytes.reserve(rows * tensor::element_size(dtype));
  switch (dtype) {
    case DType::boolean:
    case DType::uint8: append_cells<uint8_t>(bytes, column, first, rows); break;
    case DType::int8: append_cells<int8_t>(bytes, column, first, rows); break;
    case DType::uint16: append_cells<uint16_t>(bytes, column, first, rows); break;
    case DType::int16: append_cells<int16_t>(bytes, column, first, rows); break;
    case DType::uint32: append_cells<uint32_t>(bytes, column, first, rows); break;
    case DType::int32: append_cells<int32_t>(bytes, column, first, rows); break;
    case DType::uint64: append_cells<uint64_t>(bytes, column, first, rows); break;
    case DType::int64: append_cells<int64_t>(bytes, column, first, rows); break;
    case DType::fp32: append_cells<float>(bytes, column, first, rows); break;
    case DType::fp64: append_cells<double>(bytes, column, first, rows); break;
    default: fail(Code::unimplemented, "scoring a table with {} inputs", tensor::dtype_name(dtype));
  }
  return bytes;
}

tensor::Shape shape_of(const serving::TensorSpec& spec, size_t rows) {
  auto batch = static_cast<int64_t>(rows);
  if (spec.shape.size() <= 1) return {batch};
  if (spec.shape.size() == 2 && (spec.shape[1] == 1 || spec.shape[1] == -1)) return {batch, 1};
  fail(Code::unimplemented, "scoring a table with input '{}' of shape {}", spec.name, tensor::format_shape(spec.shape));
}

// One `[batch, n]` tensor takes the numeric columns in order.
tensor::Tensor matrix_input(const serving::TensorSpec& spec, const stats::Table& table, size_t first, size_t rows) {
  auto width = static_cast<size_t>(spec.shape[1]);
  std::string bytes;
  for (size_t row = first; row < first + rows; ++row) {
    for (size_t i = 0; i < width; ++i)
      bytes += numeric_bytes(spec.dtype, i < table.columns.size() ? &table.columns[i] : nullptr, row, 1);
  }
  return tensor::make_tensor(spec.name, spec.dtype, {static_cast<int64_t>(rows), static_cast<int64_t>(width)},
                             std::move(bytes));
}

Outcome<serving::InferResponse> infer_and_wait(serving::ModelPin& model, std::vector<tensor::Tensor> inputs) {
  std::promise<Outcome<serving::InferResponse>> promise;
  auto answer = promise.get_future();
  serving::InferRequest request;
  request.inputs = std::move(inputs);
  model.infer(std::move(request),
              [&promise](Outcome<serving::InferResponse> response) { promise.set_value(std::move(response)); });
  return answer.get();
}

}  // namespace

std::vector<tensor::Tensor> make_inputs(const std::vector<serving::TensorSpec>& inputs, const stats::Table& table,
                                        size_t first, size_t rows) {
  std::vector<tensor::Tensor> tensors;
  for (const auto& spec : inputs) {
    const stats::Column* column = table.find(spec.name);
    if (column == nullptr && spec.shape.size() == 2 && spec.shape[1] > 1) {
      tensors.push_back(matrix_input(spec, table, first, rows));
      continue;
    }
    if (spec.dtype != DType::bytes) {
      tensors.push_back(tensor::make_tensor(spec.name, spec.dtype, shape_of(spec, rows),
                                            numeric_bytes(spec.dtype, column, first, rows)));
      continue;
    }
    std::vector<std::string> strings(rows);
    for (size_t i = 0; column != nullptr && i < rows; ++i) strings[i] = cell_text(*column, first + i);
    tensors.push_back(tensor::make_string_tensor(spec.name, shape_of(spec, rows), std::move(strings)));
  }
  return tensors;
}

std::vector<double> score(serving::ModelPin& model, const stats::Table& table) {
  gateway::OutputBinding binding = gateway::bind_outputs({}, model.outputs());
  std::vector<double> scores;
  scores.reserve(table.rows());
  size_t at_once = model.max_batch_size() > 0
                       ? std::min<size_t>(kRowsAtOnce, static_cast<size_t>(model.max_batch_size()))
                       : kRowsAtOnce;
  for (size_t first = 0; first < table.rows(); first += at_once) {
    size_t rows = std::min(at_once, table.rows() - first);
    auto response = value_or_throw(infer_and_wait(model, make_inputs(model.inputs(), table, first, rows)));
    auto facts = value_or_throw(gateway::read_outputs(binding, response.outputs, static_cast<int64_t>(rows)));
    if (facts.scores.size() != rows)
      fail(Code::failed_precondition, "model '{}' version '{}' gives no score", model.name(), model.version());
    scores.insert(scores.end(), facts.scores.begin(), facts.scores.end());
  }
  return scores;
}

}  // namespace fettle::app
