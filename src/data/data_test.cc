#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/config.h"
#include "data/dvc_file.h"
#include "data/failures.h"
#include "data/ignore.h"
#include "data/repository.h"
#include "data/transfer.h"
#include "data/tree.h"
#include "data/workspace.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "none";
}

class RepositoryTest : public testing::Test {
 protected:
  RepositoryTest() : root(fs::canonical(directory.path()) / "repo") {
    fs::create_directories(root);
    Repository::init(root, {.no_scm = true});
  }
  Repository open() { return Repository::open(root); }
  Output output(const std::string& name) { return DvcFile::for_path(root / name).outs[0]; }

  TemporaryDirectory directory;
  fs::path root;
};

// Vectors of spec data-versioning 1.3, read from DVC.
TEST(DirectoryObject, HasDvcsBytesAndName) {
  EXPECT_EQ(tree_id(encode_tree({})), "d751713988987e9331980363e24189ce.dir");
  Tree small{{{"a", md5_hex("1\n")}, {"s/b", md5_hex("2\n")}}};
  EXPECT_EQ(tree_id(encode_tree(small)), "2f83d11e62144c050f1158231deb8507.dir");
  std::vector<std::string> names = {"😀",
                                    "a\x7f"
                                    "b",
                                    "tab\there",
                                    "q\"uote",
                                    "back\\slash",
                                    "nl\nx",
                                    "a-b",
                                    "a0",
                                    "é"
                                    "nfc",
                                    "e\xcc\x81nfd",
                                    "zz~"};
  Tree odd;
  for (const std::string& name : names) odd.entries.push_back({name, md5_hex(name)});
  odd.entries.push_back({"a/b", md5_hex("x")});
  std::sort(odd.entries.begin(), odd.entries.end(), [](const auto& x, const auto& y) { return x.path < y.path; });
  EXPECT_EQ(tree_id(encode_tree(odd)), "721c29fc744969e2febfb9a97546d832.dir");
  EXPECT_EQ(decode_tree(encode_tree(odd), "x.dir"), odd);
}

TEST(DirectoryObject, UnsafeListingsAreRefused) {
  std::string md5 = md5_hex("x");
  auto problem = [&](std::string_view paths) { return message_of([&] { decode_tree(paths, "OID.dir"); }); };
  auto entry = [&](std::string_view path) { return fmt::format(R"({{"md5": "{}", "relpath": "{}"}})", md5, path); };
  EXPECT_EQ(problem("[" + entry("../x") + "]"), "object OID.dir is malformed: path '../x' leaves the directory");
  for (const char* path : {"/x", "a/../b", "", "a//b", "./a", ".git/x", "a/.dvc/b", "a\\u0000b"}) {
    EXPECT_NE(problem("[" + entry(path) + "]").find("is malformed"), std::string::npos) << path;
  }
  EXPECT_NE(problem("[" + entry("a") + "," + entry("a") + "]").find("stands twice"), std::string::npos);
  EXPECT_NE(
      problem("[" + entry("a") + "," + entry("a-b") + "," + entry("a/b") + "]").find("both a file and a directory"),
      std::string::npos);
  for (const char* text : {"", "{}", "[1]", R"([{"relpath": "a"}])", R"([{"md5": "zz", "relpath": "a"}])", "[[[[[[["}) {
    EXPECT_NE(problem(text).find("is malformed"), std::string::npos) << text;
  }
}

TEST(FileHash, Dos2UnixTreatsTextAndBinaryApart) {
  TemporaryDirectory dir;
  write(dir.path() / "text", "x\r\ny\r\n");
  write(dir.path() / "binary", std::string("x\r\n\0y", 5));
  EXPECT_EQ(file_md5(dir.path() / "text"), md5_hex("x\r\ny\r\n"));
  EXPECT_EQ(file_md5(dir.path() / "text", Algorithm::md5_dos2unix), md5_hex("x\ny\n"));
  EXPECT_EQ(file_md5(dir.path() / "binary", Algorithm::md5_dos2unix), md5_hex(std::string("x\r\n\0y", 5)));
}

