#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace fettle {
namespace {

// RFC 1321 A.5, FIPS 180-2 B.1, RFC 4231 test case 2, xxHash's own sanity check of the empty input.
TEST(Hash, MatchesPublishedVectors) {
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
}

TEST(Hasher, IsTheSameInAnyPieces) {
  std::string text(10'000, 'q');
  for (size_t piece : {1u, 63u, 64u, 65u, 4096u}) {
    Hasher hasher(HashKind::sha256);
    for (size_t at = 0; at < text.size(); at += piece) hasher.update(std::string_view(text).substr(at, piece));
    EXPECT_EQ(hasher.finish_hex(), sha256_hex(text)) << piece;
  }
}

TEST(Hasher, KeepsItsStateWhenMoved) {
  Hasher first(HashKind::md5);
  first.update("message ");
  Hasher second = std::move(first);
  second.update("digest");
  EXPECT_EQ(second.finish().size(), 16u);
}

TEST(Hash64, DependsOnTheSeed) { EXPECT_NE(hash64("user-1", 1), hash64("user-1", 2)); }

TEST(ConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(equal_constant_time("token", "token"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("token", "tokeN"));
  EXPECT_FALSE(equal_constant_time("token", "toke"));
}

}  // namespace
}  // namespace fettle
