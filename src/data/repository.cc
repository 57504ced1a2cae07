#include "data/repository.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/failures.h"
#include "process/subprocess.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwnGitIgnore[] = {"/config.local", "/tmp", "/cache"};
constexpr std::string_view kBuiltInIgnores = ".git\n.git/\n.hg/\n.dvc/\n";

bool folder_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> find_up(const fs::path& start, const char* name) {
  for (fs::path at = start;; at = at.parent_path()) {
    std::error_code ignored;
    if (fs::exists(at / name, ignored)) return at;
    if (at == at.parent_path()) return std::nullopt;
  }
}

process::Result git(const fs::path& root, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  return process::run({.argv = std::move(arguments), .cwd = root});
}

// DVC adds what is missing at every start; so do we, for a repository that was made by hand.
void ensure_own_gitignore(const fs::path& dvc_dir) {
  fs::path file = dvc_dir / ".gitignore";
  std::error_code ignored;
  std::string text = fs::exists(file, ignored) ? read_file(file) : "";
  std::string more;
  for (std::string_view line : kOwnGitIgnore) {
    bool present = false;
    for (std::string_view have : split(text, '\n')) present = present || trim(have) == line;
    if (!present) more += std::string(line) + "\n";
  }
  if (more.empty()) return;
  if (!text.empty() && text.back() != '\n') text += '\n';
  [[maybe_unused]] auto result = outcome_of([&] { write_file_atomic(file, text + more); });
}

std::vector<LinkType> link_types_of(const Config& config) {
  std::vector<LinkType> types;
  for (const std::string& name : config.list("cache", "type")) types.push_back(parse_link_type(name));
  if (types.empty()) types = {LinkType::reflink, LinkType::copy};
  return types;
}

[[noreturn]] void init_failure(std::string what) {
  fail(Error{Code::failed_precondition, "failed to initiate DVC - " + std::move(what)});
}

}  // namespace

void Progress::start(const char* what, uint64_t all_files, uint64_t all_bytes) {
  verb = what;
  files = 0;
  bytes = 0;
  total_files = all_files;
  total_bytes = all_bytes;
}

void Progress::advance(uint64_t more_bytes) {
  files.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(more_bytes, std::memory_order_relaxed);
}

Repository::Repository(fs::path root, Config config) : root_(std::move(root)), config_(std::move(config)) {
  if (!config_.flag("core", "no_scm")) git_root_ = find_up(root_, ".git");
  fs::path cache_dir = config_.path("cache", "dir").value_or(dvc_dir() / "cache");
  Cache::Options options{link_types_of(config_), config_.get_or("cache", "shared", "") == "group"};
  cache_ = std::make_unique<Cache>(std::move(cache_dir), std::move(options));
  state_ = std::make_unique<StateCache>(temporary_dir() / "fettle.state");
  progress_ = std::make_unique<Progress>();
}

Repository::~Repository() {
  if (state_) state_->flush();
}
Repository::Repository(Repository&&) noexcept = default;

Repository Repository::open(const fs::path& start) {
  std::error_code ignored;
  fs::path from = fs::canonical(start, ignored);
  for (fs::path at = from; !from.empty(); at = at.parent_path()) {
    if (folder_exists(at / ".dvc")) {
      Config config = Config::load(at / ".dvc");
      ensure_own_gitignore(at / ".dvc");
      return Repository(at, std::move(config));
    }
    if (at == at.parent_path()) break;
  }
  throw NotInRepository(Error{Code::failed_precondition,
                              "you are not inside of a DVC repository (checked up to mount point '/')",
                              {},
                              "fettle init        (outside git: fettle init --no-scm)"});
}

