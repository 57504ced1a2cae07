#include "gateway/outputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fettle::gateway {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr double kSumTolerance = 1e-3;

bool is_floating(DType dtype) {
  return dtype == DType::fp32 || dtype == DType::fp64 || dtype == DType::fp16 || dtype == DType::bf16;
}

// [batch], [batch, 1] or (wide) [batch, n].
bool is_row_shape(const tensor::Shape& shape, bool wide) {
  return shape.size() == 1 || (shape.size() == 2 && (wide || shape[1] == 1 || shape[1] == -1));
}

const serving::TensorSpec* find_spec(std::span<const serving::TensorSpec> outputs, std::string_view name) {
  auto found = std::find_if(outputs.begin(), outputs.end(), [&](const auto& output) { return output.name == name; });
  return found == outputs.end() ? nullptr : &*found;
}

Tensor* find_tensor(std::vector<Tensor>& outputs, std::string_view name) {
  auto found = std::find_if(outputs.begin(), outputs.end(), [&](const auto& output) { return output.name == name; });
  return found == outputs.end() ? nullptr : &*found;
}

size_t width_of(const Tensor& tensor) {
  if (tensor.shape.empty() || tensor.shape[0] <= 0) return 0;
  return static_cast<size_t>(tensor.count() / tensor.shape[0]);
}

template <class T>
bool all_finite(std::string_view data) {
  bool fine = true;
  for (size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof(T));
    fine &= std::isfinite(value);
  }
  return fine;
}

bool is_finite(const Tensor& tensor) {
  if (tensor.dtype == DType::fp32) return all_finite<float>(tensor.data);
  if (tensor.dtype == DType::fp64) return all_finite<double>(tensor.data);
  if (!is_floating(tensor.dtype)) return true;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (!std::isfinite(tensor::element_as_double(tensor, i))) return false;
  }
  return true;
}

std::string label_text(const Tensor& tensor, int64_t row) {
  if (tensor.dtype == DType::bytes) return tensor.strings[static_cast<size_t>(row)];
  return fmt::format("{}", static_cast<int64_t>(tensor::element_as_double(tensor, row)));
}

float number_at(const Tensor& tensor, size_t index) {
  if (tensor.dtype == DType::fp32) {
    float value;
    std::memcpy(&value, tensor.data.data() + index * sizeof value, sizeof value);
    return value;
  }
  return static_cast<float>(tensor::element_as_double(tensor, static_cast<int64_t>(index)));
}

Outcome<void> read_probabilities(const OutputBinding& binding, const Tensor& tensor, size_t rows, RowFacts& facts) {
  size_t width = width_of(tensor);
  facts.probabilities.resize(rows * width);
  facts.scores.resize(rows);
  bool plausible = true;
  auto positive = static_cast<size_t>(binding.positive_index.value_or(static_cast<int64_t>(width) - 1));
  positive = std::min(positive, width - 1);
  std::vector<float> largest(rows, 0.0F);
  for (size_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (size_t column = 0; column < width; ++column) {
      float p = number_at(tensor, row * width + column);
      facts.probabilities[column * rows + row] = p;
      plausible &= p >= 0 && p <= 1 + static_cast<float>(kSumTolerance);
      sum += p;
      largest[row] = std::max(largest[row], p);
    }
    if (width > 1) {
      plausible &= std::fabs(sum - 1) <= kSumTolerance;
    } else {
      largest[row] = std::max(largest[row], 1 - largest[row]);
    }
    facts.scores[row] = facts.probabilities[positive * rows + row];
  }
  if (plausible) {
    facts.confidence = std::move(largest);
  } else if (binding.probability_named) {
    return unexpected(Code::internal, "output '{}' holds no probabilities: values must lie in [0, 1] and sum to 1",
                      tensor.name);
  } else {
    facts.probabilities.clear();
  }
  return {};
}

bool covers_rows(const Tensor& tensor, int64_t rows) {
  if (tensor.shape.empty() || tensor.shape[0] != rows) return false;
  auto count = static_cast<size_t>(tensor.count());
  return tensor.dtype == DType::bytes ? tensor.strings.size() == count
                                      : tensor.data.size() == count * tensor::element_size(tensor.dtype);
}

double scalar_number(const Scalar& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return 0;
}

std::string scalar_text(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return fmt::format("{}", std::get<double>(value));
}

template <class T>
std::string packed(double value) {
  T typed = static_cast<T>(value);
  return std::string(reinterpret_cast<const char*>(&typed), sizeof typed);
}

