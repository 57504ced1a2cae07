#include "api/infer/tensor_codec.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/bytes.h"
#include "base/text.h"
#include "json/json.h"

namespace fettle::api::infer {

namespace {

using tensor::DType;
using tensor::Tensor;

// As much of a number as a message shows.
std::string_view value_text(std::string_view number) { return number.substr(0, 40); }

class Values {
 public:
  Values(JsonCursor& in, Tensor& tensor) : in_(in), tensor_(tensor) {}

  template <class T>
  void integers() {
    std::string bytes = room(sizeof(T));
    in_.flattened([&] { append_le(bytes, integer<T>()); });
    finish(std::move(bytes));
  }

  template <class T>
  void floats() {
    std::string bytes = room(sizeof(T));
    in_.flattened([&] { append_le(bytes, floating<T>()); });
    finish(std::move(bytes));
  }

  void booleans() {
    std::string bytes = room(1);
    in_.flattened([&] {
      const char c = in_.peek();
      if (c == '0' || c == '1') {
        const std::string_view text = in_.number().text;
        if (text != "0" && text != "1") wrong_type(text);
        bytes += text == "1" ? '\1' : '\0';
      } else if (c == 't' || c == 'f') {
        bytes += in_.boolean() ? '\1' : '\0';
      } else {
        wrong_type(other_text());
      }
      ++count_;
    });
    finish(std::move(bytes));
  }

  void strings() {
    std::vector<std::string> strings;
    in_.flattened([&] {
      if (in_.peek() != '"') wrong_type(other_text());
      strings.push_back(in_.string());
      ++count_;
    });
    check_count();
    tensor_.strings = std::move(strings);
  }

 private:
  std::string room(size_t element_size) const {
    constexpr int64_t kTrusted = 1 << 20;  // elements that a shape may claim before any of them is seen
    std::string bytes;
    bytes.reserve(static_cast<size_t>(std::min(tensor_.count(), kTrusted)) * element_size);
    return bytes;
  }

  [[noreturn]] void wrong_type(std::string_view got) const {
    fail(Code::invalid_argument, "input '{}' value {}: expected {}, got {}", tensor_.name, count_,
         tensor::dtype_name(tensor_.dtype), got);
  }
  [[noreturn]] void out_of_range(std::string_view got) const {
    fail(Code::invalid_argument, "input '{}' value {}: {} is out of range for {}", tensor_.name, count_,
         value_text(got), tensor::dtype_name(tensor_.dtype));
  }

  // What stands there instead of a value of the right type; checks that it is JSON.
  std::string other_text() {
    switch (in_.peek()) {
      case '"': return fmt::format("\"{}\"", in_.string().substr(0, 40));
      case 't':
      case 'f': return in_.boolean() ? "true" : "false";
      case 'n': in_.null(); return "null";
      case '{': in_.skip(); return "an object";
      default: {
        const size_t at = in_.position();
        const JsonCursor::Number number = in_.number();
        if (!number.finite) JsonCursor::refuse_at(at, "NaN is only allowed in floating-point data");
        return std::string(value_text(number.text));
      }
    }
  }

  bool at_number() {
    const char c = in_.peek();
    return (c >= '0' && c <= '9') || c == '-';
  }

  template <class T>
  T integer() {
    if (!at_number()) wrong_type(other_text());
    const size_t at = in_.position();
    const JsonCursor::Number number = in_.number();
    if (!number.finite) JsonCursor::refuse_at(at, "NaN is only allowed in floating-point data");
    if (!number.integral) wrong_type(value_text(number.text));
    T value = 0;
    const auto [end, error] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), value);
    // For an unsigned type from_chars does not know the sign.
    if (error != std::errc{} || end != number.text.data() + number.text.size()) {
      if (number.text == "-0") return 0;
      out_of_range(number.text);
    }
    ++count_;
    return value;
  }

  template <class T>
  T floating() {
    const char c = in_.peek();
    if (c == 'n') {
      in_.null();
      ++count_;
      return std::numeric_limits<T>::quiet_NaN();
    }
    if (!at_number() && c != 'N' && c != 'I') wrong_type(other_text());
    const JsonCursor::Number number = in_.number();
    ++count_;
    if (!number.finite) {
      if (number.text == "NaN") return std::numeric_limits<T>::quiet_NaN();
      return number.text[0] == '-' ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    }
    double value = 0;
    const auto [end, error] = std::from_chars(number.text.data(), number.text.data() + number.text.size(), value);
    // Out of range is both too large and too small; strtod tells them apart.
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(number.text).c_str(), nullptr);
    const T narrow = static_cast<T>(value);
    if (std::isinf(narrow)) --count_, out_of_range(number.text);
    return narrow;
  }

  void check_count() const {
    if (tensor_.count() == count_) return;
    fail(Code::invalid_argument, "input '{}' has {} values, its shape {} needs {}", tensor_.name, count_,
         tensor::format_shape(tensor_.shape), tensor_.count());
  }

  void finish(std::string bytes) {
    check_count();
    Tensor made =
        tensor::make_tensor(std::move(tensor_.name), tensor_.dtype, std::move(tensor_.shape), std::move(bytes));
    tensor_ = std::move(made);
  }

  JsonCursor& in_;
  Tensor& tensor_;
  int64_t count_ = 0;
};

