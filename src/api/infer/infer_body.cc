#include "api/infer/infer_body.h"

#include <algorithm>
#include <charconv>

#include "api/infer/json_cursor.h"
#include "api/infer/tensor_codec.h"
#include "base/bytes.h"
#include "base/text.h"
#include "json/json.h"

namespace fettle::api::infer {

namespace {

using serving::Parameter;
using serving::Parameters;
using tensor::DType;
using tensor::Tensor;

constexpr size_t kTensorLimit = 4096;
constexpr size_t kRankLimit = 64;
constexpr size_t kIdLimitBytes = 1024;
constexpr size_t kParameterLimit = 256;
constexpr size_t kParameterNameLimitBytes = 255;

std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

const Parameter* find(const Parameters& parameters, std::string_view name) {
  const auto at =
      std::ranges::find(parameters, name, [](const auto& entry) -> std::string_view { return entry.first; });
  return at == parameters.end() ? nullptr : &at->second;
}

std::optional<bool> find_bool(const Parameters& parameters, std::string_view name) {
  const Parameter* value = find(parameters, name);
  if (value == nullptr) return std::nullopt;
  const bool* flag = std::get_if<bool>(value);
  if (flag == nullptr) fail(Code::invalid_argument, "parameter '{}' must be a bool", name);
  return *flag;
}

size_t parse_header_length(const InferBody& body) {
  const auto number = parse_int(*body.header_length);
  if (!number || *number < 0 || static_cast<uint64_t>(*number) > body.content->size()) {
    fail(Code::invalid_argument, "inference-header-content-length '{}' must be from 0 to {}",
         shown(*body.header_length), body.content->size());
  }
  return static_cast<size_t>(*number);
}

// True when `open` comes next; a text that ends here is refused for that.
bool comes(JsonCursor& in, char open) {
  const char c = in.peek();
  if (c == '\0') in.refuse("unexpected end");
  return c == open;
}

// One input as it stands in the JSON, before its data is attached.
struct PendingInput {
  Tensor tensor;
  Parameters parameters;
  bool has_name = false;
  bool has_dtype = false;
  bool has_shape = false;
  bool has_data = false;
  std::optional<size_t> data_at;  // position of `data` that came before what is needed to read it
  std::optional<int64_t> binary_size;
};

class Decoder {
 public:
  explicit Decoder(const InferBody& body) : body_(body) {
    const size_t length = body.header_length ? parse_header_length(body) : body.content->size();
    json_ = std::string_view(*body.content).substr(0, length);
    binary_ = std::string_view(*body.content).substr(length);
  }

  DecodedRequest decode() {
    JsonCursor in(json_);
    bool has_inputs = false;
    if (!comes(in, '{')) {
      in.skip();
      fail(Code::invalid_argument, "the request must be a json object with 'inputs'");
    }
    in.object([&](const std::string& key) {
      if (key == "id") {
        read_id(in);
      } else if (key == "parameters") {
        read_parameters(in, decoded_.request.parameters);
      } else if (key == "inputs") {
        has_inputs = true;
        read_inputs(in);
      } else if (key == "outputs") {
        read_outputs(in);
      } else {
        in.skip();
      }
    });
    in.end();
    if (!has_inputs || inputs_.empty()) fail(Code::invalid_argument, "'inputs' must be a non-empty list");
    check_reserved(decoded_.request.parameters);
    if (const auto flag = find_bool(decoded_.request.parameters, "binary_data_output"))
      decoded_.forms.binary_by_default = *flag;
    attach_data();
    return std::move(decoded_);
  }

 private:
  void read_id(JsonCursor& in) {
    if (!comes(in, '"')) fail(Code::invalid_argument, "'id' must be a string");
    decoded_.request.id = in.string();
    if (decoded_.request.id.size() > kIdLimitBytes)
      fail(Code::invalid_argument, "'id' has {} bytes, the limit is {}", decoded_.request.id.size(), kIdLimitBytes);
  }

  static Parameter read_parameter(JsonCursor& in, const std::string& name) {
    switch (in.peek()) {
      case '"': return in.string();
      case 't':
      case 'f': return in.boolean();
      case '{':
      case '[':
      case 'n': fail(Code::invalid_argument, "parameter '{}' must be a string, number or bool", shown(name));
      default: break;
    }
    const size_t at = in.position();
    const JsonCursor::Number number = in.number();
    if (!number.finite) JsonCursor::refuse_at(at, "NaN is only allowed in floating-point data");
    if (const auto integer = number.integral ? parse_int(number.text) : std::nullopt) return *integer;
    return parse_double(number.text).value_or(0);
  }

