#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace fettle {
namespace {

TEST(Hex, RoundTripsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(to_hex(bytes).substr(0, 8), "00010203");
  EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
}

TEST(Hex, ReadsBothCasesAndRefusesTheRest) {
  EXPECT_EQ(from_hex("fFaA"), "\xff\xaa");
  EXPECT_EQ(from_hex(""), "");
  for (std::string_view text : {"f", "0g", "0x00", " 00", "00 "}) EXPECT_FALSE(from_hex(text)) << text;
}

// RFC 4648 section 10.
TEST(Base64, MatchesTheVectorsOfTheRfc) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
}

TEST(Base64, KeepsBytesThatAreNoText) {
  std::string bytes("\0\xff\x7f\x80\n", 5);
  EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
}

TEST(Base64, RefusesBadPaddingForeignCharactersAndLeftoverBits) {
  for (std::string_view text : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Z=g=", "Zm9v\n", "Zm9-", "Zh==", "Zm9="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Varint, RoundTripsAtEveryLength) {
  for (int shift = 0; shift < 64; ++shift) {
    for (uint64_t value :
         {(uint64_t{1} << shift) - 1, uint64_t{1} << shift, std::numeric_limits<uint64_t>::max() >> shift}) {
      std::string bytes;
      append_varint(bytes, value);
      bytes += "rest";
      std::string_view in = bytes;
      EXPECT_EQ(read_varint(in), value);
      EXPECT_EQ(in, "rest");
    }
  }
}

TEST(Varint, RefusesWhatEndsEarlyOrNeverEnds) {
  for (const std::string& bytes : {std::string(), std::string("\x80"), std::string("\xff\xff"), std::string(10, '\x80'),
                                   std::string(11, '\xff')}) {
    std::string_view in = bytes;
    EXPECT_FALSE(read_varint(in));
    EXPECT_EQ(in.size(), bytes.size()) << "nothing is taken from what cannot be read";
  }
}

TEST(Zigzag, KeepsSmallMagnitudesSmall) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  for (int64_t value :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), int64_t{-123456789}}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

TEST(LittleEndian, WritesTheLowByteFirst) {
  std::string out;
  append_le<uint32_t>(out, 0x01020304);
  EXPECT_EQ(out, "\x04\x03\x02\x01");
  append_le<double>(out, -2.5);
  EXPECT_EQ(load_le<double>(out.data() + 4), -2.5);
}

}  // namespace
}  // namespace fettle
