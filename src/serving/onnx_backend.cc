#include <cstring>

#include "base/file.h"
#include "base/log.h"
#include "serving/backend.h"
#include "serving/onnx_model_file.h"
#include "serving/onnx_values.h"

namespace fettle::serving {

namespace {

using tensor::Tensor;

struct SessionOptions {
  explicit SessionOptions(const OrtLibrary& from) : library(from) {
    const auto ok = [&](OrtStatus* status) { library.check(status, Code::internal, "onnx runtime session options"); };
    ok(library.api().create_session_options(&options));
    ok(library.api().disable_per_session_threads(options));
    ok(library.api().set_optimization_level(options, 99));
    ok(library.api().add_session_config(options, "session.use_env_allocators", "0"));
  }
  ~SessionOptions() { library.api().release_session_options(options); }
  SessionOptions(const SessionOptions&) = delete;
  SessionOptions& operator=(const SessionOptions&) = delete;
  const OrtLibrary& library;
  OrtSessionOptions* options = nullptr;
};

// The operator of "…while running Reshape node. Name:…", for the client; "" when the text has another form.
std::string failing_operator(std::string_view text) {
  constexpr std::string_view kBefore = "while running ";
  const size_t at = text.find(kBefore);
  if (at == std::string_view::npos) return {};
  std::string_view rest = text.substr(at + kBefore.size());
  rest = rest.substr(0, rest.find(' '));
  for (char c : rest) {
    if (!std::isalnum(static_cast<unsigned char>(c))) return {};
  }
  return std::string(rest);
}

// What a refusal to load means to the one who loads: the library's own text holds paths and source places, and goes to
// the log.
std::string load_refusal(const OrtLibrary& library, const OnnxModelFile& scan, std::string_view text) {
  if (text.find("is not a registered function/op") != std::string_view::npos ||
      text.find("No Op registered for ") != std::string_view::npos) {
    constexpr std::string_view kBefore = "No Op registered for ";
    const size_t at = text.find(kBefore);
    const std::string_view rest = at == std::string_view::npos ? std::string_view{} : text.substr(at + kBefore.size());
    const std::string_view op = rest.substr(0, rest.find(' '));
    if (!op.empty()) return fmt::format("operator '{}' is not available in onnx runtime {}", op, library.version());
    return fmt::format("the model uses an operator that onnx runtime {} does not have", library.version());
  }
  if (text.find("opset") != std::string_view::npos || text.find("IR version") != std::string_view::npos) {
    std::string opsets;
    for (const OnnxOpset& opset : scan.opsets) {
      opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ", opset.domain.empty() ? "ai.onnx" : opset.domain,
                            opset.version);
    }
    return fmt::format("model needs ir {} and opset {}, which onnx runtime {} does not support", scan.ir_version,
                       opsets, library.version());
  }
  if (text.find("Protobuf parsing failed") != std::string_view::npos) return "model file is not a valid onnx model";
  return fmt::format("model graph is invalid for onnx runtime {} (its own text is in the log)", library.version());
}

class OnnxBackend final : public Backend {
 public:
  explicit OnnxBackend(std::shared_ptr<OnnxSession> session) : session_(std::move(session)) {
    const OrtTable& api = session_->library->api();
    size_t count = 0;
    check(api.input_count(session_->session, &count));
    for (size_t i = 0; i < count; ++i) inputs_.push_back(spec_of(i, api.input_name, api.input_type, false));
    check(api.output_count(session_->session, &count));
    for (size_t i = 0; i < count; ++i) outputs_.push_back(spec_of(i, api.output_name, api.output_type, true));
  }

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }

  Outcome<std::vector<Tensor>> run(std::span<const Tensor> inputs, std::span<const size_t> outputs) const override {
    return outcome_of([&] { return run_or_throw(inputs, outputs); });
  }

 private:
  void check(OrtStatus* status) const {
    session_->library->check(status, Code::internal, "onnx runtime could not describe the model");
  }

