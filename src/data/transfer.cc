#include "data/transfer.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/failures.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

struct Object {
  std::string oid;
  Algorithm algorithm = Algorithm::md5;
  std::string name;  // for people
};

bool by_id(const Object& a, const Object& b) { return a.oid < b.oid; }

Cache open_remote(const Config::Remote& remote) {
  if (remote.directory.empty()) {
    fail(Error{Code::unimplemented,
               fmt::format("remote '{}' is '{}': only directories can be remotes yet", remote.name, remote.url),
               {},
               "fettle remote add -d NAME /path/to/a/directory"});
  }
  return Cache(remote.directory, {.link_types = {LinkType::copy}});
}

bool is_meant(const TransferItem& item, const std::string& path) {
  if (item.inside.empty()) return true;
  std::string full = (item.output.location / path).native();
  return full == item.inside.native() || full.starts_with(item.inside.native() + "/");
}

std::vector<Object> children_of(const TransferItem& item, const Tree& tree) {
  std::vector<Object> objects;
  for (const TreeEntry& entry : tree.entries) {
    if (is_meant(item, entry.path))
      objects.push_back({entry.md5, item.output.algorithm, item.output.path + "/" + entry.path});
  }
  return objects;
}

void make_unique(std::vector<Object>& objects) {
  std::sort(objects.begin(), objects.end(), by_id);
  objects.erase(
      std::unique(objects.begin(), objects.end(), [](const Object& a, const Object& b) { return a.oid == b.oid; }),
      objects.end());
}

// Copies what `to` lacks. What `from` has not, or has damaged, is reported.
void copy_objects(Repository& repository, const Cache& from, Cache& to, const std::vector<Object>& objects,
                  TransferReport& report) {
  std::atomic<size_t> moved = 0;
  std::mutex mutex;
  parallel_for(objects.size(), [&](size_t i) {
    const Object& object = objects[i];
    if (to.has(object.oid, object.algorithm)) return;
    std::error_code ignored;
    fs::path source = from.object_path(object.oid, object.algorithm);
    uint64_t size = fs::file_size(source, ignored);
    std::string problem;
    if (ignored) {
      problem = fmt::format("{} ({})", object.oid, object.name);
    } else {
      try {
        to.add_file_as(source, object.oid, object.algorithm);
        ++moved;
        repository.progress().advance(size);
        return;
      } catch (const Failure& failure) {
        if (failure.code() != Code::data_loss) throw;
        problem = fmt::format("{} ({})", failure.what(), object.name);
      }
    }
    std::lock_guard lock(mutex);
    report.missing.push_back(std::move(problem));
  });
  report.moved += moved;
  std::sort(report.missing.begin(), report.missing.end());
}

size_t copy_runs(const fs::path& from, const fs::path& to) {
  size_t copied = 0;
  std::error_code ignored;
  if (!fs::is_directory(from, ignored)) return 0;
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (!entry.is_regular_file()) continue;
    fs::path target = to / entry.path().lexically_relative(from);
    if (fs::exists(target, ignored)) continue;
    fs::create_directories(target.parent_path());
    write_file_atomic(target, read_file(entry.path(), uint64_t{64} << 20));
    ++copied;
  }
  return copied;
}

std::vector<Object> plain_objects(const std::vector<TransferItem>& items) {
  std::vector<Object> objects;
  for (const TransferItem& item : items) {
    if (!is_directory_id(item.output.oid))
      objects.push_back({item.output.oid, item.output.algorithm, item.output.path});
  }
  return objects;
}

}  // namespace

Config::Remote choose_remote(const Repository& repository, const std::string& name) {
  if (!name.empty()) return repository.config().remote(name);
  std::optional<std::string> standard = repository.config().find("core", "remote");
  if (standard) return repository.config().remote(*standard);
  std::string advice = repository.config().remotes().empty()
                           ? "Create a default remote with\n    dvc remote add -d <remote name> <remote url>"
                           : "Setup default remote with\n    dvc remote default <remote name>\nor use:\n    dvc "
                             "<command> -r <remote name>";
  throw ConfigFailure(Error{Code::not_found, fmt::format("config file error: no remote specified in {}. {}",
                                                         repository.root().string(), advice)});
}

