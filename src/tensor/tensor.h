// Data types, shapes and owned or borrowed tensors, as the Open Inference Protocol names them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fettle::tensor {

enum class DType { boolean, uint8, uint16, uint32, uint64, int8, int16, int32, int64, fp16, bf16, fp32, fp64, bytes };

// "BOOL", "UINT8" … "FP32", "BYTES".
std::string_view dtype_name(DType dtype);
std::optional<DType> parse_dtype(std::string_view name);
// Bytes an element; 0 for bytes (variable).
size_t element_size(DType dtype);

using Shape = std::vector<int64_t>;
// Product of the dimensions; nothing when one is negative or the product overflows int64. A scalar (empty shape) is 1.
std::optional<int64_t> element_count(std::span<const int64_t> shape);
std::string format_shape(std::span<const int64_t> shape);  // "[2,-1]"

// A named dense row-major tensor. Fixed-size elements stand in `data` little-endian; BYTES elements in `strings`.
// `data` may borrow from `owner` (a request body), so that binary tensors are not copied.
struct Tensor {
  std::string name;
  DType dtype = DType::fp32;
  Shape shape;
  std::string_view data;              // element_count * element_size bytes, unless BYTES
  std::vector<std::string> strings;   // BYTES
  std::shared_ptr<const void> owner;  // keeps `data` alive

  int64_t count() const { return element_count(shape).value_or(0); }
  // Elements as T; T must have the dtype's size and `data` its alignment (make_tensor guarantees it; borrowed data is
  // copied if needed by aligned()).
  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

// A tensor that owns `bytes` (element_count * element_size of them; FETTLE_CHECKed).
Tensor make_tensor(std::string name, DType dtype, Shape shape, std::string bytes);
Tensor make_string_tensor(std::string name, Shape shape, std::vector<std::string> strings);

// Any numeric or boolean element as double (int64 may round); FP16 and BF16 are widened. `index` < count(). Not for
// BYTES.
double element_as_double(const Tensor& tensor, int64_t index);

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);
float bfloat_to_float(uint16_t bfloat);

}  // namespace fettle::tensor
