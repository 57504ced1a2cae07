#include "sql/statement.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace fettle::sql {
namespace {

class StatementTest : public testing::Test {
 protected:
  StatementTest() : database_(Database::open("sqlite:///" + (directory_.path() / "t.db").string())) {
    database_->write([](Connection& c) {
      c.exec_script("create table t (id bigint, name text, score double precision)");
      for (int i = 0; i < 20; ++i)
        c.exec("insert into t values ($1, $2, $3)", i, i % 2 == 0 ? "Even" : "odd", i % 5 * 0.5);
    });
  }

  std::vector<int64_t> ids(const Statement& statement) {
    std::vector<int64_t> found;
    database_->read([&](Connection& c) {
      c.query_each(statement.text(), statement.values(), [&](const Row& row) { found.push_back(row.integer(0)); });
    });
    return found;
  }

  std::vector<int64_t> where(std::string_view expression, Compare compare, const Operand& operand) {
    Statement s("select id from t where id < 4 and ");
    s.add_condition(expression, compare, operand);
    s.add(" order by id");
    return ids(s);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(StatementTest, ComparesAsAsked) {
  using Ids = std::vector<int64_t>;
  EXPECT_EQ(where("id", Compare::eq, int64_t{2}), (Ids{2}));
  EXPECT_EQ(where("id", Compare::ne, int64_t{2}), (Ids{0, 1, 3}));
  EXPECT_EQ(where("score", Compare::gt, 0.5), (Ids{2, 3}));
  EXPECT_EQ(where("name", Compare::like, std::string("ev%")), (Ids{})) << "like tells case apart";
  EXPECT_EQ(where("name", Compare::ilike, std::string("ev%")), (Ids{0, 2}));
  EXPECT_EQ(where("name", Compare::in, std::vector<std::string>{"odd", "none"}), (Ids{1, 3}));
  EXPECT_EQ(where("name", Compare::not_in, std::vector<std::string>{"odd"}), (Ids{0, 2}));
  EXPECT_EQ(where("name", Compare::in, std::vector<std::string>{}), (Ids{}));
  EXPECT_EQ(where("name", Compare::is_null, {}), (Ids{}));
  EXPECT_EQ(where("name", Compare::eq, std::string("x' or '1' = '1")), (Ids{}));
}

TEST_F(StatementTest, PagesAddUpToTheWholeInMixedOrder) {
  std::vector<SortColumn> columns = {{"score", true}, {"name"}, {"id", true}};
  Statement whole("select id from t");
  whole.add_order(columns);
  std::vector<int64_t> paged;
  Cursor cursor;
  for (int page = 0; page < 10; ++page) {
    Statement s("select id, score, name, id from t");
    if (!cursor.empty()) {
      s.add(" where ");
      s.add_after(columns, cursor);
    }
    s.add_order(columns);
    s.add(" limit 3");
    database_->read([&](Connection& c) {
      c.query_each(s.text(), s.values(), [&](const Row& row) {
        paged.push_back(row.integer(0));
        cursor = cursor_from(row, 1, 3);
      });
    });
  }
  EXPECT_EQ(paged, ids(whole));
}

TEST_F(StatementTest, RefusesACursorOfAnotherOrder) {
  Statement s("select id from t where ");
  std::vector<SortColumn> columns = {{"score"}, {"id"}};
  EXPECT_THROW(s.add_after(columns, {int64_t{1}}), Failure);
}

}  // namespace
}  // namespace fettle::sql
