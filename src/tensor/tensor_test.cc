#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::tensor {
namespace {

TEST(Dtype, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DType::bytes); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(dtype_name(dtype)), dtype);
  }
  EXPECT_EQ(parse_dtype("FP99"), std::nullopt);
  EXPECT_EQ(element_size(DType::fp64), 8u);
  EXPECT_EQ(element_size(DType::bytes), 0u);
}

TEST(Shape, CountsElementsAndRefusesOverflowAndNegatives) {
  EXPECT_EQ(element_count(Shape{}), 1);
  EXPECT_EQ(element_count(Shape{2, 3, 4}), 24);
  EXPECT_EQ(element_count(Shape{0, 5}), 0);
  EXPECT_EQ(element_count(Shape{-1, 5}), std::nullopt);
  EXPECT_EQ(element_count(Shape{int64_t{1} << 62, 2}), std::nullopt);
  EXPECT_EQ(element_count(Shape{0, int64_t{1} << 62, 8}), std::nullopt);
  EXPECT_EQ(element_count(Shape{std::numeric_limits<int64_t>::max()}), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(format_shape(Shape{2, -1}), "[2,-1]");
  EXPECT_EQ(format_shape(Shape{}), "[]");
}

TEST(Tensor, OwnsItsBytesAligned) {
  const Tensor small = make_tensor("x", DType::int64, {1}, std::string("\x07\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small.data.data()) % 8, 0u);
  EXPECT_EQ(small.values<int64_t>()[0], 7);
  const Tensor copy = small;  // shares the bytes
  EXPECT_EQ(copy.data.data(), small.data.data());
  EXPECT_EQ(make_string_tensor("s", {2}, {"a", "b"}).count(), 2);
}

TEST(Tensor, WidensEveryNumericType) {
  const auto one = [](DType dtype, auto value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return element_as_double(make_tensor("x", dtype, {}, bytes), 0);
  };
  EXPECT_EQ(one(DType::boolean, uint8_t{1}), 1.0);
  EXPECT_EQ(one(DType::uint8, uint8_t{200}), 200.0);
  EXPECT_EQ(one(DType::int8, int8_t{-3}), -3.0);
  EXPECT_EQ(one(DType::uint16, uint16_t{65535}), 65535.0);
  EXPECT_EQ(one(DType::int16, int16_t{-300}), -300.0);
  EXPECT_EQ(one(DType::uint32, uint32_t{4000000000u}), 4000000000.0);
  EXPECT_EQ(one(DType::int32, int32_t{-5}), -5.0);
  EXPECT_EQ(one(DType::uint64, uint64_t{1} << 60), std::ldexp(1.0, 60));
  EXPECT_EQ(one(DType::int64, int64_t{-9}), -9.0);
  EXPECT_EQ(one(DType::fp16, uint16_t{0x3C00}), 1.0);
  EXPECT_EQ(one(DType::bf16, uint16_t{0x3F80}), 1.0);
  EXPECT_EQ(one(DType::fp32, 1.5f), 1.5);
  EXPECT_EQ(one(DType::fp64, 1e300), 1e300);
}

// Every half but the NaNs survives widening and narrowing; the corner values are IEEE 754-2019 table 3.5's.
TEST(Half, RoundTripsEveryValue) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float wide = half_to_float(half);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(wide))));
    } else {
      ASSERT_EQ(float_to_half(wide), half) << bits;
    }
  }
  EXPECT_EQ(half_to_float(0x7BFF), 65504.0f);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(float_to_half(65519.0f), 0x7BFF);
  EXPECT_EQ(float_to_half(1e-10f), 0x0000);
}

}  // namespace
}  // namespace fettle::tensor
