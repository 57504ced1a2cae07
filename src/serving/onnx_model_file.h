// What must be known of an ONNX file before a library sees it: a walk over its protobuf that trusts nothing. Models are
// untrusted input, and older runtimes follow external weights out of the model's directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::serving {

struct OnnxOpset {
  std::string domain;  // "" is ai.onnx
  int64_t version = 0;
};

struct OnnxExternal {
  std::string location;  // as the file says
  int64_t offset = 0;
  int64_t length = -1;  // -1: to the end of the file
};

struct OnnxModelFile {
  int64_t ir_version = 0;
  std::vector<OnnxOpset> opsets;
  std::vector<OnnxExternal> externals;
};

// Throws invalid_argument `model file is not a valid onnx model` for anything that is not a whole ModelProto with a
// graph, or that nests deeper than 64 graphs. Weights themselves are skipped, not read.
OnnxModelFile parse_onnx_model(std::string_view bytes);

// Throws invalid_argument unless every external file is a plain file inside `directory`, reached without links, and
// large enough. An empty `directory` (a model from memory) admits no external data.
void check_external_data(const OnnxModelFile& model, const std::filesystem::path& directory);

}  // namespace fettle::serving