// The bytes of one element; "" for BYTES.
std::string element_bytes(const Scalar& value, DType dtype) {
  double number = scalar_number(value);
  switch (dtype) {
    case DType::fp32: return packed<float>(number);
    case DType::fp64: return packed<double>(number);
    case DType::int64: {
      const auto* integer = std::get_if<int64_t>(&value);
      int64_t exact = integer != nullptr ? *integer : static_cast<int64_t>(number);
      return std::string(reinterpret_cast<const char*>(&exact), sizeof exact);
    }
    case DType::int32: return packed<int32_t>(number);
    case DType::int16: return packed<int16_t>(number);
    case DType::int8: return packed<int8_t>(number);
    case DType::uint64: return packed<uint64_t>(number);
    case DType::uint32: return packed<uint32_t>(number);
    case DType::uint16: return packed<uint16_t>(number);
    case DType::uint8:
    case DType::boolean: return packed<uint8_t>(number);
    case DType::fp16: {
      uint16_t half = tensor::float_to_half(static_cast<float>(number));
      return std::string(reinterpret_cast<const char*>(&half), sizeof half);
    }
    case DType::bf16: {
      float full = static_cast<float>(number);
      uint32_t bits = 0;
      std::memcpy(&bits, &full, sizeof bits);
      auto half = static_cast<uint16_t>(bits >> 16);
      return std::string(reinterpret_cast<const char*>(&half), sizeof half);
    }
    case DType::bytes: break;
  }
  return {};
}

// Whether a number can stand in an element of the type without a change.
bool fits(double number, DType dtype) {
  if (is_floating(dtype)) return true;
  if (std::trunc(number) != number) return false;
  bool is_unsigned =
      dtype == DType::uint8 || dtype == DType::uint16 || dtype == DType::uint32 || dtype == DType::uint64;
  if (dtype == DType::boolean) return number == 0 || number == 1;
  int bits = static_cast<int>(8 * tensor::element_size(dtype));
  return is_unsigned ? number >= 0 && number < std::ldexp(1.0, bits)
                     : number >= -std::ldexp(1.0, bits - 1) && number < std::ldexp(1.0, bits - 1);
}

Tensor blank(const serving::TensorSpec& spec, size_t rows, size_t width) {
  auto batch = static_cast<int64_t>(rows);
  tensor::Shape shape =
      spec.shape.size() >= 2 ? tensor::Shape{batch, static_cast<int64_t>(width)} : tensor::Shape{batch};
  if (spec.dtype == DType::bytes)
    return tensor::make_string_tensor(spec.name, shape, std::vector<std::string>(rows * width));
  return tensor::make_tensor(spec.name, spec.dtype, shape,
                             std::string(rows * width * tensor::element_size(spec.dtype), '\0'));
}

// Replaces masked rows by `row_bytes(row)`; tensors are immutable views, so the data is rebuilt once.
template <class RowBytes>
void replace_rows(Tensor& tensor, std::span<const uint8_t> mask, size_t row_size, RowBytes row_bytes) {
  std::string data(tensor.data);
  for (size_t row = 0; row < mask.size(); ++row) {
    if (mask[row] != 0) std::memcpy(data.data() + row * row_size, row_bytes(row), row_size);
  }
  tensor = tensor::make_tensor(tensor.name, tensor.dtype, tensor.shape, std::move(data));
}

}  // namespace

OutputBinding bind_outputs(const EndpointSpec& spec, std::span<const serving::TensorSpec> outputs) {
  OutputBinding binding{.positive_index = spec.positive_index};
  for (const std::string* name : {&spec.output_label, &spec.output_probability}) {
    if (!name->empty() && find_spec(outputs, *name) == nullptr) {
      fail(Code::failed_precondition, "the model has no output '{}', which the endpoint names", *name);
    }
  }
  binding.label = spec.output_label;
  binding.probability = spec.output_probability;
  binding.probability_named = !spec.output_probability.empty();
  if (binding.probability_named && !is_floating(find_spec(outputs, binding.probability)->dtype)) {
    fail(Code::failed_precondition, "output '{}' is {}, probabilities must be floating", binding.probability,
         tensor::dtype_name(find_spec(outputs, binding.probability)->dtype));
  }
  for (const auto& output : outputs) {
    if (binding.label.empty() && !is_floating(output.dtype) && is_row_shape(output.shape, false))
      binding.label = output.name;
    if (binding.probability.empty() && is_floating(output.dtype) && is_row_shape(output.shape, true))
      binding.probability = output.name;
  }
  return binding;
}