TransferReport push(Repository& repository, const Config::Remote& remote, const std::vector<TransferItem>& items) {
  Cache target = open_remote(remote);
  TransferReport report;
  std::vector<Object> files = plain_objects(items);
  std::vector<std::pair<Object, std::vector<Object>>> directories;
  for (const TransferItem& item : items) {
    if (!is_directory_id(item.output.oid)) continue;
    Object own{item.output.oid, item.output.algorithm, item.output.path};
    if (item.inside.empty() && target.has(own.oid, own.algorithm)) {
      Outcome<Tree> tree = outcome_of([&] { return target.read_tree(own.oid, own.algorithm); });
      if (tree && tree->entries.size() > 1'000)
        continue;  // its presence promises its files; small ones are looked at anyway
    }
    if (!repository.cache().has(own.oid, own.algorithm)) {
      if (!target.has(own.oid, own.algorithm)) report.missing.push_back(fmt::format("{} ({})", own.oid, own.name));
      continue;
    }
    std::vector<Object> children = children_of(item, repository.cache().read_tree(own.oid, own.algorithm));
    files.insert(files.end(), children.begin(), children.end());
    if (item.inside.empty()) directories.emplace_back(own, std::move(children));
  }
  make_unique(files);
  repository.progress().start("push", files.size() + directories.size(), 0);
  copy_objects(repository, repository.cache(), target, files, report);
  std::vector<Object> complete;
  for (const auto& [own, children] : directories) {
    bool all = std::all_of(children.begin(), children.end(),
                           [&](const Object& child) { return target.has(child.oid, child.algorithm); });
    if (all) complete.push_back(own);
  }
  make_unique(complete);
  copy_objects(repository, repository.cache(), target, complete, report);
  return report;
}

TransferReport fetch(Repository& repository, const Config::Remote& remote, const std::vector<TransferItem>& items) {
  Cache source = open_remote(remote);
  TransferReport report;
  std::vector<Object> directories;
  for (const TransferItem& item : items) {
    if (is_directory_id(item.output.oid))
      directories.push_back({item.output.oid, item.output.algorithm, item.output.path});
  }
  make_unique(directories);
  copy_objects(repository, source, repository.cache(), directories, report);
  std::vector<Object> files = plain_objects(items);
  for (const TransferItem& item : items) {
    if (!is_directory_id(item.output.oid) || !repository.cache().has(item.output.oid, item.output.algorithm)) continue;
    std::vector<Object> children =
        children_of(item, repository.cache().read_tree(item.output.oid, item.output.algorithm));
    files.insert(files.end(), children.begin(), children.end());
  }
  make_unique(files);
  repository.progress().start("fetch", files.size(), 0);
  copy_objects(repository, source, repository.cache(), files, report);
  return report;
}

std::vector<CloudDifference> compare_with_remote(Repository& repository, const Config::Remote& remote,
                                                 const std::vector<TransferItem>& items) {
  Cache target = open_remote(remote);
  std::vector<Object> objects = plain_objects(items);
  for (const TransferItem& item : items) {
    if (!is_directory_id(item.output.oid)) continue;
    const Cache* holder =
        repository.cache().has(item.output.oid, item.output.algorithm) ? &repository.cache() : &target;
    objects.push_back({item.output.oid, item.output.algorithm, item.output.path});
    if (!holder->has(item.output.oid, item.output.algorithm)) continue;
    std::vector<Object> children = children_of(item, holder->read_tree(item.output.oid, item.output.algorithm));
    objects.insert(objects.end(), children.begin(), children.end());
  }
  make_unique(objects);
  std::vector<CloudDifference> differences;
  for (const Object& object : objects) {
    bool local = repository.cache().has(object.oid, object.algorithm);
    bool there = target.has(object.oid, object.algorithm);
    if (local && there) continue;
    differences.push_back({object.name, local   ? CloudState::only_local
                                        : there ? CloudState::only_remote
                                                : CloudState::missing});
  }
  std::sort(differences.begin(), differences.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return differences;
}

size_t push_run_cache(Repository& repository, const Config::Remote& remote) {
  open_remote(remote);
  return copy_runs(repository.cache().directory() / "runs", remote.directory / "runs");
}

size_t fetch_run_cache(Repository& repository, const Config::Remote& remote) {
  open_remote(remote);
  return copy_runs(remote.directory / "runs", repository.cache().directory() / "runs");
}

}  // namespace fettle::data