TEST(ConfigDialect, ReadsAndWritesAsDvc) {
  ConfigFile file = ConfigFile::parse("[core]\n    Remote = o  # why\n\n['remote \"o\"']\n    url = \"s3://b/a,b\"\n");
  EXPECT_EQ(*file.find("core", "remote"), "o");
  EXPECT_EQ(*file.find("remote \"o\"", "url"), "s3://b/a,b");
  file.set("cache", "type", "hardlink,copy");
  EXPECT_EQ(
      file.format(),
      "[core]\n    remote = o\n[cache]\n    type = \"hardlink,copy\"\n['remote \"o\"']\n    url = \"s3://b/a,b\"\n");
  file.validate();
  file.set("core", "zzz", "1");
  EXPECT_EQ(message_of([&] { file.validate(); }),
            "configuration error - config file error: extra keys not allowed @ data['core']['zzz']");
  EXPECT_EQ(message_of([] { ConfigFile::parse("[core"); }),
            "configuration error - config file error: Invalid line ('[core') (matched as neither section nor keyword) "
            "at line 1.");
}

TEST(IgnorePatterns, FollowGitignore) {
  EXPECT_TRUE(match_ignore_pattern("*.csv", "a.csv"));
  EXPECT_FALSE(match_ignore_pattern("*.csv", "d/a.csv"));
  EXPECT_TRUE(match_ignore_pattern("**/x", "a/b/x"));
  EXPECT_TRUE(match_ignore_pattern("**/x", "x"));
  EXPECT_TRUE(match_ignore_pattern("a/**", "a/b/c"));
  EXPECT_TRUE(match_ignore_pattern("[!a]?\\*", "bc*"));
  EXPECT_FALSE(match_ignore_pattern("[a", "a"));
  IgnoreRules rules;
  rules.add("", "*.log\n!keep.log\n/build\ntmp/\n# comment\n");
  rules.add("sub", "/own\n");
  EXPECT_TRUE(rules.ignores("d/x.log", false));
  EXPECT_FALSE(rules.ignores("d/keep.log", false));
  EXPECT_TRUE(rules.ignores("build/deep/file", false));
  EXPECT_FALSE(rules.ignores("d/build", true));
  EXPECT_TRUE(rules.ignores("d/tmp/x", false));
  EXPECT_FALSE(rules.ignores("tmp", false));
  EXPECT_TRUE(rules.ignores("sub/own", false));
  EXPECT_FALSE(rules.ignores("own", false));
}

TEST(GitIgnoreUpkeep, AppendsEscapedAndRemovesWithTheLastLine) {
  TemporaryDirectory dir;
  write(dir.path() / ".gitignore", "/old");
  add_git_ignore(dir.path() / "[x]*.txt");
  EXPECT_EQ(read_file(dir.path() / ".gitignore"), "/old\n/\\[x\\]\\*.txt\n");
  EXPECT_TRUE(remove_git_ignore(dir.path() / "[x]*.txt"));
  EXPECT_TRUE(remove_git_ignore(dir.path() / "old"));
  EXPECT_FALSE(fs::exists(dir.path() / ".gitignore"));
}

TEST_F(RepositoryTest, OnlyMode0444IsTrusted) {
  Repository repository = open();
  write(root / "f", "content");
  std::string oid = repository.cache().add_file(root / "f");
  fs::path object = repository.cache().object_path(oid);
  EXPECT_TRUE(repository.cache().has(oid));
  ::chmod(object.c_str(), 0644);
  EXPECT_TRUE(repository.cache().has(oid));
  struct stat info{};
  ::stat(object.c_str(), &info);
  EXPECT_EQ(info.st_mode & 07777, 0444u);
  ::chmod(object.c_str(), 0644);
  write(object, "other");
  EXPECT_FALSE(repository.cache().has(oid));
  EXPECT_FALSE(fs::exists(object));
  EXPECT_FALSE(repository.cache().has("../../etc/passwd"));
}

TEST_F(RepositoryTest, StatesOfAnOutput) {
  Repository repository = open();
  Output out = output("d");
  EXPECT_EQ(state_of(repository, out), OutputState::deleted);
  write(root / "d/x", "1");
  EXPECT_EQ(state_of(repository, out), OutputState::added);
  save(repository, out, true);
  EXPECT_EQ(state_of(repository, out), OutputState::unchanged);
  EXPECT_EQ(out.files, 1);
  write(root / "d/y", "2");
  EXPECT_EQ(state_of(repository, out), OutputState::modified);
  fs::remove_all(repository.cache().directory());
  EXPECT_EQ(state_of(repository, out), OutputState::not_in_cache);
}

