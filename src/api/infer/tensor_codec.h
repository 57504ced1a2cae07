// Tensor data in the protocol's two forms: JSON values, and the binary extension's bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/infer/json_cursor.h"
#include "tensor/tensor.h"

namespace fettle::api::infer {

// Reads the (nested or flat) array at the cursor into `tensor`, whose name, dtype and shape are set. invalid_argument:
// a value of the wrong type or out of the type's range, another count than the shape's, FP16 and BF16 (binary only).
// null, NaN and Infinity are values of FP32 and FP64.
void read_json_values(JsonCursor& in, tensor::Tensor& tensor);

// Takes `bytes` as the tensor's data; fixed-size elements are borrowed and `owner` keeps them, BYTES are copied. A
// wrong size of a fixed-size type is left to the check against the model.
void read_binary(std::string_view bytes, const std::shared_ptr<const void>& owner, tensor::Tensor& tensor);

// Appends `[v,v,…]`. invalid_argument for FP16 and BF16 and for BYTES that are not UTF-8: those must be requested as
// binary data.
void append_json_values(std::string& out, const tensor::Tensor& tensor);

// The size of the tensor in the binary extension, and the bytes themselves.
size_t binary_size(const tensor::Tensor& tensor);
void append_binary(std::string& out, const tensor::Tensor& tensor);

}  // namespace fettle::api::infer
