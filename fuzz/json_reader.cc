#include "json/json.h"

#include "target.h"

namespace fettle::fuzz {
namespace {

void read_fields(const json::Value& value, int depth) {
  json::Problems problems;
  json::Reader in(value, problems);
  in.string("name");
  in.integer_or("limit", 1);
  in.number("value");
  in.boolean_or("flag", false);
  in.strings_or("list", {});
  in.each("items", [&](json::Reader& item) { item.number("value"); });
  in.object("inner").has("x");
  in.refuse_unknown();
  bool clean = accepts([&] { problems.check(); });
  FETTLE_CHECK(clean == problems.empty(), "problems are told exactly when there are any");
  if (const auto* object = value.if_object(); object != nullptr && depth < 4) {
    for (const auto& item : *object) read_fields(item.value(), depth + 1);
  }
}

}  // namespace

// What parses is written so that it parses to the same; a reader of any value tells problems and never more.
void json_reader(std::string_view bytes) {
  json::Value value;
  bool strict = accepts([&] { value = json::parse(bytes); });
  json::Value lenient;
  bool with_nan = accepts([&] { lenient = json::parse(bytes, {.allow_nan = true}); });
  FETTLE_CHECK(!strict || with_nan, "allowing more refuses less");
  if (!with_nan) return;
  std::string text = json::format(lenient);
  FETTLE_CHECK(json::format(json::parse(text)) == text, "writing and reading change nothing");
  for (int indent : {0, 2}) {
    FETTLE_CHECK(json::format(json::parse(json::format(lenient, {.indent = indent, .spaced = true}))) == text,
                 "spaces mean nothing");
  }
  FETTLE_CHECK(json::preview(lenient).size() <= 60, "a preview is short");
  read_fields(lenient, 0);
}

}  // namespace fettle::fuzz