Outcome<RowFacts> read_outputs(const OutputBinding& binding, std::span<const Tensor> outputs, int64_t rows) {
  RowFacts facts;
  for (const Tensor& output : outputs) {
    if (!is_finite(output)) return unexpected(Code::internal, "a non-finite output '{}'", output.name);
    bool label = output.name == binding.label;
    bool probability = output.name == binding.probability;
    if (!label && !probability) continue;
    if (!covers_rows(output, rows)) {
      return unexpected(Code::internal, "output '{}' of shape {} for {} rows", output.name,
                        tensor::format_shape(output.shape), rows);
    }
    if (label) {
      facts.labels.reserve(static_cast<size_t>(rows));
      for (int64_t row = 0; row < rows; ++row) facts.labels.push_back(label_text(output, row));
    } else if (width_of(output) > 0) {
      if (auto ok = read_probabilities(binding, output, static_cast<size_t>(rows), facts); !ok)
        return std::unexpected(ok.error());
    }
  }
  return facts;
}

void check_answer(const ConstantAnswer& answer, std::span<const serving::TensorSpec> outputs) {
  for (const auto& value : answer) {
    const serving::TensorSpec* spec = find_spec(outputs, value.output);
    if (spec == nullptr)
      fail(Code::invalid_argument, "a fallback answers output '{}', which the model does not have", value.output);
    int64_t width = spec->shape.size() >= 2 ? spec->shape[1] : 1;
    if (spec->shape.size() > 2 || (width > 0 && width != static_cast<int64_t>(value.values.size()))) {
      fail(Code::invalid_argument, "a fallback gives {} values for output '{}' of shape {}", value.values.size(),
           value.output, tensor::format_shape(spec->shape));
    }
    for (const auto& scalar : value.values) {
      if (std::holds_alternative<std::string>(scalar) != (spec->dtype == DType::bytes)) {
        fail(Code::invalid_argument, "a fallback gives {} for output '{}', which is {}",
             std::holds_alternative<std::string>(scalar) ? "text" : "a number", value.output,
             tensor::dtype_name(spec->dtype));
      }
      if (spec->dtype != DType::bytes && !fits(scalar_number(scalar), spec->dtype)) {
        fail(Code::invalid_argument, "a fallback gives {} for output '{}', which is {}", scalar_text(scalar),
             value.output, tensor::dtype_name(spec->dtype));
      }
    }
  }
}

Outcome<void> write_answer(const ConstantAnswer& answer, std::span<const uint8_t> mask,
                           std::span<const serving::TensorSpec> specs, std::vector<Tensor>& outputs) {
  for (const auto& value : answer) {
    size_t width = value.values.size();
    Tensor* tensor = find_tensor(outputs, value.output);
    if (tensor == nullptr) {
      const serving::TensorSpec* spec = find_spec(specs, value.output);
      if (spec == nullptr) return unexpected(Code::failed_precondition, "the model has no output '{}'", value.output);
      outputs.push_back(blank(*spec, mask.size(), width));
      tensor = &outputs.back();
    }
    if (width_of(*tensor) != width || tensor->shape[0] != static_cast<int64_t>(mask.size())) {
      return unexpected(Code::failed_precondition, "the fallback gives {} values for output '{}' of shape {}", width,
                        value.output, tensor::format_shape(tensor->shape));
    }
    if (tensor->dtype == DType::bytes) {
      for (size_t row = 0; row < mask.size(); ++row) {
        for (size_t i = 0; i < width && mask[row] != 0; ++i)
          tensor->strings[row * width + i] = scalar_text(value.values[i]);
      }
      continue;
    }
    std::string bytes;
    for (const auto& scalar : value.values) bytes += element_bytes(scalar, tensor->dtype);
    replace_rows(*tensor, mask, bytes.size(), [&](size_t) { return bytes.data(); });
  }
  return {};
}

Outcome<void> copy_rows(std::span<const Tensor> from, std::span<const uint8_t> mask, std::vector<Tensor>& outputs) {
  for (const Tensor& source : from) {
    Tensor* tensor = find_tensor(outputs, source.name);
    if (tensor == nullptr) continue;
    if (tensor->dtype != source.dtype || tensor->shape != source.shape || source.shape.empty() ||
        source.shape[0] != static_cast<int64_t>(mask.size())) {
      return unexpected(Code::failed_precondition, "output '{}' is {} {}, the fallback's is {} {}", source.name,
                        tensor::dtype_name(tensor->dtype), tensor::format_shape(tensor->shape),
                        tensor::dtype_name(source.dtype), tensor::format_shape(source.shape));
    }
    size_t width = width_of(source);
    if (source.dtype == DType::bytes) {
      for (size_t row = 0; row < mask.size(); ++row) {
        for (size_t i = 0; i < width && mask[row] != 0; ++i)
          tensor->strings[row * width + i] = source.strings[row * width + i];
      }
      continue;
    }
    size_t row_size = width * tensor::element_size(source.dtype);
    replace_rows(*tensor, mask, row_size, [&](size_t row) { return source.data.data() + row * row_size; });
  }
  return {};
}

}  // namespace fettle::gateway
