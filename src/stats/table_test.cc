#include "stats/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fettle::stats {
namespace {

std::string message_of(std::string_view csv, CsvLimits limits = {}) {
  try {
    parse_csv(csv, limits);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(Csv, NumbersAndCategoriesWithMissingCells) {
  Table table = parse_csv("\xEF\xBB\xBFtemp,carrier,gate\r\n39.02,UA,007\r\n,AA,8\r\nNA,,B1\r\n-1e3,None,\r\n");
  ASSERT_EQ(table.columns.size(), 3u);
  EXPECT_EQ(table.rows(), 4u);
  const Column& temp = *table.find("temp");
  EXPECT_TRUE(temp.numeric);
  EXPECT_DOUBLE_EQ(temp.numbers[0], 39.02);
  EXPECT_TRUE(std::isnan(temp.numbers[1]));
  EXPECT_TRUE(std::isnan(temp.numbers[2]));
  EXPECT_DOUBLE_EQ(temp.numbers[3], -1000);
  const Column& carrier = *table.find("carrier");
  EXPECT_FALSE(carrier.numeric);
  EXPECT_EQ(carrier.categories[0], "UA");
  EXPECT_EQ(carrier.missing, (std::vector<uint8_t>{0, 0, 1, 1}));
  const Column& gate = *table.find("gate");
  EXPECT_FALSE(gate.numeric);
  EXPECT_EQ(gate.categories[0], "007");
  EXPECT_EQ(table.find("nothing"), nullptr);
}

TEST(Csv, QuotesCommasAndNewlinesInsideCells) {
  Table table = parse_csv("a,b\n\"x, \"\"y\"\"\",\"line 1\nline 2\"\n\"\",z");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.columns[0].categories[0], "x, \"y\"");
  EXPECT_EQ(table.columns[1].categories[0], "line 1\nline 2");
  EXPECT_EQ(table.columns[0].missing[1], 1);
}

TEST(Csv, HeaderOnlyHasNoRows) { EXPECT_EQ(parse_csv("a,b\n").rows(), 0u); }

TEST(Csv, ProblemsNameTheLine) {
  EXPECT_EQ(message_of(""), "the CSV is empty: a header line is expected");
  EXPECT_EQ(message_of("a,b\n1,2\n3\n"), "line 3: 1 cells, but the header has 2");
  EXPECT_EQ(message_of("a,a\n1,2\n"), "line 1: column name 'a' appears twice");
  EXPECT_EQ(message_of("a\n\"x\ny\"\n\"never\n"), "line 4: a quoted cell is never closed");
  EXPECT_EQ(message_of("a\n\"x\"y\n"), "line 2: text after the closing quote of cell \"x\"");
  EXPECT_EQ(message_of("a\n1\n2\n3\n", {.max_rows = 2}), "line 4: more than 2 rows");
  EXPECT_EQ(message_of("a,b\n1,2\n", {.max_columns = 1}), "2 columns are more than the limit of 1");
}

TEST(Csv, ATrailingCommaIsAnEmptyLastCell) {
  Table table = parse_csv("a,b\n1,\n");
  EXPECT_TRUE(table.columns[1].numeric);
  EXPECT_TRUE(std::isnan(table.columns[1].numbers[0]));
}

}  // namespace
}  // namespace fettle::stats
