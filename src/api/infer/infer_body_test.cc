#include "api/infer/infer_body.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "api/infer/json_cursor.h"
#include "api/infer/tensor_codec.h"

namespace fettle::api::infer {
namespace {

using tensor::DType;
using tensor::Tensor;

std::shared_ptr<const std::string> shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

// What a client encodes, the server decodes to the same tensors: every type, both forms, random values.
TEST(InferBody, RoundTripsEveryTypeInBothForms) {
  std::mt19937 random(3);
  for (int type = 0; type <= static_cast<int>(DType::bytes); ++type) {
    const auto dtype = static_cast<DType>(type);
    for (const bool binary : {false, true}) {
      if (!binary && (dtype == DType::fp16 || dtype == DType::bf16)) continue;
      Tensor sent;
      if (dtype == DType::bytes) {
        sent = tensor::make_string_tensor("x", {2, 2}, {"", "ä\"\\\n", "b", std::string(300, 'c')});
      } else {
        std::string bytes(4 * tensor::element_size(dtype), '\0');
        for (char& byte : bytes) byte = static_cast<char>(dtype == DType::boolean ? random() % 2 : random());
        sent = tensor::make_tensor("x", dtype, {2, 2}, bytes);
      }
      serving::InferResponse as_response;
      as_response.outputs = {sent};
      EncodedResponse encoded = encode_infer(as_response, {.binary_by_default = binary});
      const size_t at = encoded.body.find("\"outputs\"");
      encoded.body.replace(at, 9, "\"inputs\" ");
      const std::string length = std::to_string(encoded.header_length.value_or(encoded.body.size()));
      const DecodedRequest got = decode_infer({.model = "m", .content = shared(encoded.body), .header_length = length});
      const Tensor& received = got.request.inputs.at(0);
      EXPECT_EQ(received.strings, sent.strings);
      EXPECT_EQ(received.shape, sent.shape);
      if (dtype == DType::bytes) continue;
      for (int64_t i = 0; i < 4; ++i) {
        const double a = element_as_double(sent, i);
        const double b = element_as_double(received, i);
        EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << tensor::dtype_name(dtype) << " " << a << " " << b;
      }
    }
  }
}

TEST(InferBody, ReadsDataBeforeItsType) {
  const auto body = shared(
      R"({"inputs":[{"data":[[1,NaN],[3,null]],"datatype":"FP64","parameters":{"p":1},"shape":[2,2],"name":"x"}]})");
  const Tensor got = decode_infer({.model = "m", .content = body}).request.inputs.at(0);
  EXPECT_EQ(got.values<double>()[2], 3.0);
  EXPECT_TRUE(std::isnan(got.values<double>()[1]));
}

TEST(InferBody, KeepsParametersOfAllKinds) {
  const auto body = shared(R"({"parameters":{"s":"a","i":9007199254740993,"d":1.5,"b":true,"big":1e30},)"
                           R"("inputs":[{"name":"x","shape":[0],"datatype":"FP32","data":[]}]})");
  const serving::Parameters got = decode_infer({.model = "m", .content = body}).request.parameters;
  EXPECT_EQ(std::get<std::string>(got[0].second), "a");
  EXPECT_EQ(std::get<int64_t>(got[1].second), 9007199254740993);
  EXPECT_EQ(std::get<double>(got[2].second), 1.5);
  EXPECT_EQ(std::get<bool>(got[3].second), true);
  EXPECT_EQ(std::get<double>(got[4].second), 1e30);
}

// Damaged bodies either decode or are refused as invalid_argument or unimplemented; nothing else happens.
TEST(InferBody, SurvivesAnyDamage) {
  std::mt19937 random(17);
  const std::string header =
      R"({"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},)"
      R"({"name":"s","shape":[2],"datatype":"BYTES","data":["\u00e4","b"]}],"outputs":[{"name":"y"}]})";
  const std::string good = header + "12345678";
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = good;
    for (unsigned i = random() % 4 + 1; i > 0; --i) body[random() % body.size()] = static_cast<char>(random());
    if (random() % 4 == 0) body.resize(random() % body.size());
    const std::string length =
        std::to_string(random() % 3 == 0 ? random() % (body.size() + 1) : std::min(header.size(), body.size()));
    try {
      const auto content = shared(std::move(body));
      const DecodedRequest decoded = decode_infer({.model = "m", .content = content, .header_length = length});
      EXPECT_FALSE(decoded.request.inputs.empty());
    } catch (const Failure& failure) {
      EXPECT_TRUE(failure.code() == Code::invalid_argument || failure.code() == Code::unimplemented);
      ++refused;
    }
  }
  EXPECT_GT(refused, 15'000);
}

TEST(JsonCursor, ReadsStringsWithEscapes) {
  JsonCursor in(R"( "a\u0041\n\ud83d\ude00\/" )");
  EXPECT_EQ(in.string(), "aA\n😀/");
  in.end();
  for (const char* bad : {R"("\ud83d")", R"("\udc00")", R"("\x")", R"("\u12")", "\"a", "\"\x01\"", "\"\xc3\""}) {
    EXPECT_THROW(JsonCursor(bad).string(), Failure) << bad;
  }
}

TEST(JsonCursor, ReadsNumbersAsTheyStand) {
  for (const char* good : {"0", "-0", "12", "1.5", "1e5", "-1E-5", "0.0"}) {
    JsonCursor in(good);
    EXPECT_EQ(in.number().text, good);
    in.end();
  }
  for (const char* bad : {"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "NAN", "Inf"})
    EXPECT_THROW(JsonCursor(bad).number(), Failure) << bad;
}

}  // namespace
}  // namespace fettle::api::infer
