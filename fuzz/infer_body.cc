#include "api/infer/infer_body.h"

#include <memory>

#include "target.h"
#include "tensor/tensor.h"

namespace fettle::fuzz {

// The first line is the header `Inference-Header-Content-Length` ("-": not sent), the rest the body. A tensor that was
// read has exactly the elements of its shape.
void infer_body(std::string_view bytes) {
  size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return;
  std::string header(bytes.substr(0, end));
  api::infer::InferBody body{.model = "m", .content = std::make_shared<const std::string>(bytes.substr(end + 1))};
  if (header != "-") body.header_length = header;
  api::infer::DecodedRequest decoded;
  bool ok = accepts([&] {
    if (!api::infer::is_raw(body)) decoded = api::infer::decode_infer(body);
  });
  if (!ok) return;
  for (const auto& input : decoded.request.inputs) {
    auto count = tensor::element_count(input.shape);
    FETTLE_CHECK(count && *count >= 0, "a shape that cannot be counted");
    if (input.dtype == tensor::DType::bytes) {
      FETTLE_CHECK(input.strings.size() == static_cast<size_t>(*count), "as many strings as the shape says");
    } else {
      FETTLE_CHECK(input.data.size() == static_cast<size_t>(*count) * tensor::element_size(input.dtype),
                   "as many bytes as the shape says");
    }
    serving::InferResponse answer{.model_name = "m", .outputs = {input}};
    accepts([&] { api::infer::encode_infer(answer, decoded.forms); });
  }
}

}  // namespace fettle::fuzz
