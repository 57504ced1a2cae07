// The Open Inference Protocol over gRPC: `inference.GRPCInferenceService` with Triton's repository, configuration,
// statistics and stream calls, and `grpc.health.v1.Health/Check`.
#pragma once

#include <vector>

#include "api/infer/inference.h"
#include "rpc/server.h"

namespace fettle::api::infer {

// `inference` must outlive the methods.
std::vector<rpc::Method> grpc_methods(Inference& inference);

}  // namespace fettle::api::infer
