#include "sql/database.h"

#include <charconv>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "sql/sqlite.h"

namespace fettle::sql {

int64_t Row::integer(size_t column) const {
  const Cell& cell = cells_[column];
  if (auto* value = std::get_if<int64_t>(&cell)) return *value;
  if (auto* value = std::get_if<double>(&cell)) return static_cast<int64_t>(*value);
  if (auto* value = std::get_if<std::string>(&cell)) return parse_int(*value).value_or(0);
  return 0;
}

double Row::real(size_t column) const {
  const Cell& cell = cells_[column];
  if (auto* value = std::get_if<double>(&cell)) return *value;
  if (auto* value = std::get_if<int64_t>(&cell)) return static_cast<double>(*value);
  if (auto* value = std::get_if<std::string>(&cell)) return parse_double(*value).value_or(0);
  return 0;
}

std::string Row::text(size_t column) const {
  const Cell& cell = cells_[column];
  if (auto* value = std::get_if<std::string>(&cell)) return *value;
  if (auto* value = std::get_if<int64_t>(&cell)) return std::to_string(*value);
  if (auto* value = std::get_if<double>(&cell)) return format_double(*value);
  return {};
}

std::string_view Row::view(size_t column) const {
  auto* value = std::get_if<std::string>(&cells_[column]);
  return value == nullptr ? std::string_view{} : *value;
}

std::optional<int64_t> Row::find_integer(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}
std::optional<double> Row::find_real(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return real(column);
}
std::optional<std::string> Row::find_text(size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::unique_ptr<Database> Database::open(const std::string& url, Config config) {
  constexpr std::string_view kSqlite = "sqlite://";
  if (url.starts_with(kSqlite)) {
    std::string rest = url.substr(kSqlite.size());
    if (rest == ":memory:" || rest == "/:memory:") return open_sqlite_temporary(config);
    if (rest.size() > 1 && rest.front() == '/') return open_sqlite(rest.substr(1), config);
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    fail(Error{Code::unimplemented, "PostgreSQL is not supported by this version", {}, "use sqlite:///PATH"});
  }
  fail(Code::invalid_argument, "database URL '{}': expected sqlite:///relative.db or sqlite:////absolute.db", url);
}

void migrate(Database& database, std::span<const Migration> migrations) {
  database.write([&](Connection& connection) {
    connection.exec_script(
        "create table if not exists schema_version (name text primary key, checksum text not null, applied_order "
        "bigint not null)");
    std::map<std::string, std::string> applied;
    for (const auto& row : connection.query("select name, checksum from schema_version")) {
      applied.emplace(row.text(0), row.text(1));
    }
    auto order = static_cast<int64_t>(applied.size());
    for (const auto& migration : migrations) {
      std::string checksum = sha256_hex(migration.text);
      auto found = applied.find(migration.name);
      if (found == applied.end()) {
        connection.exec_script(migration.text);
        connection.exec("insert into schema_version (name, checksum, applied_order) values ($1, $2, $3)",
                        migration.name, checksum, order++);
        continue;
      }
      if (found->second != checksum) {
        fail(Code::failed_precondition,
             "migration '{}' was applied with another content: the database was made by another build", migration.name);
      }
      applied.erase(found);
    }
    if (!applied.empty()) {
      fail(Error{
          Code::failed_precondition,
          fmt::format("the database has migration '{}', which this version does not know", applied.begin()->first),
          {},
          "open it with the newer version that wrote it"});
    }
  });
}

}  // namespace fettle::sql
