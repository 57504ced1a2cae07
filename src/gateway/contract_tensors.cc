// Requests' tensors to columns of features, and back.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "gateway/contract.h"

namespace fettle::gateway {
namespace {

using tensor::DType;
using tensor::Tensor;

template <class T>
void widen(std::string_view data, size_t stride, size_t offset, std::span<double> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, data.data() + (i * stride + offset) * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

// Column `offset` of a row-major matrix of `stride` columns, as doubles.
void read_numbers(const Tensor& from, size_t stride, size_t offset, std::span<double> out) {
  switch (from.dtype) {
    case DType::fp32: return widen<float>(from.data, stride, offset, out);
    case DType::fp64: return widen<double>(from.data, stride, offset, out);
    case DType::int64: return widen<int64_t>(from.data, stride, offset, out);
    case DType::int32: return widen<int32_t>(from.data, stride, offset, out);
    case DType::int16: return widen<int16_t>(from.data, stride, offset, out);
    case DType::int8: return widen<int8_t>(from.data, stride, offset, out);
    case DType::uint64: return widen<uint64_t>(from.data, stride, offset, out);
    case DType::uint32: return widen<uint32_t>(from.data, stride, offset, out);
    case DType::uint16: return widen<uint16_t>(from.data, stride, offset, out);
    case DType::uint8:
    case DType::boolean: return widen<uint8_t>(from.data, stride, offset, out);
    case DType::bytes: std::fill(out.begin(), out.end(), std::nan("")); return;
    default:
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = tensor::element_as_double(from, static_cast<int64_t>(i * stride + offset));
  }
}

template <class T>
void narrow(std::span<const double> values, size_t stride, size_t offset, std::string& out) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value{};
    if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(values[i]);
    } else if (std::isfinite(values[i])) {
      double low = static_cast<double>(std::numeric_limits<T>::min());
      double high = static_cast<double>(std::numeric_limits<T>::max());
      double rounded = std::round(values[i]);
      value = rounded <= low    ? std::numeric_limits<T>::min()
              : rounded >= high ? std::numeric_limits<T>::max()
                                : static_cast<T>(rounded);
    }
    std::memcpy(out.data() + (i * stride + offset) * sizeof(T), &value, sizeof(T));
  }
}

void write_numbers(std::span<const double> values, DType dtype, size_t stride, size_t offset, std::string& out) {
  switch (dtype) {
    case DType::fp32: return narrow<float>(values, stride, offset, out);
    case DType::fp64: return narrow<double>(values, stride, offset, out);
    case DType::int64: return narrow<int64_t>(values, stride, offset, out);
    case DType::int32: return narrow<int32_t>(values, stride, offset, out);
    case DType::int16: return narrow<int16_t>(values, stride, offset, out);
    case DType::int8: return narrow<int8_t>(values, stride, offset, out);
    case DType::uint64: return narrow<uint64_t>(values, stride, offset, out);
    case DType::uint32: return narrow<uint32_t>(values, stride, offset, out);
    case DType::uint16: return narrow<uint16_t>(values, stride, offset, out);
    case DType::uint8: return narrow<uint8_t>(values, stride, offset, out);
    case DType::boolean:
      for (size_t i = 0; i < values.size(); ++i)
        out[i * stride + offset] = values[i] != 0 && !std::isnan(values[i]) ? 1 : 0;
      return;
    case DType::fp16:
      for (size_t i = 0; i < values.size(); ++i) {
        uint16_t half = tensor::float_to_half(static_cast<float>(values[i]));
        std::memcpy(out.data() + (i * stride + offset) * 2, &half, 2);
      }
      return;
    default: {
      for (size_t i = 0; i < values.size(); ++i) {
        uint32_t bits = 0;
        auto value = static_cast<float>(values[i]);
        std::memcpy(&bits, &value, 4);
        auto half = static_cast<uint16_t>(bits >> 16);
        std::memcpy(out.data() + (i * stride + offset) * 2, &half, 2);
      }
    }
  }
}

bool holds_its_elements(const Tensor& tensor) {
  auto count = tensor::element_count(tensor.shape);
  if (!count || *count < 0) return false;
  auto n = static_cast<size_t>(*count);
  return tensor.dtype == DType::bytes ? tensor.strings.size() == n
                                      : tensor.data.size() == n * tensor::element_size(tensor.dtype);
}

