#include "sql/sqlite.h"

#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/bounded_queue.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread_pool.h"

namespace fettle::sql {
namespace {

constexpr size_t kStatementCacheLimit = 256;  // prepared statements a connection

Code code_of(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Code::already_exists;
    default: break;
  }
  switch (extended & 0xFF) {
    case SQLITE_CONSTRAINT: return Code::failed_precondition;
    case SQLITE_FULL: return Code::resource_exhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::data_loss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return Code::permission_denied;
    case SQLITE_TOOBIG: return Code::invalid_argument;
    default: return Code::internal;
  }
}

[[noreturn]] void fail_sqlite(sqlite3* db, std::string_view doing) {
  int code = db == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(db);
  fail(code_of(code), "database: {}: {}", doing, db == nullptr ? "out of memory" : sqlite3_errmsg(db));
}

struct StatementDeleter {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementDeleter>;

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(const std::filesystem::path& file, const Config& config, bool writable) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (writable ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
      std::string message = db_ == nullptr ? "out of memory" : sqlite3_errmsg(db_);
      sqlite3_close(db_);
      fail(Code::permission_denied, "cannot open the database '{}': {}", file.string(), message);
    }
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, static_cast<int>(config.busy_timeout_ms));
    if (writable) exec_script("pragma journal_mode = wal");
    exec_script(config.durable ? "pragma synchronous = full" : "pragma synchronous = normal");
    exec_script(
        "pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -8192; pragma mmap_size = "
        "268435456");
    exec_script("pragma case_sensitive_like = on");  // as PostgreSQL's like
    if (!writable) exec_script("pragma query_only = on");
  }
  ~SqliteConnection() override {
    statements_.clear();
    sqlite3_close_v2(db_);
  }
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  void exec_script(std::string_view text) override {
    if (sqlite3_exec(db_, std::string(text).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      fail_sqlite(db_, "script");
  }
  void command(const char* text) { exec(text); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

 protected:
  int64_t run(std::string_view text, std::span<const Value> values,
              const std::function<void(const Row&)>& row) override {
    sqlite3_stmt* statement = prepare(text);
    struct Reset {
      sqlite3_stmt* statement;
      ~Reset() {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
      }
    } reset{statement};
    bind(statement, values, text);
    int columns = sqlite3_column_count(statement);
    while (true) {
      int code = sqlite3_step(statement);
      if (code == SQLITE_DONE) break;
      if (code != SQLITE_ROW) fail_sqlite(db_, "statement");
      row(read_row(statement, columns));
    }
    return sqlite3_changes64(db_);
  }

 private:
  sqlite3_stmt* prepare(std::string_view text) {
    std::string key(text);
    if (auto found = statements_.find(key); found != statements_.end()) return found->second.get();
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v3(db_, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                  &statement, nullptr);
    if (code != SQLITE_OK) fail_sqlite(db_, "prepare");
    if (statements_.size() >= kStatementCacheLimit) statements_.clear();
    statements_.emplace(std::move(key), Statement(statement));
    return statement;
  }

  // SQLite numbers $1, $2 by first appearance, so parameters are found by name.
  void bind(sqlite3_stmt* statement, std::span<const Value> values, std::string_view text) {
    for (size_t i = 0; i < values.size(); ++i) {
      char name[12];
      *fmt::format_to_n(name, sizeof name - 1, "${}", i + 1).out = '\0';
      // Mostly the i-th; looking a name up is a linear search.
      int at = static_cast<int>(i) + 1;
      const char* there = sqlite3_bind_parameter_name(statement, at);
      if (there == nullptr || std::string_view(there) != name) at = sqlite3_bind_parameter_index(statement, name);
      if (at == 0) fail(Code::internal, "statement has no parameter {}: {}", name, text);
      int code = std::visit([&](const auto& value) { return bind_one(statement, at, value); }, values[i]);
      if (code != SQLITE_OK) fail_sqlite(db_, "bind");
    }
  }

  static int bind_one(sqlite3_stmt* s, int at, std::monostate) { return sqlite3_bind_null(s, at); }
  static int bind_one(sqlite3_stmt* s, int at, int64_t value) { return sqlite3_bind_int64(s, at, value); }
  // SQLite stores NaN as NULL: stores that keep NaN encode it themselves.
  static int bind_one(sqlite3_stmt* s, int at, double value) { return sqlite3_bind_double(s, at, value); }
  static int bind_one(sqlite3_stmt* s, int at, std::string_view value) {
    const char* data = value.data() == nullptr ? "" : value.data();
    return sqlite3_bind_text64(s, at, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  static int bind_one(sqlite3_stmt* s, int at, Bytes value) {
    const char* data = value.bytes.data() == nullptr ? "" : value.bytes.data();
    return sqlite3_bind_blob64(s, at, data, value.bytes.size(), SQLITE_STATIC);
  }

  static Row read_row(sqlite3_stmt* statement, int columns) {
    std::vector<Cell> cells(static_cast<size_t>(columns));
    for (int i = 0; i < columns; ++i) {
      Cell& cell = cells[static_cast<size_t>(i)];
      switch (sqlite3_column_type(statement, i)) {
        case SQLITE_NULL: break;
        case SQLITE_INTEGER: cell = static_cast<int64_t>(sqlite3_column_int64(statement, i)); break;
        case SQLITE_FLOAT: cell = sqlite3_column_double(statement, i); break;
        default: {
          const void* data = sqlite3_column_blob(statement, i);
          auto size = static_cast<size_t>(sqlite3_column_bytes(statement, i));
          cell = data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
        }
      }
    }
    return Row(std::move(cells));
  }

  sqlite3* db_ = nullptr;
  std::unordered_map<std::string, Statement> statements_;
};

struct PendingWrite {
  std::function<void(Connection&)> body;
  std::function<void(std::optional<Failure>)> done;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::filesystem::path& file, Config config, std::unique_ptr<TemporaryDirectory> temporary)
      : temporary_(std::move(temporary)),
        config_(config),
        writer_(file, config, true),
        queue_(config.write_queue_limit) {
    for (size_t i = 0; i < config_.readers; ++i)
      readers_.push_back(std::make_unique<SqliteConnection>(file, config_, false));
    writer_thread_ = std::jthread([this] { write_loop(); });
  }
  ~SqliteDatabase() override { queue_.close(); }

  void write_async(std::function<void(Connection&)> body, std::function<void(std::optional<Error>)> done) override {
    auto finish = [done](std::optional<Failure> failure) {
      done(failure ? std::optional(failure->error()) : std::nullopt);
    };
    if (!queue_.try_push(PendingWrite{std::move(body), finish})) done(queue_full());
  }

  Stats stats() const override { return {.commits = commits_, .writes = writes_}; }

 protected:
  void write_and_wait(const std::function<void(Connection&)>& body) override {
    std::mutex mutex;
    std::condition_variable ready;
    bool finished = false;
    std::optional<Failure> failure;
    auto done = [&](std::optional<Failure> result) {
      std::lock_guard lock(mutex);
      failure = std::move(result);
      finished = true;
      ready.notify_one();
    };
    if (!queue_.try_push(PendingWrite{[&body](Connection& connection) { body(connection); }, done})) fail(queue_full());
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return finished; });
    if (failure) throw *failure;
  }

  void with_reader(const std::function<void(Connection&)>& body) override {
    std::unique_ptr<SqliteConnection> reader = take_reader();
    struct Return {
      SqliteDatabase* database;
      std::unique_ptr<SqliteConnection>* reader;
      ~Return() {
        if ((*reader)->in_transaction()) {
          try {
            (*reader)->command("rollback");
          } catch (const Failure& failure) {
            log_warn("a read transaction did not end", {{"error", failure.what()}});
          }
        }
        database->give_back(std::move(*reader));
      }
    } give_back{this, &reader};
    reader->command("begin");
    body(*reader);
    reader->command("commit");
  }

 private:
  Error queue_full() const {
    if (queue_.closed()) return {Code::unavailable, "the database is closing"};
    return {Code::resource_exhausted,
            fmt::format("{} writes are waiting already", config_.write_queue_limit),
            {},
            "retry after a moment, or raise sql.write_queue_limit"};
  }

  std::unique_ptr<SqliteConnection> take_reader() {
    std::unique_lock lock(readers_mutex_);
    reader_ready_.wait(lock, [&] { return !readers_.empty(); });
    auto reader = std::move(readers_.back());
    readers_.pop_back();
    return reader;
  }
  void give_back(std::unique_ptr<SqliteConnection> reader) {
    {
      std::lock_guard lock(readers_mutex_);
      readers_.push_back(std::move(reader));
    }
    reader_ready_.notify_one();
  }

  void write_loop() {
    name_thread("sql-writer");
    while (true) {
      std::vector<PendingWrite> group = queue_.pop_many(config_.group_limit);
      if (group.empty()) return;
      std::vector<std::optional<Failure>> results(group.size());
      run_group(group, results);
      ++commits_;
      writes_ += group.size();
      for (size_t i = 0; i < group.size(); ++i) group[i].done(std::move(results[i]));
    }
  }

  // One transaction for the group; each body in a savepoint of its own. What breaks the transaction itself fails
  // everybody in it.
  void run_group(std::vector<PendingWrite>& group, std::vector<std::optional<Failure>>& results) {
    try {
      writer_.command("begin immediate");
      for (size_t i = 0; i < group.size(); ++i) {
        writer_.command("savepoint one");
        results[i] = run_one(group[i]);
        if (results[i]) writer_.command("rollback to one");
        writer_.command("release one");
      }
      writer_.command("commit");
    } catch (const Failure& failure) {
      log_error("a write transaction failed", {{"error", failure.what()}});
      for (auto& result : results) result = result.value_or(failure);
      if (writer_.in_transaction()) roll_back();
    }
  }

  std::optional<Failure> run_one(PendingWrite& write) {
    try {
      write.body(writer_);
      return std::nullopt;
    } catch (...) {
      return Failure(error_from_current_exception());
    }
  }

  void roll_back() {
    try {
      writer_.command("rollback");
    } catch (const Failure& failure) {
      log_error("a write transaction could not be rolled back", {{"error", failure.what()}});
    }
  }

  // Before the connections, so that it goes after them.
  std::unique_ptr<TemporaryDirectory> temporary_;
  const Config config_;
  SqliteConnection writer_;  // only the writer's thread
  BoundedQueue<PendingWrite> queue_;
  std::mutex readers_mutex_;
  std::condition_variable reader_ready_;
  std::vector<std::unique_ptr<SqliteConnection>> readers_;
  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> writes_{0};
  std::jthread writer_thread_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const std::filesystem::path& file, const Config& config) {
  return std::make_unique<SqliteDatabase>(file, config, nullptr);
}

std::unique_ptr<Database> open_sqlite_temporary(const Config& config) {
  auto directory = std::make_unique<TemporaryDirectory>();
  auto file = directory->path() / "fettle.db";
  return std::make_unique<SqliteDatabase>(file, config, std::move(directory));
}

}  // namespace fettle::sql
