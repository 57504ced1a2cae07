#include <filesystem>

#include "base/file.h"
#include "data/dvc_file.h"
#include "data/repository.h"
#include "data/tree.h"
#include "pipelines/dvc_lock.h"
#include "pipelines/dvc_yaml.h"
#include "target.h"

namespace fettle::fuzz {
namespace {

namespace fs = std::filesystem;

// A repository that lives as long as the process.
struct Place {
  TemporaryDirectory directory;
  data::Repository repository{[this] {
    data::Repository::init(directory.path(), {.no_scm = true});
    return data::Repository::open(directory.path());
  }()};
};

void check_tree(std::string_view bytes) {
  data::Tree tree;
  if (!accepts([&] { tree = data::decode_tree(bytes, "00000000000000000000000000000000.dir"); })) return;
  for (const auto& entry : tree.entries) {
    fs::path path(entry.path);
    FETTLE_CHECK(!entry.path.empty() && path.is_relative(), "an entry outside its directory");
    for (const auto& part : path)
      FETTLE_CHECK(part != ".." && part != ".git" && part != ".dvc", "an entry that leaves its directory");
    FETTLE_CHECK(data::is_object_id(entry.md5), "an entry without an object");
  }
  FETTLE_CHECK(data::decode_tree(data::encode_tree(tree), "00000000000000000000000000000000.dir") == tree,
               "writing and reading change nothing");
}

}  // namespace

// `.dir` objects, `.dvc` files, dvc.yaml, dvc.lock and run-cache files: the same bytes as each of them.
void dvc_files(std::string_view bytes) {
  check_tree(bytes);
  static Place place;
  const fs::path root = place.directory.path();
  for (const char* name : {"data.dvc", "dvc.yaml", "dvc.lock"}) write_file_atomic(root / name, bytes);
  accepts([&] { data::load_dvc_file(place.repository, root / "data.dvc"); });
  accepts([&] {
    for (const auto& stage : pipelines::load_dvc_yaml(place.repository, root / "dvc.yaml").stages)
      FETTLE_CHECK(!stage.name.empty(), "a stage without a name");
  });
  accepts([&] { pipelines::load_lock(place.repository, root / "dvc.lock"); });
  accepts([&] { pipelines::parse_run_cache(std::string(bytes)); });
}

}  // namespace fettle::fuzz
