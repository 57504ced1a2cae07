#include "sql/database.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"

namespace fettle::sql {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    db->write([](Connection& c) {
      c.exec_script("create table t (k text primary key, v bigint, r double precision, b bytea)");
    });
  }
  int64_t count() {
    return db->read([](Connection& c) { return c.query_one("select count(*) from t")->integer(0); });
  }
  std::unique_ptr<Database> db = Database::open("sqlite://:memory:");
};

TEST_F(DatabaseTest, BindsByNumberWhateverTheOrderOfAppearance) {
  db->write([](Connection& c) { c.exec("insert into t (v, k) values ($2, $1)", "key", 7); });
  auto row = db->read([](Connection& c) { return c.query_one("select k, v from t where v = $1 or k = $1", 7); });
  ASSERT_TRUE(row);
  EXPECT_EQ(row->text(0), "key");
  EXPECT_EQ(row->integer(1), 7);
}

TEST_F(DatabaseTest, KeepsTypesNullsAndBytes) {
  std::string bytes("\0\xff\x01", 3);
  db->write([&](Connection& c) {
    c.exec("insert into t (k, v, r, b) values ($1, $2, $3, $4)", std::string("x"), std::optional<int64_t>(), 0.1,
           Bytes{bytes});
  });
  auto row = db->read([](Connection& c) { return c.query_one("select k, v, r, b from t"); });
  EXPECT_TRUE(row->is_null(1));
  EXPECT_EQ(row->real(2), 0.1);
  EXPECT_EQ(row->text(3), bytes);
}

TEST_F(DatabaseTest, AFailingWriteUndoesItselfOnly) {
  db->write([](Connection& c) { c.exec("insert into t (k) values ('a')"); });
  try {
    db->write([](Connection& c) {
      c.exec("insert into t (k) values ('b')");
      c.exec("insert into t (k) values ('a')");
    });
    FAIL() << "expected already_exists";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), Code::already_exists);
  }
  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, ConcurrentWritesShareCommits) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        db->write([&](Connection& c) { c.exec("insert into t (k) values ($1)", fmt::format("{}-{}", t, i)); });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(count(), 400);
  EXPECT_LT(db->stats().commits, db->stats().writes);
}

TEST_F(DatabaseTest, ReadersSeeOneSnapshotAndCannotWrite) {
  db->read([&](Connection& c) {
    EXPECT_EQ(c.query_one("select count(*) from t")->integer(0), 0);
    db->write([](Connection& w) { w.exec("insert into t (k) values ('later')"); });
    EXPECT_EQ(c.query_one("select count(*) from t")->integer(0), 0);
  });
  EXPECT_THROW(db->read([](Connection& c) { c.exec("insert into t (k) values ('no')"); }), Failure);
  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, AnAsynchronousWriteTellsItsEnd) {
  std::promise<std::optional<Error>> promise;
  db->write_async([](Connection& c) { c.exec("insert into missing values (1)"); },
                  [&](std::optional<Error> error) { promise.set_value(std::move(error)); });
  auto error = promise.get_future().get();
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("missing"), std::string::npos);
}

TEST(Database, SurvivesReopening) {
  TemporaryDirectory directory;
  std::string url = "sqlite:///" + (directory.path() / "x.db").string();
  Database::open(url)->write(
      [](Connection& c) { c.exec_script("create table t (k text); insert into t values ('a')"); });
  auto again = Database::open(url);
  EXPECT_EQ(again->read([](Connection& c) { return c.query_one("select k from t")->text(0); }), "a");
}

TEST(Database, RefusesUnknownUrls) {
  EXPECT_THROW(Database::open("mysql://x"), Failure);
  EXPECT_THROW(Database::open("sqlite:/x"), Failure);
}

TEST(Migrate, AppliesOnceAndRefusesAChangedHistory) {
  auto db = Database::open("sqlite://:memory:");
  std::vector<Migration> list = {{"0001_a", "create table a (x bigint)"}};
  migrate(*db, list);
  list.push_back({"0002_b", "create table b (x bigint)"});
  migrate(*db, list);
  migrate(*db, list);
  list[0].text += " ";
  EXPECT_THROW(migrate(*db, list), Failure);
  list.erase(list.begin());
  EXPECT_THROW(migrate(*db, list), Failure);
}

}  // namespace
}  // namespace fettle::sql
