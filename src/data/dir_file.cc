// Reading of `.dir` objects, which come from caches and remotes that others write to: nothing in them is trusted.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/tree.h"
#include "json/json.h"

namespace fettle::data {
namespace {

[[noreturn]] void malformed(std::string_view oid, std::string_view what) {
  fail(Error{Code::data_loss,
             fmt::format("object {} is malformed: {}", oid, what),
             {},
             "fetch it again, or check out another version of this directory"});
}

void check_path(std::string_view path, std::string_view oid) {
  if (path.empty()) malformed(oid, "an entry has an empty path");
  if (path.find('\0') != std::string_view::npos) malformed(oid, "a path holds a NUL byte");
  for (std::string_view part : split(path, '/')) {
    if (part == ".." || path[0] == '/') malformed(oid, fmt::format("path '{}' leaves the directory", path));
    if (part.empty() || part == ".") malformed(oid, fmt::format("path '{}' has an empty part", path));
    if (part == ".git" || part == ".dvc") malformed(oid, fmt::format("path '{}' reaches into '{}'", path, part));
  }
}

TreeEntry read_entry(const json::Value& value, std::string_view oid) {
  const json::Object* object = value.if_object();
  if (object == nullptr) malformed(oid, "an entry is not an object");
  const json::Value* md5 = object->if_contains("md5");
  const json::Value* path = object->if_contains("relpath");
  if (md5 == nullptr || !md5->is_string() || !is_object_id(md5->get_string()) || is_directory_id(md5->get_string())) {
    malformed(oid, "an entry has no valid md5");
  }
  if (path == nullptr || !path->is_string()) malformed(oid, "an entry has no path");
  TreeEntry entry{std::string(path->get_string()), std::string(md5->get_string())};
  check_path(entry.path, oid);
  return entry;
}

}  // namespace

Tree decode_tree(std::string_view encoded, std::string_view oid) {
  json::Value document;
  try {
    document = json::parse(encoded);
  } catch (const Failure& failure) {
    malformed(oid, failure.what());
  }
  if (!document.is_array()) malformed(oid, "it is not a list");
  Tree tree;
  tree.entries.reserve(document.get_array().size());
  for (const json::Value& value : document.get_array()) tree.entries.push_back(read_entry(value, oid));
  std::sort(tree.entries.begin(), tree.entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  for (size_t i = 1; i < tree.entries.size(); ++i) {
    const std::string& before = tree.entries[i - 1].path;
    if (tree.entries[i].path == before) malformed(oid, fmt::format("path '{}' stands twice", before));
  }
  for (const TreeEntry& entry : tree.entries) {
    std::string inside = entry.path + "/";
    auto next = std::lower_bound(tree.entries.begin(), tree.entries.end(), inside,
                                 [](const TreeEntry& e, const std::string& p) { return e.path < p; });
    if (next != tree.entries.end() && next->path.starts_with(inside))
      malformed(oid, fmt::format("'{}' is both a file and a directory", entry.path));
  }
  return tree;
}

}  // namespace fettle::data
