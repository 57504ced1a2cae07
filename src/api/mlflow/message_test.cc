#include "api/mlflow/message.h"

#include <gtest/gtest.h>

#include "api/mlflow/file_answer.h"
#include "api/mlflow/page_token.h"
#include "base/bytes.h"

namespace fettle::api::mlflow {
namespace {

Message post(std::string body, std::string type = "application/json; charset=utf-8") {
  http::Request request{.method = "POST", .body = std::move(body)};
  request.headers.set("Content-Type", type);
  return Message::of(request);
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::invalid_argument);
    return failure.error().message;
  }
  return "no error";
}

TEST(Message, ReadsLeniently) {
  auto in = post(R"({"a": "x", "n": "11", "m": 11.0, "maxResults": 5, "v": "NaN", "list": ["p", "q"], "extra": {}})");
  EXPECT_EQ(in.string("a"), "x");
  EXPECT_EQ(in.integer("n"), 11);
  EXPECT_EQ(in.integer("m"), 11);
  EXPECT_EQ(in.find_integer("max_results"), 5);
  EXPECT_TRUE(std::isnan(in.number("v")));
  EXPECT_EQ(in.strings("list"), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(post(R"("{\"a\": \"twice\"}")").string("a"), "twice");
  EXPECT_EQ(post(R"({"run_uuid": "r"})").run_id(), "r");
}

TEST(Message, TellsWhatIsMissingOrWrong) {
  std::string missing =
      "Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.";
  for (auto body :
       {"", "{", "not json", "{\"run_id\": \"\"}", "{\"run_id\": null}", "{\"runId\": \"x\"}", "[1", "{\"a\": NaN}"}) {
    EXPECT_EQ(error_of([&] { post(body).run_id(); }), missing) << body;
  }
  EXPECT_EQ(error_of([] { post("[]"); }), "request body must be a JSON object, got an array");
  EXPECT_EQ(error_of([] { post("null"); }), "request body must be a JSON object, got null");
  EXPECT_EQ(error_of([] { post("{}", "text/plain"); }),
            "Bad Request. Content-Type must be one of ['application/json'].");
  EXPECT_EQ(error_of([] { post(R"({"value": "abc"})").number("value"); }),
            "Invalid value \"abc\" for parameter 'value' supplied:  Hint: Value was of type 'str'. See the API docs "
            "for more information about "
            "request parameters.");
  EXPECT_EQ(error_of([] { post(R"({"run_id": "a", "runId": "b"})").run_id(); }),
            "Request specifies both 'run_id' and 'runId'; provide only one of them.");
  auto batch = post(R"({"metrics": [{"key": "a"}, {}]})");
  EXPECT_EQ(error_of([&] { batch.messages("metrics")[1].string("key"); }).substr(0, 54),
            "Missing value for required parameter 'metrics[1].key'.");
}

TEST(Message, RefusesNumbersThatDoNotFit) {
  for (auto number : {"1.5", "9223372036854775808", "1e400", "true", "[]", "{}", "\"1.5\"", "1e300"}) {
    EXPECT_NE(error_of([&] { post(fmt::format(R"({{"step": {}}})", number)).integer("step"); }), "no error") << number;
  }
  for (auto number : {"1e400", "true", "\"inf\"", "null"}) {
    EXPECT_NE(error_of([&] { post(fmt::format(R"({{"value": {}}})", number)).number("value"); }), "no error") << number;
  }
}

TEST(Message, QueriesRepeatKeysForLists) {
  http::Request request{
      .method = "GET", .query = {{"run_ids", "a"}, {"run_ids", "b"}, {"flag", "True"}, {"other", "maybe"}, {"n", "7"}}};
  auto in = Message::of(request);
  EXPECT_EQ(in.strings("run_ids"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(in.boolean_or("flag", false));
  EXPECT_EQ(in.integer("n"), 7);
  EXPECT_EQ(error_of([&] { in.boolean_or("other", false); }),
            "Invalid boolean value: maybe, must be 'true' or 'false'.");
}

TEST(PageToken, RoundTripAndRefusals) {
  Cursor cursor = {int64_t{5}, 1.0, std::string("é'\""), 2.5e-8};
  EXPECT_EQ(parse_page_token(format_page_token(cursor)), cursor);
  EXPECT_EQ(error_of([] { parse_page_token("invalid_token"); }), "Invalid page token, could not base64-decode");
  EXPECT_EQ(error_of([] { parse_page_token(to_base64("x")); }).substr(0, 35), "Invalid page token, decoded value=\"");
  for (auto json : {"{}", R"({"offset": 0})", "[]", R"({"after": []})", R"({"after": [{}]})", R"({"after": 1})"}) {
    EXPECT_EQ(error_of([&] { parse_page_token(to_base64(json)); }).substr(0, 33), "Invalid page token, parsed value=")
        << json;
  }
}

TEST(FileAnswer, Ranges) {
  ByteRange range;
  EXPECT_EQ(parse_range("bytes=2-4", 10, range), RangeKind::part);
  EXPECT_EQ(range.first, 2U);
  EXPECT_EQ(range.count, 3U);
  EXPECT_EQ(parse_range("bytes=8-", 10, range), RangeKind::part);
  EXPECT_EQ(range.count, 2U);
  EXPECT_EQ(parse_range("bytes=-3", 10, range), RangeKind::part);
  EXPECT_EQ(range.first, 7U);
  EXPECT_EQ(parse_range("bytes=-30", 10, range), RangeKind::part);
  EXPECT_EQ(range.count, 10U);
  EXPECT_EQ(parse_range("bytes=5-999", 10, range), RangeKind::part);
  EXPECT_EQ(range.count, 5U);
  EXPECT_EQ(parse_range("bytes=10-", 10, range), RangeKind::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=-0", 10, range), RangeKind::unsatisfiable);
  for (auto odd : {"", "bytes=", "bytes=4-2", "bytes=a-b", "bytes=1-2,4-5", "items=1-2", "bytes=--1", "bytes=1-x"}) {
    EXPECT_EQ(parse_range(odd, 10, range), RangeKind::whole) << odd;
  }
}

TEST(FileAnswer, NamesAndTypesNeverEscapeTheirHeader) {
  EXPECT_EQ(content_disposition("a.txt"), "attachment; filename=\"a.txt\"");
  EXPECT_EQ(content_disposition("a\"\r\nX: é.txt"),
            "attachment; filename=\"a___X: _.txt\"; filename*=UTF-8''a%22%0D%0AX%3A%20%C3%A9.txt");
  EXPECT_EQ(content_type_of("model/MLmodel"), "text/plain; charset=utf-8");
  EXPECT_EQ(content_type_of("x/png"), "application/octet-stream");
  EXPECT_EQ(content_type_of("plot.PNG"), "image/png");
}

}  // namespace
}  // namespace fettle::api::mlflow
