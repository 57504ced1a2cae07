// Between the gRPC messages of inference and the domain's requests and responses. Only .cc files of this folder include
// it: it brings protobuf.
#pragma once

#include <string>

#include "api/infer/inference.h"
#include "inference.pb.h"
#include "serving/runtime.h"

namespace fettle::api::infer {

// Throws invalid_argument, with the texts of the HTTP surface where the case is the same. Numbers of raw_input_contents
// are borrowed from `message`, which the request keeps.
serving::InferRequest decode_infer(std::shared_ptr<inference::ModelInferRequest> message);

// Always raw, one entry an output: clients index them by position.
inference::ModelInferResponse encode_infer(const serving::InferResponse& response);

inference::ModelConfig encode_config(const ModelDescription& model);
inference::ModelStatistics encode_statistics(const serving::ModelStatistics& statistics);
inference::ModelMetadataResponse encode_metadata(const ModelDescription& model);

}  // namespace fettle::api::infer