TEST_F(RepositoryTest, CheckoutTurnsAFileIntoADirectoryAndBack) {
  Repository repository = open();
  Output as_file = output("d");
  write(root / "d", "file");
  save(repository, as_file, true);
  fs::remove(root / "d");
  Output as_directory = output("d");
  write(root / "d/deep/x", "1");
  save(repository, as_directory, true);
  EXPECT_EQ(checkout(repository, as_file, {}), CheckoutChange::modified);
  EXPECT_EQ(read_file(root / "d"), "file");
  EXPECT_EQ(checkout(repository, as_directory, {}), CheckoutChange::modified);
  EXPECT_EQ(read_file(root / "d/deep/x"), "1");
  EXPECT_EQ(checkout(repository, as_directory, {}), CheckoutChange::none);
}

TEST_F(RepositoryTest, CheckoutDoesNotWriteThroughALink) {
  Repository repository = open();
  Output out = output("d");
  write(root / "d/s/x", "1");
  save(repository, out, true);
  fs::remove_all(root / "d/s");
  fs::create_directories(directory.path() / "elsewhere");
  fs::create_directory_symlink(directory.path() / "elsewhere", root / "d/s");
  EXPECT_NE(message_of([&] { checkout(repository, out, {}); }).find("is a symbolic link"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(directory.path() / "elsewhere"));
}

TEST_F(RepositoryTest, TheStateIsForgottenWhenAFileChanges) {
  write(root / "f", "1");
  Output out = output("f");
  {
    Repository repository = open();
    save(repository, out, true);
  }
  write(root / "f", "2");  // same size, maybe the same tick
  Repository repository = open();
  EXPECT_EQ(state_of(repository, out), OutputState::modified);
}

TEST_F(RepositoryTest, PushSendsFilesBeforeTheirDirectoryAndFetchVerifies) {
  Repository repository = open();
  Output out = output("d");
  write(root / "d/x", "1");
  write(root / "d/y", "2");
  save(repository, out, true);
  Config::Remote remote{"r", "", directory.path() / "remote"};
  ::unlink(repository.cache().object_path(md5_hex("2")).c_str());
  TransferReport partial = push(repository, remote, {{out, {}}});
  EXPECT_EQ(partial.moved, 1u);
  EXPECT_EQ(partial.missing.size(), 1u);
  Cache target(remote.directory, {});
  EXPECT_FALSE(target.has(out.oid)) << "a directory object promises its files";
  repository.cache().add_file(root / "d/y");
  EXPECT_EQ(push(repository, remote, {{out, {}}}).moved, 2u);
  EXPECT_EQ(push(repository, remote, {{out, {}}}).moved, 0u);
  fs::remove_all(repository.cache().directory());
  fs::path damaged = target.object_path(md5_hex("1"));
  ::chmod(damaged.c_str(), 0644);
  write(damaged, "9");
  ::chmod(damaged.c_str(), 0444);
  TransferReport fetched = fetch(repository, remote, {{out, {}}});
  EXPECT_EQ(fetched.moved, 2u);
  ASSERT_EQ(fetched.missing.size(), 1u);
  EXPECT_NE(fetched.missing[0].find("is corrupt"), std::string::npos);
  EXPECT_FALSE(repository.cache().has(md5_hex("1")));
}

TEST_F(RepositoryTest, ALockedRepositoryIsRefused) {
  Repository repository = open();
  RepositoryLock held(repository.temporary_dir() / "lock", {.attempts = 1});
  EXPECT_THROW(RepositoryLock(repository.temporary_dir() / "lock", {.attempts = 1}), LockFailure);
  held.release();
  RepositoryLock now(repository.temporary_dir() / "lock", {.attempts = 1});
  EXPECT_THROW(Repository::open("/proc/self"), NotInRepository);
}

TEST_F(RepositoryTest, DvcFilesOfTheOldKindKeepTheirHash) {
  write(root / "t.dvc", "outs:\n- md5: " + md5_hex("x\ny\n") + "\n  path: t\n");
  write(root / "t", "x\r\ny\r\n");
  Repository repository = open();
  DvcFile file = load_dvc_file(repository, root / "t.dvc");
  EXPECT_EQ(file.outs[0].algorithm, Algorithm::md5_dos2unix);
  EXPECT_FALSE(is_changed(repository, file.outs[0]));
  EXPECT_FALSE(save_dvc_file(file));
}

}  // namespace
}  // namespace fettle::data
