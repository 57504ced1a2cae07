#include "cli/table.h"

#include <gtest/gtest.h>

#include <limits>

namespace fettle::cli {
namespace {

constexpr int64_t kNow = 1'362'096'000'000;
const TableStyle kTerminal{.terminal = true, .headers = true, .width = 60, .now_ms = kNow};
const TableStyle kPipe{};

std::string cell(std::string_view value, CellKind kind, const TableStyle& style) {
  json::Value parsed = json::parse(value);
  return format_cell(&parsed, kind, style);
}

TEST(Cell, ReadsForPeopleOnATerminal) {
  EXPECT_EQ(cell("1234567", CellKind::integer, kTerminal), "1,234,567");
  EXPECT_EQ(cell("-1234", CellKind::integer, kTerminal), "-1,234");
  EXPECT_EQ(cell("123", CellKind::integer, kTerminal), "123");
  EXPECT_EQ(cell("0.123456", CellKind::number, kTerminal), "0.1235");
  EXPECT_EQ(cell("0.256", CellKind::percent, kTerminal), "25.6 %");
  EXPECT_EQ(cell("1536", CellKind::bytes, kTerminal), "1.5 KiB");
  EXPECT_EQ(cell("1023", CellKind::bytes, kTerminal), "1023 B");
  EXPECT_EQ(cell("8200", CellKind::duration, kTerminal), "8.2 s");
  EXPECT_EQ(cell(std::to_string(kNow - 7'500'000), CellKind::time, kTerminal), "2 h 5 min ago");
  EXPECT_EQ(cell(std::to_string(kNow - 5), CellKind::time, kTerminal), "just now");
  EXPECT_EQ(cell(std::to_string(kNow + 1), CellKind::time, kTerminal), "2013-03-01T00:00:00.001Z");
  EXPECT_EQ(cell("null", CellKind::number, kTerminal), "–");
  EXPECT_EQ(cell("true", CellKind::text, kTerminal), "yes");
}

TEST(Cell, KeepsEveryDigitInAPipe) {
  EXPECT_EQ(cell("1234567", CellKind::integer, kPipe), "1234567");
  EXPECT_EQ(cell("9007199254740993", CellKind::integer, kPipe), "9007199254740993");
  EXPECT_EQ(cell("0.1", CellKind::number, kPipe), "0.1");
  EXPECT_EQ(cell("0.256", CellKind::percent, kPipe), "0.256");
  EXPECT_EQ(cell("8200", CellKind::duration, kPipe), "8200");
  EXPECT_EQ(cell(std::to_string(kNow), CellKind::time, kPipe), "2013-03-01T00:00:00.000Z");
  EXPECT_EQ(cell("null", CellKind::number, kPipe), "");
}

TEST(Cell, SurvivesNumbersThatNobodyMeant) {
  for (std::string_view text : {"1e300", "-1e300", "-9223372036854775808", "18446744073709551615"}) {
    for (auto kind : {CellKind::text, CellKind::integer, CellKind::number, CellKind::percent, CellKind::time,
                      CellKind::duration, CellKind::bytes}) {
      EXPECT_FALSE(cell(text, kind, kTerminal).empty());
      EXPECT_FALSE(cell(text, kind, kPipe).empty());
    }
  }
}

TEST(Cell, ShowsBytesThatWouldSteerTheTerminal) {
  EXPECT_EQ(cell(R"("a\u001b[31mb\n")", CellKind::text, kTerminal), "a\\x1b[31mb\\x0a");
  EXPECT_EQ(cell(R"({"k":"\u001b"})", CellKind::text, kTerminal), R"({"k":"\u001b"})");
  EXPECT_EQ(cell(R"(["a","b"])", CellKind::text, kPipe), "a, b");
}

TEST(Path, WalksObjectsAndStopsAtWhatIsAbsent) {
  json::Value value = json::parse(R"({"latency_ms":{"p95":1.5},"n":null})");
  EXPECT_EQ(find_path(value, "latency_ms.p95")->get_double(), 1.5);
  for (std::string_view path : {"latency_ms.p99", "latency_ms.p95.deeper", "n", "n.x", "missing.x"})
    EXPECT_EQ(find_path(value, path), nullptr) << path;
}

const std::vector<ColumnSpec> kColumns = {{"NAME", "name"}, {"ROWS", "rows", CellKind::integer}};

TEST(Table, AlignsTextLeftAndNumbersRightOnATerminal) {
  json::Array items = json::parse(R"([{"name":"a","rows":1234},{"name":"böse","rows":5}])").as_array();
  EXPECT_EQ(format_table(items, kColumns, kTerminal),
            "NAME   ROWS\n"
            "a     1,234\n"
            "böse      5\n");
}

TEST(Table, IsTabSeparatedInAPipe) {
  json::Array items = json::parse(R"([{"name":"a b","rows":1234},{"rows":5}])").as_array();
  EXPECT_EQ(format_table(items, kColumns, kPipe), "NAME\tROWS\na b\t1234\n\t5\n");
  EXPECT_EQ(format_table(items, kColumns, {.headers = false}), "a b\t1234\n\t5\n");
}

TEST(Table, FitsItsWidthByShorteningTheWidestText) {
  std::string name(100, 'x');
  json::Array items = {json::Object{{"name", "begin" + name + "end"}, {"rows", 123456789}}};
  std::string table = format_table(items, kColumns, kTerminal);
  for (size_t at = 0; at < table.size();) {
    size_t end = table.find('\n', at);
    EXPECT_LE(display_width(table.substr(at, end - at)), kTerminal.width);
    at = end + 1;
  }
  EXPECT_NE(table.find("begin"), std::string::npos);
  EXPECT_NE(table.find("…"), std::string::npos);
  EXPECT_NE(table.find("xend  123,456,789\n"), std::string::npos) << table;
  EXPECT_NE(format_table(items, kColumns, kPipe).find(name), std::string::npos) << "a pipe gets all of it";
}

TEST(Table, OfNothingIsItsHeader) { EXPECT_EQ(format_table({}, kColumns, kPipe), "NAME\tROWS\n"); }

TEST(Width, CountsCharactersNotBytes) {
  EXPECT_EQ(display_width("böse …"), 6u);
  EXPECT_EQ(display_width(""), 0u);
}

}  // namespace
}  // namespace fettle::cli
