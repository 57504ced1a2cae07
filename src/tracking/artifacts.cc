#include "tracking/artifacts.h"

#include <set>

#include "base/uri.h"
#include "sql/database.h"
#include "tracking/names.h"

namespace fettle::tracking {
namespace {

constexpr std::string_view kOwnerKind = "artifact";

// Paths below `directory` sort between `directory/` and `directory0`: '0' is the character after '/'.
std::pair<std::string, std::string> range_below(const std::string& directory) {
  if (directory.empty()) return {"", "\xf4\x8f\xbf\xbf"};
  return {directory + "/", directory + "0"};
}

ArtifactInfo info_from(const sql::Row& row) {
  return {.path = row.text(0),
          .sha256 = row.text(1),
          .md5 = row.text(2),
          .size_bytes = static_cast<uint64_t>(row.integer(3)),
          .created_ms = row.integer(4)};
}

void forget_owner(sql::Connection& c, const std::string& path) {
  c.exec("delete from blob_owners where kind = $1 and owner = $2", kOwnerKind, path);
}

}  // namespace

Artifacts::Artifacts(sql::Database& database, blob::Store& store, const Clock& clock)
    : database_(database), store_(store), clock_(clock) {}

void Artifacts::put_uploaded(const std::string& raw_path, const blob::Info& info) {
  std::string path = normal_artifact_path(raw_path);
  if (path.empty() || raw_path.ends_with('/')) fail(Code::invalid_argument, "Invalid path");
  int64_t now = clock_.now_ms();
  database_.write([&](sql::Connection& c) {
    forget_owner(c, path);
    c.exec(
        "insert into artifacts (path, sha256, md5, size_bytes, created_ms) values ($1, $2, $3, $4, $5) on conflict "
        "(path) do update set "
        "sha256 = excluded.sha256, md5 = excluded.md5, size_bytes = excluded.size_bytes, created_ms = "
        "excluded.created_ms",
        path, info.sha256, info.md5, info.size_bytes, now);
    c.exec("insert into blob_owners (sha256, kind, owner) values ($1, $2, $3) on conflict do nothing", info.sha256,
           kOwnerKind, path);
  });
}

void Artifacts::put(const std::string& path, std::string_view bytes) {
  normal_artifact_path(path);
  put_uploaded(path, store_.put(bytes));
}

std::optional<ArtifactInfo> Artifacts::find(const std::string& path) const {
  std::string normal = normal_artifact_path(path);
  auto row = database_.read([&](sql::Connection& c) {
    return c.query_one("select path, sha256, md5, size_bytes, created_ms from artifacts where path = $1", normal);
  });
  if (!row) return std::nullopt;
  return info_from(*row);
}

ArtifactInfo Artifacts::get(const std::string& path) const {
  auto found = find(path);
  if (found) return *found;
  if (is_directory(path)) fail(Code::invalid_argument, "Artifact path refers to a directory, not a file: '{}'", path);
  fail(Code::not_found, "No such artifact: '{}'", path);
}

bool Artifacts::is_directory(const std::string& path) const {
  auto [from, to] = range_below(normal_artifact_path(path));
  return database_.read([&](sql::Connection& c) {
    return c.query_one("select path from artifacts where path >= $1 and path < $2 limit 1", from, to).has_value();
  });
}

std::unique_ptr<blob::Reader> Artifacts::open(const ArtifactInfo& info, uint64_t offset,
                                              std::optional<uint64_t> length) const {
  return store_.open(info.sha256, offset, length);
}

std::string Artifacts::read(const std::string& path, uint64_t limit_bytes) const {
  return store_.get(get(path).sha256, limit_bytes);
}

std::vector<ArtifactEntry> Artifacts::list(const std::string& directory) const {
  std::string normal = normal_artifact_path(directory);
  size_t skip = normal.empty() ? 0 : normal.size() + 1;
  std::vector<ArtifactEntry> entries;
  auto [from, to] = range_below(normal);
  // Walks from name to name: the files inside a subdirectory are skipped by one comparison, not read.
  constexpr std::string_view kNext =
      "select path, size_bytes from artifacts where path >= $1 and path < $2 order by path limit 1000";
  database_.read([&, from = from, to = to](sql::Connection& c) {
    std::string at = from;
    for (bool more = true; more;) {
      more = false;
      std::string jump;
      for (const auto& row : c.query(kNext, at, to)) {
        std::string path = row.text(0);
        more = true;
        at = path + '\0';
        if (!jump.empty() && path < jump) continue;
        std::string name = path.substr(skip, path.find('/', skip) - skip);
        bool is_directory = skip + name.size() < path.size();
        entries.push_back({name, is_directory, is_directory ? 0 : static_cast<uint64_t>(row.integer(1))});
        jump = is_directory ? path.substr(0, skip + name.size()) + "0" : "";
      }
      if (!jump.empty() && at < jump) at = jump;
    }
  });
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::vector<ArtifactInfo> Artifacts::list_all(const std::string& directory) const {
  auto [from, to] = range_below(normal_artifact_path(directory));
  std::vector<ArtifactInfo> files;
  auto rows = database_.read([&, from = from, to = to](sql::Connection& c) {
    return c.query(
        "select path, sha256, md5, size_bytes, created_ms from artifacts where path >= $1 and path < $2 order by path",
        from, to);
  });
  for (const auto& row : rows) files.push_back(info_from(row));
  return files;
}

int64_t Artifacts::remove(const std::string& path) {
  std::string normal = normal_artifact_path(path);
  if (normal.empty()) fail(Code::invalid_argument, "Invalid path");
  auto [from, to] = range_below(normal);
  return database_.write([&, from = from, to = to](sql::Connection& c) {
    c.exec("delete from blob_owners where kind = $1 and (owner = $2 or (owner >= $3 and owner < $4))", kOwnerKind,
           normal, from, to);
    return c.exec("delete from artifacts where path = $1 or (path >= $2 and path < $3)", normal, from, to);
  });
}

bool Artifacts::is_owned(const std::string& sha256) const {
  return database_.read([&](sql::Connection& c) {
    return c.query_one("select 1 from blob_owners where sha256 = $1 limit 1", sha256).has_value();
  });
}

std::string Artifacts::path_of(const std::string& artifact_uri, const std::string& below) {
  constexpr std::string_view kScheme = "mlflow-artifacts:";
  if (!artifact_uri.starts_with(kScheme)) {
    fail(Code::unimplemented,
         "artifacts at '{}' are not stored by this server: it reads only 'mlflow-artifacts:/' locations", artifact_uri);
  }
  std::string path = artifact_uri.substr(kScheme.size());
  if (path.starts_with("//")) fail(Code::unimplemented, "artifacts at '{}' are on another server", artifact_uri);
  while (path.starts_with('/')) path.erase(0, 1);
  std::string suffix = normal_artifact_path(below);
  std::string root = normal_artifact_path(path);
  if (suffix.empty()) return root;
  return root.empty() ? suffix : root + "/" + suffix;
}

}  // namespace fettle::tracking
