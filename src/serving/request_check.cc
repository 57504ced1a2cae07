#include "serving/request_check.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace fettle::serving {

namespace {

using tensor::DType;
using tensor::Tensor;

// Text of a client in a message: printable, and not longer than `limit` bytes.
std::string shown(std::string_view text, size_t limit) {
  std::string out;
  for (char c : text.substr(0, limit)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

std::string request_tag(const InferRequest& request) {
  return fmt::format("[request id: {}] ", request.id.empty() ? "<id_unknown>" : shown(request.id, 128));
}

std::string quoted_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += fmt::format("{}'{}'", out.empty() ? "" : ",", shown(name, 120));
  return out;
}

class Check {
 public:
  Check(const ModelShape& model, InferRequest& request) : model_(model), request_(request) {}

  Outcome<CheckedRequest> run() {
    return outcome_of([&] {
      check_names();
      CheckedRequest checked;
      for (const TensorSpec& spec : model_.inputs) checked.inputs.push_back(take_input(spec));
      check_equal_dimensions(checked.inputs);
      checked.rows = count_rows(checked.inputs);
      checked.outputs = find_outputs();
      checked.group = group_of(checked);
      for (Tensor& input : checked.inputs) align(input);
      return checked;
    });
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Error{Code::invalid_argument, request_tag(request_) + fmt::format(format, std::forward<Args>(args)...)});
  }

  const TensorSpec* find_spec(std::string_view name) const {
    const auto at = std::ranges::find(model_.inputs, name, &TensorSpec::name);
    return at == model_.inputs.end() ? nullptr : &*at;
  }

  void check_names() const {
    std::vector<std::string> got;
    for (const Tensor& input : request_.inputs) {
      if (std::ranges::find(got, input.name) != got.end())
        refuse("input '{}' already exists in request", shown(input.name, 120));
      got.push_back(input.name);
    }
    std::vector<std::string> missing;
    for (const TensorSpec& spec : model_.inputs) {
      if (std::ranges::find(got, spec.name) == got.end()) missing.push_back(spec.name);
    }
    for (const std::string& name : got) {
      // With nothing missing, or an unknown name in the place of a known one, the unknown name says more than a count.
      if (find_spec(name) == nullptr && (missing.empty() || got.size() >= model_.inputs.size())) {
        refuse("unexpected inference input '{}' for model '{}'", shown(name, 120), model_.name);
      }
    }
    if (!missing.empty()) {
      refuse(
          "expected {} inputs but got {} inputs for model '{}'. Got input(s) [{}], but missing required input(s) [{}]. "
          "Please provide all "
          "required input(s).",
          model_.inputs.size(), got.size(), model_.name, quoted_names(got), quoted_names(missing));
    }
  }

  Tensor take_input(const TensorSpec& spec) {
    Tensor& input = *std::ranges::find(request_.inputs, spec.name, &Tensor::name);
    if (input.dtype != spec.dtype) {
      refuse("inference input '{}' data-type is '{}', but model '{}' expects '{}'", spec.name,
             tensor::dtype_name(input.dtype), model_.name, tensor::dtype_name(spec.dtype));
    }
    const std::optional<int64_t> count = tensor::element_count(input.shape);
    if (!count)
      refuse("shape {} of input '{}' must not be negative or larger than 2^63 elements",
             tensor::format_shape(input.shape), spec.name);
    // A model's rank 0 means a scalar or a rank that is not known: the library decides.
    if (!spec.shape.empty() && !shape_fits(spec.shape, input.shape)) {
      refuse("unexpected shape for input '{}' for model '{}'. Expected {}, got {}.", spec.name, model_.name,
             tensor::format_shape(spec.shape), tensor::format_shape(input.shape));
    }
    check_size(input, static_cast<uint64_t>(*count));
    return std::move(input);
  }

  static bool shape_fits(const tensor::Shape& expected, const tensor::Shape& got) {
    if (expected.size() != got.size()) return false;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (expected[i] >= 0 && expected[i] != got[i]) return false;
    }
    return true;
  }

