#include "api/infer/model_json.h"

#include <array>

#include "json/json.h"

namespace fettle::api::infer {

namespace {

using json::Writer;
using serving::DurationStatistics;
using serving::TensorSpec;

void write_integers(Writer& out, const std::vector<int64_t>& numbers) {
  out.begin_array();
  for (int64_t number : numbers) out.integer(number);
  out.end_array();
}

void write_tensors(Writer& out, const std::vector<TensorSpec>& tensors) {
  out.begin_array();
  for (const TensorSpec& tensor : tensors) {
    out.begin_object()
        .key("name")
        .string(tensor.name)
        .key("datatype")
        .string(tensor::dtype_name(tensor.dtype))
        .key("shape");
    write_integers(out, tensor.shape);
    out.end_object();
  }
  out.end_array();
}

void write_config_input(Writer& out, const TensorSpec& spec, int64_t max_batch_size) {
  out.begin_object()
      .key("name")
      .string(spec.name)
      .key("data_type")
      .string(config_dtype(spec.dtype))
      .key("format")
      .string("FORMAT_NONE")
      .key("dims");
  write_integers(out, config_dims(spec, max_batch_size));
  out.key("is_shape_tensor")
      .boolean(false)
      .key("allow_ragged_batch")
      .boolean(false)
      .key("optional")
      .boolean(spec.optional);
  out.key("is_non_linear_format_io").boolean(false).end_object();
}

void write_config_output(Writer& out, const TensorSpec& spec, int64_t max_batch_size) {
  out.begin_object().key("name").string(spec.name).key("data_type").string(config_dtype(spec.dtype)).key("dims");
  write_integers(out, config_dims(spec, max_batch_size));
  out.key("label_filename")
      .string("")
      .key("is_shape_tensor")
      .boolean(false)
      .key("is_non_linear_format_io")
      .boolean(false)
      .end_object();
}

void write_dynamic_batching(Writer& out, const serving::BatchingConfig& batching) {
  out.key("dynamic_batching").begin_object().key("preferred_batch_size");
  write_integers(out, batching.preferred_sizes);
  out.key("max_queue_delay_microseconds").integer(batching.max_delay_us).key("preserve_ordering").boolean(false);
  out.key("priority_levels")
      .integer(0)
      .key("default_priority_level")
      .integer(0)
      .key("default_queue_policy")
      .begin_object();
  out.key("timeout_action")
      .string("REJECT")
      .key("default_timeout_microseconds")
      .integer(0)
      .key("allow_timeout_override")
      .boolean(false);
  out.key("max_queue_size")
      .integer(static_cast<int64_t>(batching.queue_limit))
      .end_object()
      .key("priority_queue_policy")
      .begin_object()
      .end_object();
  out.end_object();
}

void write_duration(Writer& out, std::string_view name, const DurationStatistics& duration) {
  out.key(name)
      .begin_object()
      .key("count")
      .integer(static_cast<int64_t>(duration.count))
      .key("ns")
      .integer(static_cast<int64_t>(duration.ns))
      .end_object();
}

void write_statistics(Writer& out, const serving::ModelStatistics& one) {
  out.begin_object()
      .key("name")
      .string(one.name)
      .key("version")
      .string(one.version)
      .key("last_inference")
      .integer(one.last_inference_ms);
  out.key("inference_count")
      .integer(static_cast<int64_t>(one.inference_count))
      .key("execution_count")
      .integer(static_cast<int64_t>(one.execution_count));
  // All eight durations, always: perf_analyzer stops without one of them.
  out.key("inference_stats").begin_object();
  write_duration(out, "success", one.success);
  write_duration(out, "fail", one.fail);
  write_duration(out, "queue", one.queue);
  write_duration(out, "compute_input", one.compute_input);
  write_duration(out, "compute_infer", one.compute_infer);
  write_duration(out, "compute_output", one.compute_output);
  write_duration(out, "cache_hit", {});
  write_duration(out, "cache_miss", {});
  out.end_object().key("response_stats").begin_object().end_object().key("batch_stats").begin_array();
  for (const auto& batch : one.batches) {
    out.begin_object().key("batch_size").integer(batch.rows);
    write_duration(out, "compute_input", batch.compute_input);
    write_duration(out, "compute_infer", batch.compute_infer);
    write_duration(out, "compute_output", batch.compute_output);
    out.end_object();
  }
  out.end_array().key("memory_usage").begin_array().end_array().end_object();
}

}  // namespace

std::string_view config_dtype(tensor::DType dtype) {
  // In the order of DType.
  static constexpr std::array<std::string_view, 14> kNames = {
      "TYPE_BOOL",  "TYPE_UINT8", "TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64", "TYPE_INT8", "TYPE_INT16",
      "TYPE_INT32", "TYPE_INT64", "TYPE_FP16",   "TYPE_BF16",   "TYPE_FP32",   "TYPE_FP64", "TYPE_STRING"};
  return kNames[static_cast<size_t>(dtype)];
}

std::vector<int64_t> config_dims(const TensorSpec& spec, int64_t max_batch_size) {
  std::vector<int64_t> dims = spec.shape;
  if (max_batch_size > 0 && !dims.empty()) dims.erase(dims.begin());
  return dims;
}

std::string server_metadata_json(const InferenceConfig& config) {
  std::string text;
  Writer out(text);
  out.begin_object()
      .key("name")
      .string(config.server_name)
      .key("version")
      .string(config.server_version)
      .key("extensions")
      .begin_array();
  for (const std::string& extension : Inference::extensions()) out.string(extension);
  out.end_array().end_object();
  return text;
}

std::string model_metadata_json(const ModelDescription& model) {
  std::string text;
  Writer out(text);
  out.begin_object().key("name").string(model.name).key("versions").begin_array();
  for (const std::string& version : model.versions) out.string(version);
  out.end_array().key("platform").string(model.platform).key("inputs");
  write_tensors(out, model.inputs);
  out.key("outputs");
  write_tensors(out, model.outputs);
  out.end_object();
  return text;
}

std::string model_config_json(const ModelDescription& model) {
  std::string text;
  Writer out(text);
  out.begin_object()
      .key("name")
      .string(model.name)
      .key("platform")
      .string(model.platform)
      .key("backend")
      .string("onnxruntime")
      .key("runtime")
      .string("");
  out.key("version_policy")
      .begin_object()
      .key("latest")
      .begin_object()
      .key("num_versions")
      .integer(1)
      .end_object()
      .end_object();
  out.key("max_batch_size").integer(model.max_batch_size).key("input").begin_array();
  for (const TensorSpec& spec : model.inputs) write_config_input(out, spec, model.max_batch_size);
  out.end_array().key("output").begin_array();
  for (const TensorSpec& spec : model.outputs) write_config_output(out, spec, model.max_batch_size);
  out.end_array().key("batch_input").begin_array().end_array().key("batch_output").begin_array().end_array();
  out.key("instance_group")
      .begin_array()
      .begin_object()
      .key("name")
      .string(model.name)
      .key("kind")
      .string("KIND_CPU")
      .key("count");
  out.integer(static_cast<int64_t>(model.batching.instances))
      .key("gpus")
      .begin_array()
      .end_array()
      .key("secondary_devices")
      .begin_array()
      .end_array();
  out.key("profile")
      .begin_array()
      .end_array()
      .key("passive")
      .boolean(false)
      .key("host_policy")
      .string("")
      .end_object()
      .end_array();
  out.key("default_model_filename").string("model.onnx").key("cc_model_filenames").begin_object().end_object();
  out.key("metric_tags")
      .begin_object()
      .end_object()
      .key("parameters")
      .begin_object()
      .end_object()
      .key("model_warmup")
      .begin_array()
      .end_array();
  if (model.max_batch_size > 0 && model.batching.enabled) write_dynamic_batching(out, model.batching);
  out.key("model_transaction_policy").begin_object().key("decoupled").boolean(false).end_object();
  out.key("response_cache").begin_object().key("enable").boolean(false).end_object().end_object();
  return text;
}

std::string statistics_json(const std::vector<serving::ModelStatistics>& statistics) {
  std::string text;
  Writer out(text);
  out.begin_object().key("model_stats").begin_array();
  for (const auto& one : statistics) write_statistics(out, one);
  out.end_array().end_object();
  return text;
}

std::string index_json(const std::vector<serving::ModelStatus>& statuses) {
  std::string text;
  Writer out(text);
  out.begin_array();
  for (const serving::ModelStatus& status : statuses) {
    out.begin_object().key("name").string(status.name);
    if (!status.version.empty()) out.key("version").string(status.version);
    if (!status.state.empty()) out.key("state").string(status.state).key("reason").string(status.reason);
    out.end_object();
  }
  out.end_array();
  return text;
}

}  // namespace fettle::api::infer