  template <class NameOf, class TypeOf>
  TensorSpec spec_of(size_t index, NameOf name_of, TypeOf type_of, bool output) const {
    const OrtLibrary& library = *session_->library;
    char* name = nullptr;
    check(name_of(session_->session, index, library.allocator(), &name));
    const std::string owned = name;
    check(library.api().allocator_free(library.allocator(), name));
    OrtTypeInfo* type = nullptr;
    check(type_of(session_->session, index, &type));
    const std::unique_ptr<OrtTypeInfo, void (*)(OrtTypeInfo*)> release(type, library.api().release_type);
    TensorSpec spec = describe_type(library, type, output ? IoRole::output : IoRole::input, owned);
    spec.name = owned;
    return spec;
  }

  std::vector<Tensor> run_or_throw(std::span<const Tensor> inputs, std::span<const size_t> outputs) const {
    std::vector<OnnxValue> values;
    std::vector<const char*> in_names;
    std::vector<const OrtValue*> in;
    for (size_t i = 0; i < inputs.size(); ++i) {
      values.push_back(to_onnx_value(*session_->library, inputs[i]));
      in.push_back(values.back().get());
      in_names.push_back(inputs_[i].name.c_str());
    }
    std::vector<const char*> out_names;
    for (size_t index : outputs) out_names.push_back(outputs_[index].name.c_str());
    std::vector<OrtValue*> out(outputs.size(), nullptr);
    OrtStatus* status = session_->library->api().run(session_->session, nullptr, in_names.data(), in.data(), in.size(),
                                                     out_names.data(), out.size(), out.data());
    std::vector<OnnxValue> results;
    for (OrtValue* value : out) results.emplace_back(value, OnnxRelease{session_->library->api().release_value});
    if (status != nullptr) refuse_run(session_->library->take_error(status));
    std::vector<Tensor> answer;
    for (size_t i = 0; i < outputs.size(); ++i) {
      answer.push_back(from_onnx_value(session_, std::move(results[i]), outputs_[outputs[i]]));
    }
    return answer;
  }

  [[noreturn]] static void refuse_run(const std::string& text) {
    log_info("a model could not process its input", {{"text", text}});
    const std::string op = failing_operator(text);
    if (op.empty()) fail(Code::invalid_argument, "cannot process this input");
    fail(Code::invalid_argument, "cannot process this input (operator {})", op);
  }

  std::shared_ptr<OnnxSession> session_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
};

std::string read_model(const ModelSource& source, uint64_t limit_bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(source.file, error)) {
    fail(Code::not_found, "model file '{}' not found in version {}",
         std::filesystem::path(source.file).filename().string(), source.version);
  }
  return read_file(source.file, limit_bytes);
}

}  // namespace

OnnxSession::~OnnxSession() {
  if (session != nullptr) library->api().release_session(session);
}

std::unique_ptr<Backend> open_onnx_model(std::shared_ptr<OrtLibrary> library, const ModelSource& source,
                                         uint64_t limit_bytes) {
  std::string from_file;
  if (!source.bytes) from_file = read_model(source, limit_bytes);
  const std::string& content = source.bytes ? *source.bytes : from_file;
  const OnnxModelFile scan = parse_onnx_model(content);
  const bool in_directory = !source.bytes;
  check_external_data(scan, in_directory ? std::filesystem::path(source.file).parent_path() : std::filesystem::path{});

  const SessionOptions options(*library);
  auto session = std::make_shared<OnnxSession>();
  session->library = library;
  // External data is found beside the file only when the library itself opens that file.
  OrtStatus* status =
      in_directory && !scan.externals.empty()
          ? library->api().create_session(library->env(), source.file.c_str(), options.options, &session->session)
          : library->api().create_session_from_array(library->env(), content.data(), content.size(), options.options,
                                                     &session->session);
  if (status != nullptr) {
    const std::string text = library->take_error(status);
    log_warn("onnx runtime refused a model", {{"model", source.name}, {"version", source.version}, {"text", text}});
    fail(Code::invalid_argument, "{}", load_refusal(*library, scan, text));
  }
  return std::make_unique<OnnxBackend>(std::move(session));
}

bool takes_batches(const Backend& backend) {
  const auto leads_free = [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] == -1; };
  return !backend.inputs().empty() && std::ranges::all_of(backend.inputs(), leads_free) &&
         std::ranges::all_of(backend.outputs(), leads_free);
}

}  // namespace fettle::serving
