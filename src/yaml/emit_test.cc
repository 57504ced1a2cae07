#include "yaml/emit.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "yaml/yaml.h"

namespace fettle::yaml {
namespace {

// Each line: a value and what ruamel.yaml 0.19.1 wrote for it, as DVC 3.67.1 configures it.
TEST(YamlEmit, WritesTheBytesOfDvcsWriter) {
  const char* other = std::getenv("FETTLE_TEST_EMIT_VECTORS");
  std::string path =
      other != nullptr ? other : std::string(FETTLE_SOURCE_DIR) + "/src/yaml/testdata/emit_vectors.jsonl";
  std::string file = read_file(path);
  size_t seen = 0;
  for (std::string_view line : split(file, '\n')) {
    if (line.empty()) continue;
    json::Value vector = json::parse(line);
    const json::Value& value = vector.at("value");
    EXPECT_EQ(emit(value), std::string(vector.at("yaml").as_string())) << json::format(value);
    ++seen;
  }
  EXPECT_GE(seen, 100u);
}

TEST(YamlEmit, WhatItWritesReadsBack) {
  std::string file = read_file(std::string(FETTLE_SOURCE_DIR) + "/src/yaml/testdata/emit_vectors.jsonl");
  for (std::string_view line : split(file, '\n')) {
    if (line.empty()) continue;
    json::Value vector = json::parse(line);
    // Where the writer breaks a long scalar at two spaces, one is lost for its own reader too.
    if (!vector.at("reads_back").as_bool()) continue;
    EXPECT_EQ(parse(emit(vector.at("value"))), vector.at("value"));
  }
}

}  // namespace
}  // namespace fettle::yaml
