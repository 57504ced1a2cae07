#include "serving/onnx_values.h"

#include <algorithm>
#include <cstring>

namespace fettle::serving {

namespace {

using tensor::DType;
using tensor::Tensor;

struct ElementRow {
  OrtElement element;  // TensorProto.DataType
  DType dtype;
};
constexpr OrtElement kFloat = 1;
constexpr OrtElement kString = 8;
constexpr OrtElement kInt64 = 7;
constexpr ElementRow kElements[] = {{1, DType::fp32},    {2, DType::uint8}, {3, DType::int8},  {4, DType::uint16},
                                    {5, DType::int16},   {6, DType::int32}, {7, DType::int64}, {8, DType::bytes},
                                    {9, DType::boolean}, {10, DType::fp16}, {11, DType::fp64}, {12, DType::uint32},
                                    {13, DType::uint64}, {16, DType::bf16}};

std::optional<DType> dtype_of(OrtElement element) {
  for (const ElementRow& row : kElements) {
    if (row.element == element) return row.dtype;
  }
  return std::nullopt;
}

OrtElement element_of(DType dtype) {
  for (const ElementRow& row : kElements) {
    if (row.dtype == dtype) return row.element;
  }
  check_failed("dtype", __FILE__, __LINE__, "a dtype without an onnx element type");
}

class Api {
 public:
  explicit Api(const OrtLibrary& library) : library_(library) {}
  const OrtTable* operator->() const { return &library_.api(); }
  void ok(OrtStatus* status) const { library_.check(status, Code::internal, "onnx runtime refused a value"); }
  OrtAllocator* allocator() const { return library_.allocator(); }

 private:
  const OrtLibrary& library_;
};

// sequence<map<int64|string, float>>: what scikit-learn's classifiers export unless told zipmap=False.
bool is_class_map(const Api& api, const OrtTypeInfo* type) {
  const OrtSequenceInfo* sequence = nullptr;
  api.ok(api->sequence_info_of_type(type, &sequence));
  if (sequence == nullptr) return false;
  OrtTypeInfo* element = nullptr;
  api.ok(api->sequence_element_type(sequence, &element));
  const std::unique_ptr<OrtTypeInfo, void (*)(OrtTypeInfo*)> release_element(element, api->release_type);
  const OrtMapInfo* map = nullptr;
  OnnxKind kind = OnnxKind::unknown;
  api.ok(api->kind_of_type(element, &kind));
  if (kind != OnnxKind::map) return false;
  api.ok(api->map_info_of_type(element, &map));
  OrtElement key = 0;
  api.ok(api->map_key_type(map, &key));
  OrtTypeInfo* value = nullptr;
  api.ok(api->map_value_type(map, &value));
  const std::unique_ptr<OrtTypeInfo, void (*)(OrtTypeInfo*)> release_value(value, api->release_type);
  const OrtTensorInfo* tensor = nullptr;
  api.ok(api->tensor_info_of_type(value, &tensor));
  OrtElement number = 0;
  if (tensor != nullptr) api.ok(api->element_type(tensor, &number));
  return number == kFloat && (key == kInt64 || key == kString);
}

TensorSpec describe_tensor(const Api& api, const OrtTensorInfo* info, const std::string& name) {
  OrtElement element = 0;
  api.ok(api->element_type(info, &element));
  const std::optional<DType> dtype = dtype_of(element);
  if (!dtype)
    fail(Code::invalid_argument,
         "'{}' has onnx element type {}, which the inference protocol cannot carry; cast it in the model", name,
         element);
  TensorSpec spec{.dtype = *dtype};
  size_t rank = 0;
  api.ok(api->rank(info, &rank));
  spec.shape.resize(rank);
  std::vector<const char*> names(rank, "");
  if (rank > 0) {
    api.ok(api->dimensions(info, spec.shape.data(), rank));
    api.ok(api->symbolic_dimensions(info, names.data(), rank));
  }
  for (size_t i = 0; i < rank; ++i)
    spec.dim_names.emplace_back(spec.shape[i] < 0 && names[i] != nullptr ? names[i] : "");
  return spec;
}

std::vector<std::string> read_strings(const Api& api, const OrtValue* value, size_t count) {
  size_t size = 0;
  api.ok(api->strings_size(value, &size));
  std::string content(size, '\0');
  std::vector<size_t> starts(count);
  if (count > 0) api.ok(api->strings_content(value, content.data(), size, starts.data(), count));
  std::vector<std::string> strings;
  strings.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? starts[i + 1] : size;
    strings.push_back(content.substr(starts[i], end - starts[i]));
  }
  return strings;
}

Tensor read_tensor(const std::shared_ptr<OnnxSession>& session, OnnxValue value, const TensorSpec& spec) {
  const Api api(*session->library);
  OrtTensorInfo* info = nullptr;
  api.ok(api->tensor_info_of_value(value.get(), &info));
  const std::unique_ptr<OrtTensorInfo, void (*)(OrtTensorInfo*)> release(info, api->release_tensor_info);
  Tensor made;
  made.name = spec.name;
  OrtElement element = 0;
  api.ok(api->element_type(info, &element));
  made.dtype = dtype_of(element).value_or(spec.dtype);
  size_t rank = 0;
  api.ok(api->rank(info, &rank));
  made.shape.resize(rank);
  if (rank > 0) api.ok(api->dimensions(info, made.shape.data(), rank));
  const auto count = static_cast<size_t>(made.count());
  if (made.dtype == DType::bytes) {
    made.strings = read_strings(api, value.get(), count);
    return made;
  }
  void* data = nullptr;
  api.ok(api->tensor_data(value.get(), &data));
  made.data = {static_cast<const char*>(data), count * tensor::element_size(made.dtype)};
  // The value goes before the session that owns its memory.
  struct Held {
    std::shared_ptr<OnnxSession> session;
    OnnxValue value;
  };
  made.owner = std::make_shared<const Held>(session, std::move(value));
  return made;
}

// The probabilities of one row of a sequence of maps. Keys are sorted maps', so their order is the same in every row.
void append_map_values(const Api& api, const OrtValue* sequence, size_t row, std::vector<float>& numbers) {
  const OnnxRelease releaser{api->release_value};
  OrtValue* map = nullptr;
  api.ok(api->value_at(sequence, static_cast<int>(row), api.allocator(), &map));
  const OnnxValue held_map(map, releaser);
  OrtValue* values = nullptr;
  api.ok(api->value_at(map, 1, api.allocator(), &values));
  const OnnxValue held_values(values, releaser);
  OrtTensorInfo* info = nullptr;
  api.ok(api->tensor_info_of_value(values, &info));
  const std::unique_ptr<OrtTensorInfo, void (*)(OrtTensorInfo*)> release(info, api->release_tensor_info);
  size_t rank = 0;
  api.ok(api->rank(info, &rank));
  std::vector<int64_t> shape(rank);
  api.ok(api->dimensions(info, shape.data(), rank));
  void* data = nullptr;
  api.ok(api->tensor_data(values, &data));
  const auto* first = static_cast<const float*>(data);
  numbers.insert(numbers.end(), first, first + tensor::element_count(shape).value_or(0));
}

Tensor read_class_maps(const std::shared_ptr<OnnxSession>& session, const OrtValue* sequence, const TensorSpec& spec) {
  const Api api(*session->library);
  size_t rows = 0;
  api.ok(api->value_count(sequence, &rows));
  std::vector<float> numbers;
  for (size_t row = 0; row < rows; ++row) append_map_values(api, sequence, row, numbers);
  const size_t classes = rows == 0 ? 0 : numbers.size() / rows;
  if (classes * rows != numbers.size()) fail(Code::internal, "output '{}' has rows of different lengths", spec.name);
  std::string bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  return tensor::make_tensor(spec.name, DType::fp32, {static_cast<int64_t>(rows), static_cast<int64_t>(classes)},
                             std::move(bytes));
}

void fill_strings(const Api& api, OrtValue* value, const std::vector<std::string>& strings) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (std::ranges::none_of(strings, has_nul)) {
    std::vector<const char*> pointers;
    pointers.reserve(strings.size());
    for (const std::string& text : strings) pointers.push_back(text.c_str());
    api.ok(api->fill_strings(value, pointers.data(), pointers.size()));
    return;
  }
  for (size_t i = 0; i < strings.size(); ++i) {
    char* buffer = nullptr;
    api.ok(api->string_buffer(value, i, strings[i].size(), &buffer));
    if (!strings[i].empty()) std::memcpy(buffer, strings[i].data(), strings[i].size());
  }
}

}  // namespace

