#include "yaml/yaml.h"

#include <gtest/gtest.h>

namespace fettle::yaml {
namespace {

std::string as_json(std::string_view text) { return json::format(parse(text)); }

std::string problem_of(std::string_view text, ParseLimits limits = {}) {
  try {
    parse(text, limits);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "none";
}

TEST(YamlParse, ScalarsResolveAsInYaml12) {
  EXPECT_EQ(as_json("[yes, on, true, True, null, ~, '', 1:30, 017, 0o17, 0x1F, 0b11, 1_000, -5]"),
            R"(["yes","on",true,true,null,null,"","1:30",17,15,31,3,1000,-5])");
  EXPECT_EQ(as_json("[1e3, 1e-5, 1., 0.1_0, .5, '1', \"2\", 2020-01-01, a b]"),
            R"([1000.0,1e-05,1.0,0.1,0.5,"1","2","2020-01-01","a b"])");
}

TEST(YamlParse, AnchorsAndMergeKeys) {
  EXPECT_EQ(as_json("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\nc: *x\n"),
            R"({"a":{"p":1,"q":2},"b":{"q":3,"p":1},"c":{"p":1,"q":2}})");
}

TEST(YamlParse, SeveralDocumentsAndEmptyText) {
  EXPECT_EQ(parse_all("a: 1\n---\nb: 2\n").size(), 2u);
  EXPECT_TRUE(parse("").is_null());
  EXPECT_TRUE(parse("# only a comment\n").is_null());
}

TEST(YamlParse, ProblemsNameThePlace) {
  EXPECT_EQ(problem_of("a: x\nb: 1\na: y\n"),
            "Found duplicate key \"a\" with value \"y\" (original value: \"x\"), in line 3, column 1");
  EXPECT_NE(problem_of("a: [1, 2\nb: 3\n").find("in line"), std::string::npos);
  EXPECT_NE(problem_of("a: 2020-01-01", {.refuse_dates = true}).find("is a date"), std::string::npos);
}

TEST(YamlParse, BombsAreRefused) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k ? ",*a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(problem_of(bomb, {.max_nodes = 100'000}).find("more than 100000 values"), std::string::npos);
  EXPECT_NE(problem_of(std::string(10000, '[')).find("line 1"), std::string::npos);
  EXPECT_NE(problem_of(std::string(150, '[') + std::string(150, ']')).find("nested deeper"), std::string::npos);
  EXPECT_NE(problem_of("a: 1\nb: \xfe\n", {}).find("not valid UTF-8, in line 2"), std::string::npos);
  EXPECT_NE(problem_of("abcdef", {.max_bytes = 3}).find("more than the limit"), std::string::npos);
}

TEST(YamlEdit, KeepsCommentsAndOrder) {
  std::string text = "# top\nouts:\n- md5: aa  # hash\n  size: 1\n  path: f\ndesc: 'x'  # why\n# end\n";
  json::Value value = parse(text);
  value.at("outs").at(0).as_object()["md5"] = "bb";
  value.at("outs").at(0).as_object()["size"] = 22;
  EXPECT_EQ(edit(text, value), "# top\nouts:\n- md5: bb  # hash\n  size: 22\n  path: f\ndesc: 'x'  # why\n# end\n");
  value.as_object().erase("desc");
  value.as_object()["meta"] = json::parse(R"({"k":[1,2]})");
  EXPECT_EQ(edit(text, value),
            "# top\nouts:\n- md5: bb  # hash\n  size: 22\n  path: f\nmeta:\n  k:\n  - 1\n  - 2\n# end\n");
}

TEST(YamlEdit, ReplacesAddsAndRemovesOneEntry) {
  std::string text = "stages:\n  # first\n  a:\n    cmd: x\n\n  # second\n  b:\n    cmd: y\nvars: []\n";
  EXPECT_EQ(edit_entry(text, "stages", "a", json::parse(R"({"cmd":"z","deps":["d"]})"), Replace::whole_entry),
            "stages:\n  # first\n  a:\n    cmd: z\n    deps:\n    - d\n\n  # second\n  b:\n    cmd: y\nvars: []\n");
  EXPECT_EQ(edit_entry(text, "stages", "c", json::parse(R"({"cmd":"n"})")),
            "stages:\n  # first\n  a:\n    cmd: x\n\n  # second\n  b:\n    cmd: y\n  c:\n    cmd: n\nvars: []\n");
  EXPECT_EQ(edit_entry(text, "stages", "b", nullptr), "stages:\n  # first\n  a:\n    cmd: x\n\n  # second\nvars: []\n");
  EXPECT_EQ(edit_entry("", "stages", "c", json::parse(R"({"cmd":"n"})")), "stages:\n  c:\n    cmd: n\n");
}

TEST(YamlEdit, WhatItWritesReadsBackAsTheValue) {
  const char* texts[] = {"a: 1\nb:\n- x: 1\n  y: 2\n- z\n", "{a: 1, b: [x]}\n", "a: |\n  text\n  # no comment\nb: 2\n",
                         "a: &x {k: 1}\nb: *x\n"};
  const char* values[] = {R"({"a":2,"b":[{"y":2},"z"]})", R"({"b":{"k":[1,2.5,null]}})", R"({"a":"one\ntwo","c":{}})",
                          R"([1,2])"};
  for (const char* text : texts) {
    for (const char* value : values) {
      std::string edited = edit(text, json::parse(value));
      EXPECT_EQ(parse(edited), json::parse(value)) << text << "->\n" << edited;
    }
  }
}

TEST(YamlLocate, FindsKeysAndItems) {
  std::vector<std::string> path = {"stages", "a", "deps", "1"};
  auto at = locate("stages:\n  a:\n    deps:\n    - x\n    - y\n", path);
  ASSERT_TRUE(at);
  EXPECT_EQ(at->line, 5u);
  EXPECT_EQ(at->column, 7u);
}

}  // namespace
}  // namespace fettle::yaml
