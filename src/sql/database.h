// SQL behind one text. Parameters are $1, $2 … (bound by number on both engines), values are text, bigint, double
// precision, bytea and boolean; ids are made in C++. SQLite is the embedded engine: WAL, one writer whose small writes
// share a transaction and an fsync (group commit), and a pool of readers.
//
//   int64_t n = db.read([&](sql::Connection& c) { return c.query("select count(*) from runs where state = $1",
//   state)[0].integer(0); }); db.write([&](sql::Connection& c) { c.exec("insert into tags (run, key, value) values ($1,
//   $2, $3)", run, key, value); });
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.h"

namespace fettle::sql {

// Bytes that are bound as a blob instead of text.
struct Bytes {
  std::string_view bytes;
};

using Value = std::variant<std::monostate, int64_t, double, std::string_view, Bytes>;

// A parameter: integers, floating point, bool, text, Bytes, std::optional of these, nullptr.
template <class T>
Value to_value(const T& value) {
  if constexpr (std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>) {
    return std::monostate{};
  } else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, Value>) {
    return value;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return std::string_view(value);
  } else {
    if (!value) return std::monostate{};
    return to_value(*value);
  }
}

using Cell = std::variant<std::monostate, int64_t, double, std::string>;

// One row of a finished result. Column numbers start at 0; a getter of the wrong type converts as SQLite does.
class Row {
 public:
  explicit Row(std::vector<Cell> cells) : cells_(std::move(cells)) {}
  bool is_null(size_t column) const { return std::holds_alternative<std::monostate>(cells_[column]); }
  bool is_integer(size_t column) const { return std::holds_alternative<int64_t>(cells_[column]); }
  bool is_real(size_t column) const { return std::holds_alternative<double>(cells_[column]); }
  int64_t integer(size_t column) const;
  double real(size_t column) const;
  bool boolean(size_t column) const { return integer(column) != 0; }
  // Text or bytes.
  std::string text(size_t column) const;
  std::string_view view(size_t column) const;  // of a text or blob column; lives as long as the row
  std::optional<int64_t> find_integer(size_t column) const;
  std::optional<double> find_real(size_t column) const;
  std::optional<std::string> find_text(size_t column) const;
  size_t size() const { return cells_.size(); }

 private:
  std::vector<Cell> cells_;
};
using Rows = std::vector<Row>;

// A connection inside a transaction. Not thread-safe; lives only for the call that got it.
// Errors: already_exists on a unique or primary key violation, failed_precondition on a foreign key or check violation,
// resource_exhausted when the disk is full, unavailable when busy or the connection is lost, internal otherwise.
class Connection {
 public:
  virtual ~Connection() = default;

  template <class... Args>
  Rows query(std::string_view text, const Args&... args) {
    std::vector<Value> values{to_value(args)...};
    Rows rows;
    run(text, values, [&](const Row& row) { rows.push_back(row); });
    return rows;
  }
  template <class... Args>
  std::optional<Row> query_one(std::string_view text, const Args&... args) {
    Rows rows = query(text, args...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }
  // Calls `body` for each row without keeping them.
  void query_each(std::string_view text, std::span<const Value> values, const std::function<void(const Row&)>& body) {
    run(text, values, body);
  }
  // Rows changed.
  template <class... Args>
  int64_t exec(std::string_view text, const Args&... args) {
    std::vector<Value> values{to_value(args)...};
    return run(text, values, [](const Row&) {});
  }
  int64_t exec_values(std::string_view text, std::span<const Value> values) {
    return run(text, values, [](const Row&) {});
  }
  // Several statements without parameters, separated by ';'. For migrations.
  virtual void exec_script(std::string_view text) = 0;

 protected:
  virtual int64_t run(std::string_view text, std::span<const Value> values,
                      const std::function<void(const Row&)>& row) = 0;
};

struct Config {
  size_t readers = 4;                // reader connections
  size_t write_queue_limit = 10000;  // writes waiting for the writer; beyond it: resource_exhausted
  size_t group_limit = 512;          // writes that may share one commit
  int64_t busy_timeout_ms = 5000;
  bool durable = true;  // fdatasync before a write is acknowledged
};

// Thread-safe.
class Database {
 public:
  virtual ~Database() = default;

  // `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://:memory:`. Creates the file. `postgresql://` is
  // unimplemented here.
  static std::unique_ptr<Database> open(const std::string& url, Config config = {});

  // Runs `body` in a write transaction, and returns its value after the commit is durable. Concurrent writes share a
  // commit; a body that throws undoes its own statements only (savepoint). `body` may run on another thread; it must
  // have no other side effects and must not call read() or write() of the same database.
  template <class Body>
  auto write(Body&& body) -> std::invoke_result_t<Body, Connection&> {
    using Result = std::invoke_result_t<Body, Connection&>;
    if constexpr (std::is_void_v<Result>) {
      write_and_wait([&](Connection& connection) { body(connection); });
    } else {
      std::optional<Result> result;
      write_and_wait([&](Connection& connection) { result.emplace(body(connection)); });
      return std::move(*result);
    }
  }

  // As write, without waiting: `done` gets nothing on success, or the error, on the writer's thread after the commit.
  virtual void write_async(std::function<void(Connection&)> body, std::function<void(std::optional<Error>)> done) = 0;

  // Runs `body` in a read transaction (one consistent snapshot) on a reader connection.
  template <class Body>
  auto read(Body&& body) -> std::invoke_result_t<Body, Connection&> {
    using Result = std::invoke_result_t<Body, Connection&>;
    if constexpr (std::is_void_v<Result>) {
      with_reader([&](Connection& connection) { body(connection); });
    } else {
      std::optional<Result> result;
      with_reader([&](Connection& connection) { result.emplace(body(connection)); });
      return std::move(*result);
    }
  }

  struct Stats {
    uint64_t commits = 0;
    uint64_t writes = 0;  // writes / commits is the mean group size
  };
  virtual Stats stats() const = 0;

 protected:
  virtual void write_and_wait(const std::function<void(Connection&)>& body) = 0;
  virtual void with_reader(const std::function<void(Connection&)>& body) = 0;
};

struct Migration {
  std::string name;  // "0010_tracking": the order is the order of names
  std::string text;
};
// Applies the migrations that the database does not have, in order, each in a transaction, and records name and SHA-256
// in `schema_version`. failed_precondition if an applied one has another checksum, or the database has one that is not
// in the list.
void migrate(Database& database, std::span<const Migration> migrations);

}  // namespace fettle::sql
