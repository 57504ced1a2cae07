// Triton's model configuration in protobuf's text format: the part of it that this server acts on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/runtime.h"

namespace fettle::serving {

struct VersionPolicy {
  enum class Kind { latest, all, specific };
  Kind kind = Kind::latest;
  int64_t count = 1;              // latest
  std::vector<int64_t> versions;  // specific
};

struct PbtxtConfig {
  std::string name;      // empty: the directory's
  std::string platform;  // "" or "onnxruntime_onnx"
  std::string backend;   // "" or "onnxruntime"
  std::string model_filename = "model.onnx";
  VersionPolicy versions;
  BatchingConfig batching;  // the defaults unless max_batch_size is given
};

// Fields that exist but have no meaning here (input, output, optimization …) are read over. Throws invalid_argument
// `config: …` with the line for bad syntax, an unknown field (with the nearest name), a wrong type, or an unavailable
// backend.
PbtxtConfig parse_config_pbtxt(std::string_view text);

}  // namespace fettle::serving
