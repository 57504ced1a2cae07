#include "http/router.h"

#include <gtest/gtest.h>

namespace fettle::http {
namespace {

Route row(std::string method, std::string path) {
  Route route;
  route.method = std::move(method);
  route.path = std::move(path);
  route.handler = Handler([](Request&) { return Response{}; });
  return route;
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    for (const char* path :
         {"/", "/v2", "/v2/models/{name}", "/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}",
          "/v2/models/stats", "/v1/models/{name}", "/v1/models/{name}:predict", "/artifacts", "/artifacts/{path*}"}) {
      router_.add(row("GET", path));
    }
    router_.add(row("POST", "/v2/models/{name}/infer"));
    router_.add(row("DELETE", "/v2/models/{name}"));
    router_.add(row("PUT", "/artifacts/{path*}"));
  }
  // "template key=value …", or "" for none.
  std::string at(std::string_view method, std::string_view path) {
    auto match = router_.match(method, path);
    if (match.route == nullptr) return match.malformed ? "malformed" : match.path_exists ? "allow " + match.allow : "";
    std::string text = match.route->path;
    for (const auto& [key, value] : match.params) text += " " + key + "=" + value;
    return text;
  }
  Router router_;
};

TEST_F(RouterTest, StaticPartsWinOverParameters) {
  EXPECT_EQ(at("GET", "/v2/models/stats"), "/v2/models/stats");
  EXPECT_EQ(at("GET", "/v2/models/a"), "/v2/models/{name} name=a");
  EXPECT_EQ(at("GET", "/v2/models/stats/infer"), "/v2/models/{name}/infer name=stats");
  EXPECT_EQ(at("DELETE", "/v2/models/stats"), "/v2/models/{name} name=stats");
  EXPECT_EQ(at("GET", "/v2/models/a/versions/3"), "/v2/models/{name}/versions/{version} name=a version=3");
}

TEST_F(RouterTest, TextAroundAParameterWinsOverAPlainOne) {
  EXPECT_EQ(at("GET", "/v1/models/a:predict"), "/v1/models/{name}:predict name=a");
  EXPECT_EQ(at("GET", "/v1/models/a:b:predict"), "/v1/models/{name}:predict name=a:b");
  EXPECT_EQ(at("GET", "/v1/models/:predict"), "/v1/models/{name} name=:predict");
  EXPECT_EQ(at("GET", "/v1/models/a"), "/v1/models/{name} name=a");
}

TEST_F(RouterTest, TheTailTakesTheRest) {
  EXPECT_EQ(at("GET", "/artifacts/a/b/c.txt"), "/artifacts/{path*} path=a/b/c.txt");
  EXPECT_EQ(at("GET", "/artifacts/a/"), "/artifacts/{path*} path=a/");
  EXPECT_EQ(at("GET", "/artifacts"), "/artifacts");
}

TEST_F(RouterTest, DecodesOnceAndKeepsEncodedSlashesWithinAPart) {
  EXPECT_EQ(at("GET", "/v2/models/a%2Fb%2525"), "/v2/models/{name} name=a/b%25");
  EXPECT_EQ(at("GET", "/%76%32/models/x"), "/v2/models/{name} name=x");
  EXPECT_EQ(at("GET", "/v2%2Fmodels/x"), "");
  EXPECT_EQ(at("GET", "/v2/models/%zz"), "malformed");
  EXPECT_EQ(at("GET", "/v2/models/a%00"), "malformed");
}

TEST_F(RouterTest, OneTrailingSlashIsIgnoredAndEmptyPartsMatchNothing) {
  EXPECT_EQ(at("GET", "/v2/"), "/v2");
  EXPECT_EQ(at("GET", "/v2/models/a/"), "/v2/models/{name} name=a");
  EXPECT_EQ(at("GET", "/v2//"), "");
  EXPECT_EQ(at("GET", "//v2"), "");
  EXPECT_EQ(at("GET", "/v2/models//infer"), "");
  EXPECT_EQ(at("GET", "/"), "/");
  EXPECT_EQ(at("GET", "/V2"), "");
}

TEST_F(RouterTest, DotPartsAreNotResolved) {
  EXPECT_EQ(at("GET", "/v2/x/../models/a"), "");
  EXPECT_EQ(at("GET", "/artifacts/../v2"), "/artifacts/{path*} path=../v2");
}

TEST_F(RouterTest, TellsTheMethodsOfAPathAndAnswersHeadByGet) {
  EXPECT_EQ(at("PATCH", "/v2/models/a"), "allow DELETE, GET, HEAD");
  EXPECT_EQ(at("HEAD", "/v2/models/a"), "/v2/models/{name} name=a");
  EXPECT_EQ(at("get", "/v2"), "allow GET, HEAD");
}

TEST_F(RouterTest, RefusesTheSameRouteTwiceAndTemplatesThatGoOnAfterATail) {
  for (auto& bad :
       {row("GET", "/v2"), row("GET", "relative"), row("GET", "/a/{x*}/b"), row("GET", "/a/{}"), row("GET", "/a/{x")}) {
    EXPECT_THROW(router_.add(bad), Failure) << bad.path;
  }
  EXPECT_EQ(router_.routes().size(), 13u);
}

TEST_F(RouterTest, TheLongestPrefixNamesTheErrorSurface) {
  ErrorMapper one = [](const Error&, const Request&) { return Response::text(1, ""); };
  ErrorMapper two = [](const Error&, const Request&) { return Response::text(2, ""); };
  router_.add_error_surface("/api/", one);
  router_.add_error_surface("/api/fettle/", two);
  EXPECT_EQ(router_.error_mapper("/api/2.0/x"), one);
  EXPECT_EQ(router_.error_mapper("/api/fettle/v1"), two);
  EXPECT_EQ(router_.error_mapper("/other"), nullptr);
}

}  // namespace
}  // namespace fettle::http
