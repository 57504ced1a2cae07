#include "api/infer/grpc_codec.h"

#include <limits>

#include "api/infer/model_json.h"
#include "api/infer/tensor_codec.h"
#include "base/bytes.h"

namespace fettle::api::infer {

namespace {

using serving::Parameters;
using tensor::DType;
using tensor::Tensor;
using Message = inference::ModelInferRequest;

constexpr int kTensorLimit = 4096;
constexpr int kRankLimit = 64;
constexpr size_t kIdLimitBytes = 1024;
constexpr int kParameterLimit = 256;

template <class Map>
Parameters decode_parameters(const Map& map) {
  if (map.size() > kParameterLimit) fail(Code::invalid_argument, "more than {} parameters", kParameterLimit);
  Parameters parameters;
  for (const auto& [name, value] : map) {
    switch (value.parameter_choice_case()) {
      case inference::InferParameter::kBoolParam: parameters.emplace_back(name, value.bool_param()); break;
      case inference::InferParameter::kInt64Param: parameters.emplace_back(name, value.int64_param()); break;
      case inference::InferParameter::kStringParam: parameters.emplace_back(name, value.string_param()); break;
      case inference::InferParameter::kDoubleParam: parameters.emplace_back(name, value.double_param()); break;
      case inference::InferParameter::kUint64Param:
        if (value.uint64_param() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
          fail(Code::invalid_argument, "parameter '{}' must be at most 2^63 - 1", name.substr(0, 120));
        }
        parameters.emplace_back(name, static_cast<int64_t>(value.uint64_param()));
        break;
      case inference::InferParameter::PARAMETER_CHOICE_NOT_SET:
        fail(Code::invalid_argument, "parameter '{}' must be a string, number or bool", name.substr(0, 120));
    }
  }
  return parameters;
}

Tensor decode_header(const Message::InferInputTensor& from) {
  Tensor made;
  made.name = from.name();
  const auto dtype = tensor::parse_dtype(from.datatype());
  if (!dtype)
    fail(Code::invalid_argument, "datatype '{}' of input '{}' is not known", from.datatype().substr(0, 120),
         made.name.substr(0, 120));
  made.dtype = *dtype;
  made.shape.assign(from.shape().begin(), from.shape().end());
  const std::string shape = made.shape.size() > kRankLimit ? "" : tensor::format_shape(made.shape);
  if (made.shape.size() > kRankLimit)
    fail(Code::invalid_argument, "shape of input '{}' has more than {} dimensions", made.name.substr(0, 120),
         kRankLimit);
  if (std::ranges::any_of(made.shape, [](int64_t dim) { return dim < 0; })) {
    fail(Code::invalid_argument, "shape {} of input '{}' must not be negative", shape, made.name.substr(0, 120));
  }
  if (!tensor::element_count(made.shape))
    fail(Code::invalid_argument, "shape {} of input '{}' is too large", shape, made.name.substr(0, 120));
  if (from.parameters().contains("shared_memory_region")) fail(Code::unimplemented, "client shared memory is disabled");
  return made;
}

// Copies typed contents, narrowing 32-bit fields to small types with a range check.
class Contents {
 public:
  explicit Contents(Tensor& tensor) : tensor_(tensor) {}

  template <class To, class Values>
  void take(const Values& values) {
    if (values.size() != tensor_.count()) {
      fail(Code::invalid_argument, "input '{}' has {} values, its shape {} needs {}", tensor_.name.substr(0, 120),
           values.size(), tensor::format_shape(tensor_.shape), tensor_.count());
    }
    std::string bytes;
    bytes.reserve(static_cast<size_t>(values.size()) * sizeof(To));
    int index = 0;
    for (const auto value : values) {
      if constexpr (std::is_integral_v<To>) {
        if (!std::in_range<To>(value)) {
          fail(Code::invalid_argument, "input '{}' value {}: {} is out of range for {}", tensor_.name.substr(0, 120),
               index, value, tensor::dtype_name(tensor_.dtype));
        }
      }
      append_le(bytes, static_cast<To>(value));
      ++index;
    }
    tensor_ = tensor::make_tensor(std::move(tensor_.name), tensor_.dtype, std::move(tensor_.shape), std::move(bytes));
  }

  void take_booleans(const google::protobuf::RepeatedField<bool>& values) {
    const std::vector<uint8_t> bytes(values.begin(), values.end());
    take<uint8_t>(CountedBytes{bytes});
  }

  void take_strings(const google::protobuf::RepeatedPtrField<std::string>& values) {
    if (values.size() != tensor_.count()) {
      fail(Code::invalid_argument, "expected {} string elements for inference input '{}', got {}", tensor_.count(),
           tensor_.name.substr(0, 120), values.size());
    }
    tensor_.strings.assign(values.begin(), values.end());
  }