Outcome<void> set_rows(FeatureBatch& batch, const Tensor& tensor, int64_t rows, int64_t max_rows,
                       std::string_view first) {
  if (!holds_its_elements(tensor)) {
    return unexpected(Code::invalid_argument, "input '{}' does not hold as many elements as its shape {} says",
                      tensor.name, tensor::format_shape(tensor.shape));
  }
  if (rows == 0)
    return unexpected(Code::invalid_argument, "no rows: input '{}' is empty; send at least one", tensor.name);
  if (rows > max_rows)
    return unexpected(Code::invalid_argument, "{} rows, at most {} (max_rows of the endpoint) in one request", rows,
                      max_rows);
  if (batch.rows != 0 && batch.rows != rows) {
    return unexpected(Code::invalid_argument, "input '{}' has {} rows, '{}' has {}", tensor.name, rows, first,
                      batch.rows);
  }
  batch.rows = rows;
  return {};
}

void make_room(const Contract& contract, FeatureBatch& batch) {
  auto rows = static_cast<size_t>(batch.rows);
  batch.numbers.assign(contract.numeric_count * rows, std::nan(""));
  batch.categories.assign(contract.categorical_count * rows, {});
}

Outcome<FeatureBatch> decode_matrix(const Contract& contract, std::span<const Tensor> inputs, int64_t max_rows) {
  FeatureBatch batch;
  const Tensor* matrix = nullptr;
  for (const Tensor& tensor : inputs) {
    if (tensor.name == contract.matrix) {
      matrix = &tensor;
    } else {
      batch.extra.push_back(tensor.name);
    }
  }
  if (matrix == nullptr) {
    return unexpected(Code::invalid_argument, "input '{}' of shape [batch, {}] is missing", contract.matrix,
                      contract.features.size());
  }
  size_t width = contract.features.size();
  if (matrix->shape.size() != 2 || matrix->shape[1] != static_cast<int64_t>(width)) {
    return unexpected(Code::invalid_argument, "input '{}' has shape {}, expected [batch,{}]", matrix->name,
                      tensor::format_shape(matrix->shape), width);
  }
  if (auto ok = set_rows(batch, *matrix, matrix->shape[0], max_rows, matrix->name); !ok)
    return std::unexpected(ok.error());
  make_room(contract, batch);
  auto rows = static_cast<size_t>(batch.rows);
  bool wrong_kind = (matrix->dtype == DType::bytes) != (contract.matrix_dtype == DType::bytes);
  for (uint32_t i = 0; i < width; ++i) {
    const Feature& feature = contract.features[i];
    if (matrix->dtype != feature.dtype) batch.mistyped.push_back({i, matrix->dtype});
    if (wrong_kind) continue;
    if (feature.numeric) {
      read_numbers(*matrix, width, i, std::span(batch.numbers).subspan(feature.slot * rows, rows));
    } else {
      for (size_t row = 0; row < rows; ++row)
        batch.categories[feature.slot * rows + row] = matrix->strings[row * width + i];
    }
  }
  return batch;
}

void read_feature(const Feature& feature, uint32_t index, const Tensor& tensor, FeatureBatch& batch) {
  auto rows = static_cast<size_t>(batch.rows);
  if (tensor.dtype != feature.dtype) batch.mistyped.push_back({index, tensor.dtype});
  if ((tensor.dtype == DType::bytes) == feature.numeric) return;
  if (feature.numeric) {
    read_numbers(tensor, 1, 0, std::span(batch.numbers).subspan(feature.slot * rows, rows));
  } else {
    std::copy(tensor.strings.begin(), tensor.strings.end(),
              batch.categories.begin() + static_cast<ptrdiff_t>(feature.slot * rows));
  }
}