TensorSpec describe_type(const OrtLibrary& library, const OrtTypeInfo* type, IoRole role, const std::string& name) {
  const Api api(library);
  OnnxKind kind = OnnxKind::unknown;
  api.ok(api->kind_of_type(type, &kind));
  if (kind == OnnxKind::tensor) {
    const OrtTensorInfo* info = nullptr;
    api.ok(api->tensor_info_of_type(type, &info));
    return describe_tensor(api, info, name);
  }
  if (kind == OnnxKind::sequence && role == IoRole::output && is_class_map(api, type)) {
    return {.dtype = DType::fp32, .shape = {-1, -1}, .dim_names = {"", ""}};
  }
  fail(Code::invalid_argument,
       "{} '{}' is not a tensor; export the model with tensors only (for scikit-learn: zipmap=False)",
       role == IoRole::input ? "input" : "output", name);
}

OnnxValue to_onnx_value(const OrtLibrary& library, const Tensor& from) {
  const Api api(library);
  OrtValue* value = nullptr;
  if (from.dtype == DType::bytes) {
    api.ok(api->create_tensor(api.allocator(), from.shape.data(), from.shape.size(), kString, &value));
    OnnxValue held(value, OnnxRelease{api->release_value});
    fill_strings(api, value, from.strings);
    return held;
  }
  // The library only reads inputs; its signature has no const.
  api.ok(api->wrap_tensor(library.memory(), const_cast<char*>(from.data.data()), from.data.size(), from.shape.data(),
                          from.shape.size(), element_of(from.dtype), &value));
  return OnnxValue(value, OnnxRelease{api->release_value});
}

Tensor from_onnx_value(const std::shared_ptr<OnnxSession>& session, OnnxValue value, const TensorSpec& spec) {
  const Api api(*session->library);
  OnnxKind kind = OnnxKind::unknown;
  api.ok(api->kind_of_value(value.get(), &kind));
  if (kind == OnnxKind::sequence) return read_class_maps(session, value.get(), spec);
  if (kind != OnnxKind::tensor) fail(Code::internal, "output '{}' is not a tensor", spec.name);
  return read_tensor(session, std::move(value), spec);
}

}  // namespace fettle::serving
