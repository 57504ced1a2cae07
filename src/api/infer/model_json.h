// The protocol's JSON documents about servers and models. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/infer/endpoint_infer.h"
#include "api/infer/inference.h"
#include "serving/runtime.h"

namespace fettle::api::infer {

std::string server_metadata_json(const InferenceConfig& config);
std::string model_metadata_json(const ModelDescription& model);
// Triton's model configuration with all defaults printed and 64-bit integers as numbers, as perf_analyzer reads it.
std::string model_config_json(const ModelDescription& model);
std::string statistics_json(const std::vector<serving::ModelStatistics>& statistics);
std::string index_json(const std::vector<serving::ModelStatus>& statuses);

// "TYPE_FP32", "TYPE_STRING" …: the configuration's name of a dtype.
std::string_view config_dtype(tensor::DType dtype);
// A tensor's dims as the configuration gives them: without the batch dimension when the model has one.
std::vector<int64_t> config_dims(const serving::TensorSpec& spec, int64_t max_batch_size);

}  // namespace fettle::api::infer
