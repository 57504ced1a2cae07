// Reading against DVC's strict schema, and the fields of one output or dependency entry, which `.dvc` files and
// dvc.lock share. For `*_file.cc` sources only, which may include json.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "data/output.h"
#include "json/json.h"

namespace fettle::data {

// One YAML file under its shown name (`./f.dvc`), and the ways it can be refused: all throw invalid_argument in DVC's
// words.
class SchemaFile {
 public:
  using Path = std::vector<std::string>;
  SchemaFile(std::string shown_name, std::string text);

  const std::string& text() const { return text_; }
  // An empty object for an empty file. `'NAME' is invalid.` for bad YAML, `validation failed` when it is not a mapping.
  json::Object parse() const;

  [[noreturn]] void refuse(std::string_view problem, const Path& path) const;
  // `extra keys not allowed` for the first key that is not in `allowed` (separated by blanks).
  void require_keys(const json::Object& object, std::string_view allowed, const Path& path) const;
  const json::Object& object(const json::Value& value, const Path& path) const;
  const json::Array& list(const json::Value& value, const Path& path) const;
  std::string text_of(const json::Value& value, const Path& path) const;
  bool flag(const json::Value& value, const Path& path) const;

 private:
  std::string name_;
  std::string text_;
};

SchemaFile::Path operator/(SchemaFile::Path path, std::string part);

// Keys that an output entry may have, of hash fields and of flags.
inline constexpr std::string_view kHashKeys =
    "md5 etag checksum version_id hash path size nfiles isexec files cloud fs_config remote cache metric plot persist "
    "push desc type "
    "labels meta repo db";

// Fills hash, size, mode and flags from an entry; its path is the caller's business.
void read_entry(const SchemaFile& file, const json::Object& fields, Output& output, const SchemaFile::Path& where);

enum class EntryOrder { hash_first, path_first };  // of `.dvc`, of dvc.lock
json::Object format_entry(const Output& output, EntryOrder order);
// Sets hash, size, nfiles and isexec of an existing entry: in place where the keys exist, appended where not, gone
// where not meant.
void update_entry(json::Object& fields, const Output& output);

}  // namespace fettle::data