  static void read_parameters(JsonCursor& in, Parameters& into) {
    if (!comes(in, '{')) fail(Code::invalid_argument, "'parameters' must be an object");
    in.object([&](const std::string& name) {
      if (name.size() > kParameterNameLimitBytes)
        fail(Code::invalid_argument, "parameter '{}' has a name of more than {} bytes", shown(name),
             kParameterNameLimitBytes);
      if (into.size() == kParameterLimit) fail(Code::invalid_argument, "more than {} parameters", kParameterLimit);
      into.emplace_back(name, read_parameter(in, name));
    });
  }

  static void check_reserved(const Parameters& parameters) {
    for (const auto& [name, value] : parameters) {
      if (name.starts_with("triton_")) fail(Code::invalid_argument, "parameter '{}' is reserved", shown(name));
      if (name == "timeout" || name == "priority") {
        const int64_t* number = std::get_if<int64_t>(&value);
        if (number == nullptr || *number < 0) fail(Code::invalid_argument, "{} must be a whole number >= 0", name);
      }
    }
  }

  void read_inputs(JsonCursor& in) {
    if (!comes(in, '[')) fail(Code::invalid_argument, "'inputs' must be a non-empty list");
    in.array([&] {
      if (inputs_.size() == kTensorLimit) fail(Code::invalid_argument, "more than {} inputs", kTensorLimit);
      if (!comes(in, '{')) fail(Code::invalid_argument, "input {} must be an object", inputs_.size());
      inputs_.push_back(read_input(in));
    });
  }

  PendingInput read_input(JsonCursor& in) {
    PendingInput input;
    in.object([&](const std::string& key) {
      if (key == "name") {
        if (!comes(in, '"')) fail(Code::invalid_argument, "input {}: 'name' must be a string", inputs_.size());
        input.tensor.name = in.string();
        input.has_name = true;
      } else if (key == "datatype") {
        read_dtype(in, input);
      } else if (key == "shape") {
        read_shape(in, input);
      } else if (key == "parameters") {
        read_parameters(in, input.parameters);
      } else if (key == "data") {
        input.has_data = true;
        if (input.has_name && input.has_dtype && input.has_shape) {
          read_data(in, input);
        } else {
          in.peek();
          input.data_at = in.position();
          skip_data(in);
        }
      } else {
        in.skip();
      }
    });
    finish_input(input);
    return input;
  }

  // As skip(), but bare NaN is judged when the type is known.
  static void skip_data(JsonCursor& in) {
    in.flattened([&] {
      const char c = in.peek();
      if (c == '"') {
        in.string();
      } else if (c == 't' || c == 'f') {
        in.boolean();
      } else if (c == 'n') {
        in.null();
      } else if (c == '{') {
        in.skip();
      } else {
        in.number();
      }
    });
  }

  void finish_input(PendingInput& input) {
    const size_t index = inputs_.size();
    if (!input.has_name) fail(Code::invalid_argument, "input {}: 'name' is missing", index);
    if (!input.has_shape) fail(Code::invalid_argument, "input {}: 'shape' is missing", index);
    if (!input.has_dtype) fail(Code::invalid_argument, "input {}: 'datatype' is missing", index);
    if (find(input.parameters, "shared_memory_region") != nullptr)
      fail(Code::unimplemented, "client shared memory is disabled");
    if (const Parameter* size = find(input.parameters, "binary_data_size")) {
      const int64_t* number = std::get_if<int64_t>(size);
      if (number == nullptr || *number < 0)
        fail(Code::invalid_argument, "'binary_data_size' of input '{}' must be a whole number >= 0",
             shown(input.tensor.name));
      if (input.has_data)
        fail(Code::invalid_argument, "input '{}' has both 'data' and 'binary_data_size'; give one",
             shown(input.tensor.name));
      input.binary_size = *number;
    }
    if (input.data_at) {
      JsonCursor again(json_);
      again.seek(*input.data_at);
      read_data(again, input);
    }
  }

  static void read_data(JsonCursor& in, PendingInput& input) {
    if (!comes(in, '[')) fail(Code::invalid_argument, "'data' of input '{}' must be a list", shown(input.tensor.name));
    read_json_values(in, input.tensor);
  }

  static void read_dtype(JsonCursor& in, PendingInput& input) {
    const std::string name = in.peek() == '"' ? in.string() : std::string("?");
    const auto dtype = tensor::parse_dtype(name);
    if (!dtype)
      fail(Code::invalid_argument, "datatype '{}' of input '{}' is not known", shown(name), shown(input.tensor.name));
    input.tensor.dtype = *dtype;
    input.has_dtype = true;
  }