const serving::TensorSpec* find_spec(const Contract& contract, std::string_view name) {
  for (const auto& spec : contract.inputs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

Tensor feature_tensor(const Contract& contract, const FeatureBatch& batch, const Feature& feature) {
  auto rows = static_cast<size_t>(batch.rows);
  const serving::TensorSpec* spec = find_spec(contract, feature.name);
  tensor::Shape shape =
      spec != nullptr && spec->shape.size() == 2 ? tensor::Shape{batch.rows, 1} : tensor::Shape{batch.rows};
  if (!feature.numeric) {
    auto from = batch.categories.begin() + static_cast<ptrdiff_t>(feature.slot * rows);
    return tensor::make_string_tensor(feature.name, shape, {from, from + static_cast<ptrdiff_t>(rows)});
  }
  std::string bytes(rows * tensor::element_size(feature.dtype), '\0');
  write_numbers(std::span(batch.numbers).subspan(feature.slot * rows, rows), feature.dtype, 1, 0, bytes);
  return tensor::make_tensor(feature.name, feature.dtype, shape, std::move(bytes));
}

Tensor matrix_tensor(const Contract& contract, const FeatureBatch& batch) {
  auto rows = static_cast<size_t>(batch.rows);
  size_t width = contract.features.size();
  tensor::Shape shape{batch.rows, static_cast<int64_t>(width)};
  if (contract.matrix_dtype == DType::bytes) {
    std::vector<std::string> strings(rows * width);
    for (const Feature& feature : contract.features) {
      for (size_t row = 0; row < rows; ++row)
        strings[row * width + feature.slot] = batch.categories[feature.slot * rows + row];
    }
    return tensor::make_string_tensor(contract.matrix, shape, std::move(strings));
  }
  std::string bytes(rows * width * tensor::element_size(contract.matrix_dtype), '\0');
  for (const Feature& feature : contract.features) {
    write_numbers(std::span(batch.numbers).subspan(feature.slot * rows, rows), contract.matrix_dtype, width,
                  feature.slot, bytes);
  }
  return tensor::make_tensor(contract.matrix, contract.matrix_dtype, shape, std::move(bytes));
}

void drop_extra(const FeatureBatch& batch, std::vector<Tensor>& inputs) {
  if (batch.extra.empty()) return;
  std::erase_if(inputs, [&](const Tensor& tensor) {
    return std::find(batch.extra.begin(), batch.extra.end(), tensor.name) != batch.extra.end();
  });
}

}  // namespace

Outcome<FeatureBatch> decode_features(const Contract& contract, std::span<const Tensor> inputs, int64_t max_rows) {
  if (!contract.matrix.empty()) return decode_matrix(contract, inputs, max_rows);
  FeatureBatch batch;
  std::string_view first;
  std::vector<const Tensor*> tensors(contract.features.size());
  for (const Tensor& tensor : inputs) {
    auto found = contract.by_name.find(std::string_view(tensor.name));
    bool opaque = found == contract.by_name.end() &&
                  std::find(contract.opaque.begin(), contract.opaque.end(), tensor.name) != contract.opaque.end();
    if (found == contract.by_name.end() && !opaque) {
      batch.extra.push_back(tensor.name);
      continue;
    }
    bool column = tensor.shape.size() == 1 || (tensor.shape.size() == 2 && tensor.shape[1] == 1);
    if (!opaque && !column) {
      return unexpected(Code::invalid_argument, "input '{}' has shape {}, expected [batch] or [batch,1]", tensor.name,
                        tensor::format_shape(tensor.shape));
    }
    if (auto ok = set_rows(batch, tensor, tensor.shape.empty() ? 1 : tensor.shape[0], max_rows, first); !ok)
      return std::unexpected(ok.error());
    if (first.empty()) first = tensor.name;
    if (!opaque) tensors[found->second] = &tensor;
  }
  if (batch.rows == 0)
    return unexpected(Code::invalid_argument, "no rows: the request has none of the endpoint's {} inputs",
                      contract.inputs.size());
  make_room(contract, batch);
  for (uint32_t i = 0; i < contract.features.size(); ++i) {
    if (tensors[i] == nullptr) {
      batch.absent.push_back(i);
    } else {
      read_feature(contract.features[i], i, *tensors[i], batch);
    }
  }
  return batch;
}

void rebuild_inputs(const Contract& contract, const FeatureBatch& batch, const CheckResult& result,
                    std::vector<Tensor>& inputs) {
  drop_extra(batch, inputs);
  if (!contract.matrix.empty()) {
    if (!result.changed()) return;
    std::erase_if(inputs, [&](const Tensor& tensor) { return tensor.name == contract.matrix; });
    inputs.push_back(matrix_tensor(contract, batch));
    return;
  }
  for (Tensor& tensor : inputs) {
    const serving::TensorSpec* spec = find_spec(contract, tensor.name);
    if (spec == nullptr || tensor.shape.size() == spec->shape.size() || spec->shape.size() > 2) continue;
    tensor.shape = spec->shape.size() == 2 ? tensor::Shape{batch.rows, 1} : tensor::Shape{batch.rows};
  }
  for (uint32_t index : result.changed_features) {
    Tensor rebuilt = feature_tensor(contract, batch, contract.features[index]);
    auto found =
        std::find_if(inputs.begin(), inputs.end(), [&](const Tensor& tensor) { return tensor.name == rebuilt.name; });
    if (found == inputs.end()) {
      inputs.push_back(std::move(rebuilt));
    } else {
      *found = std::move(rebuilt);
    }
  }
}

}  // namespace fettle::gateway