 private:
  struct CountedBytes {
    const std::vector<uint8_t>& bytes;
    int size() const { return static_cast<int>(bytes.size()); }
    auto begin() const { return bytes.begin(); }
    auto end() const { return bytes.end(); }
  };
  Tensor& tensor_;
};

void decode_contents(const inference::InferTensorContents& from, Tensor& tensor) {
  Contents contents(tensor);
  switch (tensor.dtype) {
    case DType::boolean: return contents.take_booleans(from.bool_contents());
    case DType::int8: return contents.take<int8_t>(from.int_contents());
    case DType::int16: return contents.take<int16_t>(from.int_contents());
    case DType::int32: return contents.take<int32_t>(from.int_contents());
    case DType::int64: return contents.take<int64_t>(from.int64_contents());
    case DType::uint8: return contents.take<uint8_t>(from.uint_contents());
    case DType::uint16: return contents.take<uint16_t>(from.uint_contents());
    case DType::uint32: return contents.take<uint32_t>(from.uint_contents());
    case DType::uint64: return contents.take<uint64_t>(from.uint64_contents());
    case DType::fp32: return contents.take<float>(from.fp32_contents());
    case DType::fp64: return contents.take<double>(from.fp64_contents());
    case DType::bytes: return contents.take_strings(from.bytes_contents());
    case DType::fp16:
    case DType::bf16:
      fail(Code::invalid_argument, "{} input '{}' must be sent as binary data", tensor::dtype_name(tensor.dtype),
           tensor.name.substr(0, 120));
  }
}

void decode_raw(const std::shared_ptr<Message>& message, int index, Tensor& tensor) {
  const std::string& bytes = message->raw_input_contents(index);
  const size_t expected = static_cast<size_t>(tensor.count()) * tensor::element_size(tensor.dtype);
  if (tensor.dtype != DType::bytes && bytes.size() != expected) {
    fail(Code::invalid_argument, "input byte size mismatch for input '{}' for model '{}'. Expected {}, got {}",
         tensor.name.substr(0, 120), message->model_name().substr(0, 120), expected, bytes.size());
  }
  read_binary(bytes, message, tensor);
}

std::vector<Tensor> decode_inputs(const std::shared_ptr<Message>& message) {
  const int count = message->inputs_size();
  const int raw_count = message->raw_input_contents_size();
  if (count == 0) fail(Code::invalid_argument, "'inputs' must be a non-empty list");
  if (count > kTensorLimit) fail(Code::invalid_argument, "{} inputs exceed the limit of {}", count, kTensorLimit);
  if (raw_count > 0 && raw_count != count) {
    fail(Code::invalid_argument, "expected {} raw_input_contents entries, got {}", count, raw_count);
  }
  std::vector<Tensor> tensors;
  for (int i = 0; i < count; ++i) {
    const auto& input = message->inputs(i);
    Tensor tensor = decode_header(input);
    if (raw_count > 0 && input.has_contents()) {
      fail(Code::invalid_argument, "contents field must not be specified when using raw_input_contents for '{}'",
           tensor.name.substr(0, 120));
    }
    if (raw_count > 0) {
      decode_raw(message, i, tensor);
    } else if (input.has_contents() || tensor.count() == 0) {
      decode_contents(input.contents(), tensor);
    } else {
      fail(Code::invalid_argument, "unable to find data for input tensor '{}'", tensor.name.substr(0, 120));
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void encode_duration(const serving::DurationStatistics& from, inference::StatisticDuration& to) {
  to.set_count(from.count);
  to.set_ns(from.ns);
}

inference::DataType data_type_of(DType dtype) {
  // In the order of DType.
  static constexpr inference::DataType kTypes[] = {
      inference::TYPE_BOOL,   inference::TYPE_UINT8, inference::TYPE_UINT16, inference::TYPE_UINT32,
      inference::TYPE_UINT64, inference::TYPE_INT8,  inference::TYPE_INT16,  inference::TYPE_INT32,
      inference::TYPE_INT64,  inference::TYPE_FP16,  inference::TYPE_BF16,   inference::TYPE_FP32,
      inference::TYPE_FP64,   inference::TYPE_STRING};
  return kTypes[static_cast<size_t>(dtype)];
}

}  // namespace

serving::InferRequest decode_infer(std::shared_ptr<Message> message) {
  serving::InferRequest request;
  if (message->id().size() > kIdLimitBytes)
    fail(Code::invalid_argument, "'id' has {} bytes, the limit is {}", message->id().size(), kIdLimitBytes);
  request.id = message->id();
  request.parameters = decode_parameters(message->parameters());
  for (const auto& [name, value] : request.parameters) {
    if (name.starts_with("triton_") && name != "triton_enable_empty_final_response")
      fail(Code::invalid_argument, "parameter '{}' is reserved", name.substr(0, 120));
  }
  if (message->outputs_size() > kTensorLimit)
    fail(Code::invalid_argument, "{} outputs exceed the limit of {}", message->outputs_size(), kTensorLimit);
  for (const auto& output : message->outputs()) {
    if (output.parameters().contains("classification")) {
      fail(Code::unimplemented, "classification of output '{}' is not supported; rank the values in the client",
           output.name().substr(0, 120));
    }
    if (output.parameters().contains("shared_memory_region"))
      fail(Code::unimplemented, "client shared memory is disabled");
    request.outputs.push_back({output.name(), decode_parameters(output.parameters())});
  }
  request.inputs = decode_inputs(message);
  return request;
}

inference::ModelInferResponse encode_infer(const serving::InferResponse& response) {
  inference::ModelInferResponse message;
  message.set_model_name(response.model_name);
  message.set_model_version(response.model_version);
  message.set_id(response.id);
  for (const auto& [name, value] : response.parameters) {
    inference::InferParameter& parameter = (*message.mutable_parameters())[name];
    if (const auto* flag = std::get_if<bool>(&value)) parameter.set_bool_param(*flag);
    if (const auto* integer = std::get_if<int64_t>(&value)) parameter.set_int64_param(*integer);
    if (const auto* number = std::get_if<double>(&value)) parameter.set_double_param(*number);
    if (const auto* text = std::get_if<std::string>(&value)) parameter.set_string_param(*text);
  }
  for (const Tensor& tensor : response.outputs) {
    auto* output = message.add_outputs();
    output->set_name(tensor.name);
    output->set_datatype(std::string(tensor::dtype_name(tensor.dtype)));
    output->mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
    std::string* raw = message.add_raw_output_contents();
    raw->reserve(binary_size(tensor));
    append_binary(*raw, tensor);
  }
  return message;
}

inference::ModelConfig encode_config(const ModelDescription& model) {
  inference::ModelConfig config;
  config.set_name(model.name);
  config.set_platform(model.platform);
  config.set_backend("onnxruntime");
  config.set_default_model_filename("model.onnx");
  config.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  config.set_max_batch_size(static_cast<int32_t>(model.max_batch_size));
  for (const auto& spec : model.inputs) {
    auto* input = config.add_input();
    input->set_name(spec.name);
    input->set_data_type(data_type_of(spec.dtype));
    for (int64_t dim : config_dims(spec, model.max_batch_size)) input->add_dims(dim);
    input->set_optional(spec.optional);
  }
  for (const auto& spec : model.outputs) {
    auto* output = config.add_output();
    output->set_name(spec.name);
    output->set_data_type(data_type_of(spec.dtype));
    for (int64_t dim : config_dims(spec, model.max_batch_size)) output->add_dims(dim);
  }
  auto* group = config.add_instance_group();
  group->set_name(model.name);
  group->set_count(static_cast<int32_t>(model.batching.instances));
  group->set_kind(inference::ModelInstanceGroup::KIND_CPU);
  if (model.max_batch_size > 0 && model.batching.enabled) {
    auto* batching = config.mutable_dynamic_batching();
    for (int64_t size : model.batching.preferred_sizes) batching->add_preferred_batch_size(static_cast<int32_t>(size));
    batching->set_max_queue_delay_microseconds(static_cast<uint64_t>(model.batching.max_delay_us));
    batching->mutable_default_queue_policy()->set_max_queue_size(static_cast<uint32_t>(model.batching.queue_limit));
  }
  config.mutable_model_transaction_policy()->set_decoupled(false);
  config.mutable_response_cache()->set_enable(false);
  return config;
}

inference::ModelStatistics encode_statistics(const serving::ModelStatistics& from) {
  inference::ModelStatistics to;
  to.set_name(from.name);
  to.set_version(from.version);
  to.set_last_inference(static_cast<uint64_t>(from.last_inference_ms));
  to.set_inference_count(from.inference_count);
  to.set_execution_count(from.execution_count);
  auto* stats = to.mutable_inference_stats();
  encode_duration(from.success, *stats->mutable_success());
  encode_duration(from.fail, *stats->mutable_fail());
  encode_duration(from.queue, *stats->mutable_queue());
  encode_duration(from.compute_input, *stats->mutable_compute_input());
  encode_duration(from.compute_infer, *stats->mutable_compute_infer());
  encode_duration(from.compute_output, *stats->mutable_compute_output());
  stats->mutable_cache_hit();
  stats->mutable_cache_miss();
  for (const auto& batch : from.batches) {
    auto* one = to.add_batch_stats();
    one->set_batch_size(static_cast<uint64_t>(batch.rows));
    encode_duration(batch.compute_input, *one->mutable_compute_input());
    encode_duration(batch.compute_infer, *one->mutable_compute_infer());
    encode_duration(batch.compute_output, *one->mutable_compute_output());
  }
  return to;
}

inference::ModelMetadataResponse encode_metadata(const ModelDescription& model) {
  inference::ModelMetadataResponse message;
  message.set_name(model.name);
  message.set_platform(model.platform);
  for (const std::string& version : model.versions) message.add_versions(version);
  const auto add = [](const serving::TensorSpec& spec, inference::ModelMetadataResponse::TensorMetadata& to) {
    to.set_name(spec.name);
    to.set_datatype(std::string(tensor::dtype_name(spec.dtype)));
    to.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  };
  for (const auto& spec : model.inputs) add(spec, *message.add_inputs());
  for (const auto& spec : model.outputs) add(spec, *message.add_outputs());
  return message;
}

}  // namespace fettle::api::infer