  void read_shape(JsonCursor& in, PendingInput& input) {
    const auto refuse = [&](std::string_view what) {
      fail(Code::invalid_argument, "shape {} of input '{}' {}", tensor::format_shape(input.tensor.shape),
           shown(input.tensor.name), what);
    };
    if (!comes(in, '['))
      fail(Code::invalid_argument, "input {}: 'shape' must be a list of whole numbers", inputs_.size());
    in.array([&] {
      const char c = in.peek();
      const bool numeric = (c >= '0' && c <= '9') || c == '-';
      const auto dim = numeric ? parse_int(in.number().text) : std::nullopt;
      if (!dim) fail(Code::invalid_argument, "input {}: 'shape' must be a list of whole numbers", inputs_.size());
      input.tensor.shape.push_back(*dim);
      if (input.tensor.shape.size() > kRankLimit) refuse(fmt::format("has more than {} dimensions", kRankLimit));
    });
    if (std::ranges::any_of(input.tensor.shape, [](int64_t dim) { return dim < 0; })) refuse("must not be negative");
    if (!tensor::element_count(input.tensor.shape)) refuse("is too large");
    input.has_shape = true;
  }

  void read_outputs(JsonCursor& in) {
    if (!comes(in, '[')) fail(Code::invalid_argument, "'outputs' must be a list");
    in.array([&] {
      if (decoded_.request.outputs.size() == kTensorLimit)
        fail(Code::invalid_argument, "more than {} outputs", kTensorLimit);
      if (!comes(in, '{')) fail(Code::invalid_argument, "output {} must be an object", decoded_.request.outputs.size());
      serving::RequestedOutput output;
      bool has_name = false;
      in.object([&](const std::string& key) {
        if (key == "name" && in.peek() == '"') {
          output.name = in.string();
          has_name = true;
        } else if (key == "parameters") {
          read_parameters(in, output.parameters);
        } else {
          in.skip();
        }
      });
      if (!has_name) fail(Code::invalid_argument, "output {}: 'name' is missing", decoded_.request.outputs.size());
      if (find(output.parameters, "classification") != nullptr)
        fail(Code::unimplemented, "classification of output '{}' is not supported; rank the values in the client",
             shown(output.name));
      if (find(output.parameters, "shared_memory_region") != nullptr)
        fail(Code::unimplemented, "client shared memory is disabled");
      if (const auto binary = find_bool(output.parameters, "binary_data"))
        decoded_.forms.by_name.emplace_back(output.name, *binary);
      decoded_.request.outputs.push_back(std::move(output));
    });
  }

  void attach_data() {
    const bool one_binary =
        !binary_.empty() && std::ranges::count_if(inputs_, [](const PendingInput& one) { return !one.has_data; }) == 1;
    for (PendingInput& input : inputs_) {
      if (!input.has_data) {
        // With one binary input its size may be left out.
        if (!input.binary_size && one_binary) input.binary_size = static_cast<int64_t>(binary_.size());
        if (!input.binary_size)
          fail(Code::invalid_argument, "unable to find data for input tensor '{}'", shown(input.tensor.name));
        attach_binary(input);
      }
      decoded_.request.inputs.push_back(std::move(input.tensor));
    }
    if (!binary_.empty()) fail(Code::invalid_argument, "unexpected additional input data for model '{}'", body_.model);
  }

  void attach_binary(PendingInput& input) {
    const auto size = static_cast<size_t>(*input.binary_size);
    if (!body_.header_length) {
      fail(Code::invalid_argument, "input '{}' has binary data but the request has no inference-header-content-length",
           shown(input.tensor.name));
    }
    if (size > binary_.size()) {
      fail(Code::invalid_argument, "unexpected size for input '{}', expecting {} additional bytes for model '{}'",
           shown(input.tensor.name), size - binary_.size(), body_.model);
    }
    const std::string_view bytes = binary_.substr(0, size);
    binary_.remove_prefix(size);
    const size_t expected = static_cast<size_t>(input.tensor.count()) * tensor::element_size(input.tensor.dtype);
    if (input.tensor.dtype != DType::bytes && expected != size) {
      fail(Code::invalid_argument, "input byte size mismatch for input '{}' for model '{}'. Expected {}, got {}",
           shown(input.tensor.name), body_.model, expected, size);
    }
    read_binary(bytes, body_.content, input.tensor);
  }

