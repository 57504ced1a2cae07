#include <gtest/gtest.h>

#include "api/common/body.h"
#include "api/common/error.h"
#include "api/common/page.h"
#include "api/common/response.h"

namespace fettle::api {
namespace {

http::Request with_query(std::vector<std::pair<std::string, std::string>> query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

Code code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Code::internal;
}

TEST(RestError, HoldsEveryFieldAndQuotesText) {
  http::Request request;
  request.request_id = "01J";
  auto response = rest_error(Error{Code::invalid_argument, "bad \"x\"", {{"spec.a", "50 is below 200"}}, ""}, request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      response.body,
      R"({"error":{"code":"invalid_argument","message":"bad \"x\"","fix":"","details":[{"path":"spec.a","message":"50 is below 200"}],"request_id":"01J"}})");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
}

TEST(RestError, AStateThatDoesNotAllowIsAConflict) {
  EXPECT_EQ(rest_status(Code::failed_precondition), 409);
  EXPECT_EQ(rest_status(Code::unimplemented), 501);
}

TEST(Page, FirstPageHasTheDefaultLimit) {
  Page page = read_page(with_query({}), "jobs");
  EXPECT_EQ(page.limit, 100);
  EXPECT_EQ(page.after, "");
}

TEST(Page, TokenCarriesAnyPositionInUrlSafeText) {
  std::string after("\0\xff/+=a position", 15);
  for (size_t n = 0; n <= after.size(); ++n) {
    std::string token = make_page_token("jobs|state=queued", after.substr(0, n));
    EXPECT_EQ(token.find_first_of("+/="), std::string::npos);
    EXPECT_EQ(read_page(with_query({{"page_token", token}, {"limit", "7"}}), "jobs|state=queued").after,
              after.substr(0, n));
  }
}

TEST(Page, RefusesTokensOfOtherListingsAndBadLimits) {
  std::string token = make_page_token("jobs", "a");
  EXPECT_EQ(code_of([&] { read_page(with_query({{"page_token", token}}), "runs"); }), Code::invalid_argument);
  for (const char* limit : {"0", "1001", "-1", "ten", ""}) {
    EXPECT_EQ(code_of([&] { read_page(with_query({{"limit", limit}}), "jobs"); }), Code::invalid_argument) << limit;
  }
  for (const char* bad : {"x", "%%%", "AAAA", "\xff"}) EXPECT_FALSE(read_page_token("jobs", bad)) << bad;
}

TEST(Body, ReadsJsonOfJsonTypesOnly) {
  http::Request request;
  request.body = R"({"a": 1})";
  EXPECT_EQ(read_json_object(request).at("a"), 1);
  request.headers.set("content-type", "application/json; charset=utf-8");
  EXPECT_EQ(read_json_object(request).size(), 1u);
  request.headers.set("content-type", "application/x-www-form-urlencoded");
  EXPECT_EQ(code_of([&] { read_json(request); }), Code::invalid_argument);
}

TEST(Body, EmptyIsRefusedUnlessItReadsAsAnObject) {
  http::Request request;
  request.body = " \n";
  EXPECT_EQ(code_of([&] { read_json(request); }), Code::invalid_argument);
  EXPECT_TRUE(read_json_object(request, {.empty = EmptyBody::object}).empty());
}

TEST(Body, RefusesDeepNestingAndOtherValues) {
  http::Request request;
  request.body = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_EQ(code_of([&] { read_json(request); }), Code::invalid_argument);
  request.body = "[1]";
  EXPECT_EQ(code_of([&] { read_json_object(request); }), Code::invalid_argument);
}

TEST(JsonResponse, IsNotCached) {
  auto response = json_response(json::Object{{"a", 1.5}}, 201);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"({"a":1.5})");
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  EXPECT_EQ(no_content().status, 204);
}

}  // namespace
}  // namespace fettle::api
