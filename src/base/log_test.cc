#include "base/log.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fettle {
namespace {

// Captures stderr while `body` logs; the log's configuration is put back.
template <class Body>
std::string logged(LogConfig config, Body body) {
  configure_log(config);
  testing::internal::CaptureStderr();
  body();
  std::string text = testing::internal::GetCapturedStderr();
  configure_log({});
  return text;
}

TEST(Log, WritesOneLineWithTypedFieldsAsJson) {
  std::string text = logged({.format = LogFormat::json}, [] {
    log_warn("disk is slow", {{"path", "a\"b\n"}, {"ms", 12}, {"share", 0.5}, {"again", true}});
  });
  EXPECT_TRUE(text.starts_with("{\"time_ms\":")) << text;
  EXPECT_TRUE(
      text.ends_with(R"("level":"warn","event":"disk is slow","path":"a\"b\u000a","ms":12,"share":0.5,"again":true})"
                     "\n"))
      << text;
}

TEST(Log, StaysJsonWhenANumberIsNone) {
  std::string text =
      logged({.format = LogFormat::json}, [] { log_info("loss", {{"value", std::nan("")}, {"bound", INFINITY}}); });
  EXPECT_NE(text.find(R"("value":"nan","bound":"inf"})"), std::string::npos) << text;
}

TEST(Log, ControlCharactersCannotForgeALine) {
  std::string text = logged({}, [] { log_info("said", {{"name", "x\nINFO forged\x1b[31m"}}); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Log, QuotesTextThatHoldsSpacesOnly) {
  std::string text = logged({}, [] { log_info("said", {{"a", "plain"}, {"b", "two words"}, {"c", ""}}); });
  EXPECT_NE(text.find("a=plain b=\"two words\" c=\"\"\n"), std::string::npos) << text;
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  EXPECT_EQ(logged({.level = LogLevel::warn}, [] { log_info("quiet"); }), "");
  EXPECT_NE(logged({.level = LogLevel::warn}, [] { log_error("loud"); }), "");
  EXPECT_EQ(logged({.level = LogLevel::off}, [] { log_error("loud"); }), "");
}

TEST(LogScope, NamesTheRequestWhileItLivesAndNests) {
  std::string text = logged({}, [] {
    LogScope outer("r1");
    {
      LogScope inner("r2");
      log_info("in");
    }
    log_info("out");
  });
  EXPECT_NE(text.find("in request_id=r2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("out request_id=r1\n"), std::string::npos) << text;
  EXPECT_EQ(logged({}, [] { log_info("after"); }).find("request_id"), std::string::npos);
}

}  // namespace
}  // namespace fettle
