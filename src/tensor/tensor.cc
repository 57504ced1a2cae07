#include "tensor/tensor.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace fettle::tensor {

namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  size_t size;
};

constexpr std::array<DTypeRow, 14> kDTypes = {{{DType::boolean, "BOOL", 1},
                                               {DType::uint8, "UINT8", 1},
                                               {DType::uint16, "UINT16", 2},
                                               {DType::uint32, "UINT32", 4},
                                               {DType::uint64, "UINT64", 8},
                                               {DType::int8, "INT8", 1},
                                               {DType::int16, "INT16", 2},
                                               {DType::int32, "INT32", 4},
                                               {DType::int64, "INT64", 8},
                                               {DType::fp16, "FP16", 2},
                                               {DType::bf16, "BF16", 2},
                                               {DType::fp32, "FP32", 4},
                                               {DType::fp64, "FP64", 8},
                                               {DType::bytes, "BYTES", 0}}};

template <class T>
double load_as_double(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

uint16_t load_u16(const char* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

size_t element_size(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size; }

std::optional<int64_t> element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool zero = false;
  for (int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
    // A zero makes the product zero, but must not hide that the other dimensions are absurd.
    if (dim == 0) {
      zero = true;
    } else if (__builtin_mul_overflow(count, dim, &count)) {
      return std::nullopt;
    }
  }
  return zero ? 0 : count;
}

std::string format_shape(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  text += ']';
  return text;
}

Tensor make_tensor(std::string name, DType dtype, Shape shape, std::string bytes) {
  const std::optional<int64_t> count = element_count(shape);
  FETTLE_CHECK(dtype != DType::bytes, "BYTES tensors are made of strings");
  FETTLE_CHECK(count && static_cast<size_t>(*count) * element_size(dtype) == bytes.size(),
               "bytes do not fit the shape");
  Tensor made;
  made.name = std::move(name);
  made.dtype = dtype;
  made.shape = std::move(shape);
  // A short string lives inside its object, at no promised alignment; on the heap it is aligned for any element.
  bytes.reserve(32);
  auto owned = std::make_shared<const std::string>(std::move(bytes));
  made.data = *owned;
  made.owner = std::move(owned);
  return made;
}

Tensor make_string_tensor(std::string name, Shape shape, std::vector<std::string> strings) {
  const std::optional<int64_t> count = element_count(shape);
  FETTLE_CHECK(count && static_cast<size_t>(*count) == strings.size(), "strings do not fit the shape");
  Tensor made;
  made.name = std::move(name);
  made.dtype = DType::bytes;
  made.shape = std::move(shape);
  made.strings = std::move(strings);
  return made;
}

double element_as_double(const Tensor& tensor, int64_t index) {
  const char* at = tensor.data.data() + static_cast<size_t>(index) * element_size(tensor.dtype);
  switch (tensor.dtype) {
    case DType::boolean: return *at != 0 ? 1.0 : 0.0;
    case DType::uint8: return load_as_double<uint8_t>(at);
    case DType::uint16: return load_as_double<uint16_t>(at);
    case DType::uint32: return load_as_double<uint32_t>(at);
    case DType::uint64: return load_as_double<uint64_t>(at);
    case DType::int8: return load_as_double<int8_t>(at);
    case DType::int16: return load_as_double<int16_t>(at);
    case DType::int32: return load_as_double<int32_t>(at);
    case DType::int64: return load_as_double<int64_t>(at);
    case DType::fp16: return half_to_float(load_u16(at));
    case DType::bf16: return bfloat_to_float(load_u16(at));
    case DType::fp32: return load_as_double<float>(at);
    case DType::fp64: return load_as_double<double>(at);
    case DType::bytes: break;
  }
  check_failed("numeric tensor", __FILE__, __LINE__, "BYTES elements have no number");
}

float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);   // NaN
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7C00u);  // 2^16 and above: infinity
  if (magnitude < 0x38800000u) {  // below 2^-14: subnormal, in units of 2^-24, ties to even
    const float units = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(units)));
  }
  // Rounding to nearest even; a carry runs into the exponent, and from the largest value into infinity, as IEEE 754
  // wants.
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

float bfloat_to_float(uint16_t bfloat) { return std::bit_cast<float>(static_cast<uint32_t>(bfloat) << 16); }

}  // namespace fettle::tensor