template <class T>
void append_number(std::string& out, T value) {
  char text[40];
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return void(out += "NaN");
    if (std::isinf(value)) return void(out += value < 0 ? "-Infinity" : "Infinity");
  }
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  out.append(text, end);
  // A whole number of a floating type keeps its point, so that typed readers see what it is.
  if constexpr (std::is_floating_point_v<T>) {
    const std::string_view made(text, static_cast<size_t>(end - text));
    if (made.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

template <class T>
void append_numbers(std::string& out, const Tensor& tensor) {
  const size_t count = tensor.data.size() / sizeof(T);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append_number(out, load_le<T>(tensor.data.data() + i * sizeof(T)));
  }
}

void append_booleans(std::string& out, const Tensor& tensor) {
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    if (i > 0) out += ',';
    out += tensor.data[i] != 0 ? "true" : "false";
  }
}

void append_strings(std::string& out, const Tensor& tensor) {
  for (size_t i = 0; i < tensor.strings.size(); ++i) {
    if (!is_valid_utf8(tensor.strings[i])) {
      fail(Code::invalid_argument, "output '{}' is not valid utf-8; request it as binary data", tensor.name);
    }
    if (i > 0) out += ',';
    json::append_quoted(out, tensor.strings[i]);
  }
}

}  // namespace

void read_json_values(JsonCursor& in, Tensor& tensor) {
  Values values(in, tensor);
  switch (tensor.dtype) {
    case DType::boolean: return values.booleans();
    case DType::uint8: return values.integers<uint8_t>();
    case DType::uint16: return values.integers<uint16_t>();
    case DType::uint32: return values.integers<uint32_t>();
    case DType::uint64: return values.integers<uint64_t>();
    case DType::int8: return values.integers<int8_t>();
    case DType::int16: return values.integers<int16_t>();
    case DType::int32: return values.integers<int32_t>();
    case DType::int64: return values.integers<int64_t>();
    case DType::fp32: return values.floats<float>();
    case DType::fp64: return values.floats<double>();
    case DType::bytes: return values.strings();
    case DType::fp16:
    case DType::bf16:
      fail(Code::invalid_argument, "{} input '{}' must be sent as binary data", tensor::dtype_name(tensor.dtype),
           tensor.name);
  }
}

void read_binary(std::string_view bytes, const std::shared_ptr<const void>& owner, Tensor& tensor) {
  if (tensor.dtype != DType::bytes) {
    tensor.data = bytes;
    tensor.owner = owner;
    return;
  }
  std::vector<std::string> strings;
  while (!bytes.empty()) {
    uint64_t size = 0;
    if (bytes.size() >= 4) size = load_le<uint32_t>(bytes.data());
    if (bytes.size() < 4 || size > bytes.size() - 4) {
      fail(Code::invalid_argument, "string element {} of input '{}' ends {} bytes beyond the data", strings.size(),
           tensor.name, bytes.size() < 4 ? 4 - bytes.size() : size - (bytes.size() - 4));
    }
    strings.emplace_back(bytes.substr(4, size));
    bytes.remove_prefix(4 + size);
  }
  if (static_cast<int64_t>(strings.size()) != tensor.count()) {
    fail(Code::invalid_argument, "expected {} string elements for inference input '{}', got {}", tensor.count(),
         tensor.name, strings.size());
  }
  tensor.strings = std::move(strings);
}

void append_json_values(std::string& out, const Tensor& tensor) {
  out += '[';
  switch (tensor.dtype) {
    case DType::boolean: append_booleans(out, tensor); break;
    case DType::uint8: append_numbers<uint8_t>(out, tensor); break;
    case DType::uint16: append_numbers<uint16_t>(out, tensor); break;
    case DType::uint32: append_numbers<uint32_t>(out, tensor); break;
    case DType::uint64: append_numbers<uint64_t>(out, tensor); break;
    case DType::int8: append_numbers<int8_t>(out, tensor); break;
    case DType::int16: append_numbers<int16_t>(out, tensor); break;
    case DType::int32: append_numbers<int32_t>(out, tensor); break;
    case DType::int64: append_numbers<int64_t>(out, tensor); break;
    case DType::fp32: append_numbers<float>(out, tensor); break;
    case DType::fp64: append_numbers<double>(out, tensor); break;
    case DType::bytes: append_strings(out, tensor); break;
    case DType::fp16:
    case DType::bf16:
      fail(Code::invalid_argument, "{} output '{}' must be requested as binary data", tensor::dtype_name(tensor.dtype),
           tensor.name);
  }
  out += ']';
}

size_t binary_size(const Tensor& tensor) {
  if (tensor.dtype != DType::bytes) return tensor.data.size();
  size_t size = 0;
  for (const std::string& text : tensor.strings) size += 4 + text.size();
  return size;
}

void append_binary(std::string& out, const Tensor& tensor) {
  out += tensor.data;
  for (const std::string& text : tensor.strings) {
    append_le(out, static_cast<uint32_t>(text.size()));
    out += text;
  }
}

}  // namespace fettle::api::infer
