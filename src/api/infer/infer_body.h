// The body of POST …/infer: JSON with the binary tensor extension in any mix, both ways.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/infer/endpoint_infer.h"
#include "serving/runtime.h"

namespace fettle::api::infer {

// Which outputs travel as binary data: an entry's own wish, else the request's, else JSON.
struct OutputForms {
  bool binary_by_default = false;
  std::vector<std::pair<std::string, bool>> by_name = {};
  bool is_binary(std::string_view output) const;
};

struct DecodedRequest {
  serving::InferRequest request;
  OutputForms forms;
};

struct InferBody {
  std::string_view model;                         // for messages
  std::shared_ptr<const std::string> content;     // already decompressed; binary inputs borrow from it
  std::optional<std::string_view> header_length;  // Inference-Header-Content-Length, as sent
};

// Throws invalid_argument, or unimplemented (shared memory, classification). A header length of 0 is not for this
// function: see decode_raw.
DecodedRequest decode_infer(const InferBody& body);

// True for a request of header length 0: the body is the one input's data and nothing else.
bool is_raw(const InferBody& body);
DecodedRequest decode_raw(const InferBody& body, const ModelDescription& model);

struct EncodedResponse {
  std::string body;
  std::optional<size_t> header_length;  // set when there is binary data
};
// Throws invalid_argument when an output cannot be JSON.
EncodedResponse encode_infer(const serving::InferResponse& response, const OutputForms& forms);

}  // namespace fettle::api::infer