void Repository::init(const fs::path& directory, const InitOptions& options) {
  fs::path root = fs::canonical(directory);
  fs::path dvc = root / ".dvc";
  std::optional<fs::path> git_root = options.no_scm ? std::nullopt : find_up(root, ".git");
  bool at_git_root = git_root && *git_root == root;
  if (!options.no_scm && !at_git_root && !(options.subdirectory && git_root)) {
    init_failure(fmt::format(
        "{} is not tracked by any supported SCM tool (e.g. Git). Use `--no-scm` if you don't want to use any SCM "
        "or `--subdir` if initializing inside a subdirectory of a parent SCM repository.",
        root.string()));
  }
  if (git_root && git_ignores(*git_root, dvc, true)) {
    init_failure(fmt::format(
        "{} is ignored by your SCM tool. \nMake sure that it's tracked, for example, by adding '!.dvc' to .gitignore.",
        dvc.string()));
  }
  if (folder_exists(dvc)) {
    if (!options.force) init_failure("'.dvc' exists. Use `-f` to force.");
    fs::remove_all(dvc);
  }
  fs::create_directory(dvc);
  fs::create_directory(dvc / "tmp");
  ConfigFile config;
  if (options.no_scm) config.set("core", "no_scm", "True");
  write_file_atomic(dvc / "config", config.format());
  std::vector<std::string> staged = {"add", ".dvc/config"};
  std::error_code ignored;
  if (!fs::exists(root / ".dvcignore", ignored)) {
    write_file_atomic(
        root / ".dvcignore",
        "# Add patterns of files dvc should ignore, which could improve\n# the performance. Learn more at\n"
        "# https://dvc.org/doc/user-guide/dvcignore\n");
    staged.emplace_back(".dvcignore");
  }
  if (!git_root) return;
  ensure_own_gitignore(dvc);
  staged.emplace_back(".dvc/.gitignore");
  git(root, staged);
}

RepositoryLock Repository::lock(bool wait_forever) const {
  return RepositoryLock(temporary_dir() / "lock", {.wait_forever = wait_forever});
}

std::string Repository::relative(const fs::path& path) const { return path.lexically_relative(root_).generic_string(); }

bool Repository::contains(const fs::path& path) const {
  std::string inside = relative(path);
  return !inside.empty() && inside != ".." && !inside.starts_with("../");
}

IgnoreRules Repository::ignore_rules_at(const fs::path& directory) const {
  IgnoreRules rules;
  rules.add("", kBuiltInIgnores);
  fs::path at = root_;
  auto add = [&](const std::string& prefix) {
    std::error_code ignored;
    fs::path file = at / ".dvcignore";
    if (fs::is_regular_file(file, ignored)) rules.add(prefix, read_file(file, uint64_t{16} << 20));
  };
  add("");
  std::string inside = relative(directory);
  if (inside == "." || inside.empty() || inside.starts_with("..")) return rules;
  std::string prefix;
  for (std::string_view part : split(inside, '/')) {
    prefix += (prefix.empty() ? "" : "/") + std::string(part);
    at /= part;
    add(prefix);
  }
  return rules;
}

bool Repository::is_git_tracked(const fs::path& path) const {
  if (!git_root_) return false;
  std::error_code ignored;
  if (!fs::exists(*git_root_ / ".git" / "index", ignored)) return false;
  process::Result result = git(*git_root_, {"ls-files", "--", path.lexically_relative(*git_root_).string()});
  return result.ok() && !trim(result.output).empty();
}

bool Repository::git_add(const std::vector<fs::path>& paths, bool insist) const {
  if (!git_root_ || paths.empty() || (!insist && !config_.flag("core", "autostage"))) return false;
  std::vector<std::string> arguments = {"add", "--"};
  for (const fs::path& path : paths) arguments.push_back(path.string());
  return git(*git_root_, std::move(arguments)).ok();
}

std::optional<std::string> Repository::git_commit() const {
  if (!git_root_) return std::nullopt;
  process::Result result = git(*git_root_, {"rev-parse", "--verify", "-q", "HEAD"});
  if (!result.ok()) return std::nullopt;
  return std::string(trim(result.output));
}

}  // namespace fettle::data