  void check_size(const Tensor& input, uint64_t count) const {
    if (input.dtype == DType::bytes) {
      if (input.strings.size() == count) return;
      refuse("expected {} string elements for inference input '{}', got {}", count, input.name, input.strings.size());
    }
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(count, tensor::element_size(input.dtype), &bytes) || bytes != input.data.size()) {
      refuse("input byte size mismatch for input '{}' for model '{}'. Expected {}, got {}", input.name, model_.name,
             bytes, input.data.size());
    }
  }

  void check_equal_dimensions(const std::vector<Tensor>& inputs) const {
    struct Seen {
      int64_t size;
      const std::string* input;
    };
    std::map<std::string_view, Seen> seen;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<std::string>& names = model_.inputs[i].dim_names;
      for (size_t d = 0; d < names.size() && d < inputs[i].shape.size(); ++d) {
        if (names[d].empty()) continue;
        const auto [at, is_new] = seen.try_emplace(names[d], Seen{inputs[i].shape[d], &inputs[i].name});
        if (!is_new && at->second.size != inputs[i].shape[d]) {
          refuse("dimension '{}' is {} in input '{}' and {} in input '{}'", names[d], at->second.size,
                 *at->second.input, inputs[i].shape[d], inputs[i].name);
        }
      }
    }
  }

  int64_t count_rows(const std::vector<Tensor>& inputs) const {
    if (model_.max_batch_size == 0 || inputs.empty()) return 1;
    const int64_t rows = inputs[0].shape[0];
    for (const Tensor& input : inputs) {
      if (input.shape[0] != rows) {
        refuse("batch dimension is {} in input '{}' and {} in input '{}'", rows, inputs[0].name, input.shape[0],
               input.name);
      }
    }
    if (rows > model_.max_batch_size && model_.oversize == Oversize::refuse) {
      refuse("inference request batch-size must be <= {} for '{}'", model_.max_batch_size, model_.name);
    }
    return rows;
  }

  std::vector<size_t> find_outputs() const {
    std::vector<size_t> found;
    for (const RequestedOutput& output : request_.outputs) {
      const auto at = std::ranges::find(model_.outputs, output.name, &TensorSpec::name);
      if (at == model_.outputs.end()) {
        refuse("unexpected inference output '{}' for model '{}'", shown(output.name, 120), model_.name);
      }
      const auto index = static_cast<size_t>(at - model_.outputs.begin());
      if (std::ranges::find(found, index) != found.end()) refuse("output '{}' already exists in request", output.name);
      found.push_back(index);
    }
    if (request_.outputs.empty()) {
      for (size_t i = 0; i < model_.outputs.size(); ++i) found.push_back(i);
    }
    return found;
  }

  // Everything but the number of rows and the names, which are the same for one model.
  static std::string group_of(const CheckedRequest& checked) {
    std::string group;
    for (const Tensor& input : checked.inputs) {
      for (size_t d = 1; d < input.shape.size(); ++d) group += fmt::format("{},", input.shape[d]);
      group += ';';
    }
    for (size_t output : checked.outputs) group += fmt::format("{}.", output);
    return group;
  }

  // A tensor out of the middle of a body starts anywhere.
  static void align(Tensor& input) {
    const size_t size = tensor::element_size(input.dtype);
    if (size <= 1 || reinterpret_cast<uintptr_t>(input.data.data()) % size == 0) return;
    input = tensor::make_tensor(std::move(input.name), input.dtype, std::move(input.shape), std::string(input.data));
  }

  const ModelShape& model_;
  InferRequest& request_;
};

}  // namespace

Outcome<CheckedRequest> check_request(const ModelShape& model, InferRequest& request) {
  return Check(model, request).run();
}

}  // namespace fettle::serving