  const InferBody& body_;
  std::string_view json_;
  std::string_view binary_;
  std::vector<PendingInput> inputs_;
  DecodedRequest decoded_;
};

void append_parameters(std::string& out, const Parameters& parameters) {
  out += '{';
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (i > 0) out += ',';
    json::append_quoted(out, parameters[i].first);
    out += ':';
    std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, bool>) out += value ? "true" : "false";
          if constexpr (std::is_same_v<T, int64_t>) out += std::to_string(value);
          if constexpr (std::is_same_v<T, double>) out += format_double(value);
          if constexpr (std::is_same_v<T, std::string>) json::append_quoted(out, value);
        },
        parameters[i].second);
  }
  out += '}';
}

void append_output(std::string& out, const Tensor& output, bool binary) {
  out += "{\"name\":";
  json::append_quoted(out, output.name);
  out += fmt::format(",\"datatype\":\"{}\",\"shape\":{}", tensor::dtype_name(output.dtype),
                     tensor::format_shape(output.shape));
  if (binary) {
    out += fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}", binary_size(output));
    return;
  }
  out += ",\"data\":";
  append_json_values(out, output);
  out += '}';
}

}  // namespace

bool OutputForms::is_binary(std::string_view output) const {
  for (const auto& [name, binary] : by_name) {
    if (name == output) return binary;
  }
  return binary_by_default;
}

DecodedRequest decode_infer(const InferBody& body) { return Decoder(body).decode(); }

bool is_raw(const InferBody& body) { return body.header_length && parse_int(*body.header_length) == 0; }

DecodedRequest decode_raw(const InferBody& body, const ModelDescription& model) {
  if (model.inputs.size() != 1) {
    fail(Code::invalid_argument, "raw request needs a model with one input; '{}' has {}", body.model,
         model.inputs.size());
  }
  const serving::TensorSpec& spec = model.inputs[0];
  Tensor input;
  input.name = spec.name;
  input.dtype = spec.dtype;
  input.shape = spec.shape;
  // Of several free dimensions the first is the batch, and this is one row.
  if (model.max_batch_size > 0 && std::ranges::count(input.shape, -1) > 1) input.shape[0] = 1;
  if (std::ranges::count(input.shape, -1) > 1) {
    fail(Code::invalid_argument, "raw request needs an input with one variable dimension; '{}' has shape {}", spec.name,
         tensor::format_shape(spec.shape));
  }
  int64_t known = 1;
  for (int64_t dim : input.shape) known *= dim < 0 ? 1 : dim;
  const auto free_dim = std::ranges::find(input.shape, -1);
  if (input.dtype == DType::bytes) {
    if (free_dim != input.shape.end()) *free_dim = 1;
    if (known != 1)
      fail(Code::invalid_argument, "raw request needs an input of one element; '{}' has shape {}", spec.name,
           tensor::format_shape(spec.shape));
    input.strings = {*body.content};
  } else {
    const auto row = known * static_cast<int64_t>(tensor::element_size(input.dtype));
    const auto size = static_cast<int64_t>(body.content->size());
    if (free_dim != input.shape.end()) {
      if (row == 0 || size % row != 0) {
        fail(Code::invalid_argument,
             "input byte size mismatch for input '{}' for model '{}'. Expected a multiple of {}, got {}", spec.name,
             body.model, row, size);
      }
      *free_dim = size / row;
    }
    read_binary(*body.content, body.content, input);
  }
  DecodedRequest decoded;
  decoded.request.inputs.push_back(std::move(input));
  decoded.forms.binary_by_default = true;
  return decoded;
}

EncodedResponse encode_infer(const serving::InferResponse& response, const OutputForms& forms) {
  EncodedResponse encoded;
  std::string& out = encoded.body;
  out.reserve(512);
  out += "{\"model_name\":";
  json::append_quoted(out, response.model_name);
  out += ",\"model_version\":";
  json::append_quoted(out, response.model_version);
  if (!response.id.empty()) {
    out += ",\"id\":";
    json::append_quoted(out, response.id);
  }
  if (!response.parameters.empty()) {
    out += ",\"parameters\":";
    append_parameters(out, response.parameters);
  }
  out += ",\"outputs\":[";
  size_t binary_bytes = 0;
  for (size_t i = 0; i < response.outputs.size(); ++i) {
    const Tensor& output = response.outputs[i];
    const bool binary = forms.is_binary(output.name);
    if (i > 0) out += ',';
    append_output(out, output, binary);
    if (binary) binary_bytes += binary_size(output);
  }
  out += "]}";
  if (binary_bytes == 0) return encoded;
  encoded.header_length = out.size();
  out.reserve(out.size() + binary_bytes);
  for (const Tensor& output : response.outputs) {
    if (forms.is_binary(output.name)) append_binary(out, output);
  }
  return encoded;
}

}  // namespace fettle::api::infer
