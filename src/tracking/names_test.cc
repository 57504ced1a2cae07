#include "tracking/names.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace fettle::tracking {
namespace {

std::string error_of(auto&& body) {
  try {
    body();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    return failure.error().message;
  }
  return "";
}

TEST(Names, KeysThatAreFilesElsewhereAreAllowed) {
  for (auto key : {"loss", "val/loss", "a b-c_d.e:f", "größe", "a..b", "..."}) {
    if (std::string_view(key) == "...") continue;
    EXPECT_EQ(error_of([&] { check_key(key, "Param key"); }), "") << key;
  }
}

TEST(Names, KeysThatResolveElsewhereAreRefused) {
  EXPECT_EQ(error_of([] { check_key("a//b", "Param key"); }),
            "Invalid value \"a//b\" for parameter 'name' supplied: Names may be treated as files in certain cases, and "
            "must not resolve to "
            "other names when treated as such. This name would resolve to 'a/b'");
  for (auto key : {"/a", "..", "../a", "a/../b", ".", "a/", "./a"})
    EXPECT_NE(error_of([&] { check_key(key, "Param key"); }), "") << key;
  for (auto key : {"a#b", "a\n", "a;b", "a'b", "\xff"}) {
    EXPECT_NE(error_of([&] { check_key(key, "Param key"); }).find("Names may only contain"), std::string::npos) << key;
  }
  EXPECT_EQ(error_of([] { check_key(std::string(251, 'a'), "Param key"); }),
            "'Param key' exceeds the maximum length of 250 characters");
  EXPECT_EQ(error_of([] { check_key("", "Param key", "params[1].key"); }).substr(0, 54),
            "Missing value for required parameter 'params[1].key'. ");
}

TEST(Names, TruncationKeepsWholeCharacters) {
  EXPECT_EQ(truncate_utf8("aéb", 2), "aé");
  EXPECT_EQ(truncate_utf8("abc", 3), "abc");
  EXPECT_EQ(utf8_length("aéb"), 3U);
}

TEST(Names, RandomRunNamesAreShort) {
  for (int i = 0; i < 200; ++i) EXPECT_LE(random_run_name().size(), 20U);
}

TEST(Names, ArtifactPathsThatLeaveTheRootAreRefused) {
  for (auto path : {"..", "a/../b", "../a", "/etc/passwd", "//etc", "C:/x", "c:\\x", "a\\b", "a#b", "%2e%2e/a",
                    "%252e%252e/a", "a/%2E%2E/b", "%2Fetc", "a%00b", "%25252e%25252e"}) {
    EXPECT_EQ(error_of([&] { normal_artifact_path(path); }), "Invalid path") << path;
  }
  EXPECT_EQ(error_of([] { normal_artifact_path(std::string_view("a\0b", 3)); }), "Invalid path");
}

TEST(Names, ArtifactPathsAreNormalised) {
  EXPECT_EQ(normal_artifact_path("a//b/./c/"), "a/b/c");
  EXPECT_EQ(normal_artifact_path(""), "");
  EXPECT_EQ(normal_artifact_path("."), "");
  EXPECT_EQ(normal_artifact_path("100% sure.txt"), "100% sure.txt");
}

TEST(Names, ArtifactLocationsOfClients) {
  EXPECT_EQ(error_of([] { check_artifact_location("s3://bucket/path?x=1"); }), "");
  EXPECT_NE(error_of([] { check_artifact_location("runs:/abc"); }), "");
  EXPECT_EQ(error_of([] { check_artifact_location("s3://b/p#x"); }),
            "'artifact_location' URL can't include fragments or params.");
  EXPECT_EQ(error_of([] { check_artifact_location("s3://b/p%23x"); }),
            "'artifact_location' URL can't include fragments or params.");
  EXPECT_EQ(error_of([] { check_artifact_location("s3://b/p?x=../.."); }), "Invalid query string");
  EXPECT_NE(error_of([] { check_artifact_location("s3://b/../c"); }), "");
}

}  // namespace
}  // namespace fettle::tracking
