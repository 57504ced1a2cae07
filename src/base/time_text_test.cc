#include "base/time_text.h"

#include <gtest/gtest.h>

namespace fettle {
namespace {

constexpr int64_t kMarch2013 = 1'362'096'000'000;

TEST(FormatUtc, WritesMillisecondsBeforeAndAfterTheEpoch) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc(kMarch2013 + 3'723'004), "2013-03-01T01:02:03.004Z");
}

TEST(ParseUtc, ReadsDatesAndTimes) {
  EXPECT_EQ(parse_utc("2013-03-01"), kMarch2013);
  EXPECT_EQ(parse_utc("2013-03-01T10:00:00Z"), kMarch2013 + 36'000'000);
  EXPECT_EQ(parse_utc("2013-03-01 10:00"), kMarch2013 + 36'000'000);
  EXPECT_EQ(parse_utc("2013-03-01T00:00:00.5+00:00"), kMarch2013 + 500);
  EXPECT_EQ(parse_utc("2013-03-01T00:00:00.123456Z"), kMarch2013 + 123);
  for (int64_t ms : {int64_t{0}, int64_t{-1}, kMarch2013 + 1}) EXPECT_EQ(parse_utc(format_utc(ms)), ms);
}

TEST(ParseUtc, RefusesDatesThatDoNotExistAndOtherZones) {
  for (std::string_view text :
       {"", "2013", "2013-02-29", "2013-13-01", "2013-00-01", "2013/03/01", "2013-03-01T24:00:00Z",
        "2013-03-01T10:60:00Z", "2013-03-01T10", "2013-03-01T10:00:00+02:00", "2013-03-01x", "2013-03-01T10:00:00Zz"}) {
    EXPECT_FALSE(parse_utc(text)) << text;
  }
  EXPECT_TRUE(parse_utc("2012-02-29")) << "a leap year";
}

TEST(Month, StartsAndEndsWhereTheCalendarSays) {
  EXPECT_EQ(format_utc(month_start_ms(kMarch2013 - 1)), "2013-02-01T00:00:00.000Z");
  EXPECT_EQ(next_month_start_ms(kMarch2013 - 1), kMarch2013);
  EXPECT_EQ(month_start_ms(kMarch2013), kMarch2013);
  EXPECT_EQ(format_utc(next_month_start_ms(*parse_utc("2013-12-31T23:59:59Z"))), "2014-01-01T00:00:00.000Z");
}

TEST(Duration, ReadsUnitsAndFractions) {
  EXPECT_EQ(parse_duration_ms("90s"), 90'000);
  EXPECT_EQ(parse_duration_ms("15m"), 900'000);
  EXPECT_EQ(parse_duration_ms("1.5h"), 5'400'000);
  EXPECT_EQ(parse_duration_ms("7d"), 604'800'000);
  EXPECT_EQ(parse_duration_ms("250ms"), 250);
  EXPECT_EQ(parse_duration_ms("0s"), 0);
  for (std::string_view text : {"", "s", "10", "-1s", "1 s", "1w", "nans", "infd", "1e30d", "1ss"})
    EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(Duration, IsWrittenInTwoUnitsAtMost) {
  EXPECT_EQ(format_duration(0), "0 ms");
  EXPECT_EQ(format_duration(8'200), "8.2 s");
  EXPECT_EQ(format_duration(200'000), "3 min 20 s");
  EXPECT_EQ(format_duration(7'500'000), "2 h 5 min");
  EXPECT_EQ(format_duration(4 * 86'400'000LL), "4 d");
}

}  // namespace
}  // namespace fettle
