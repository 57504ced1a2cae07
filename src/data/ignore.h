// Patterns of `.gitignore` and `.dvcignore` (gitignore syntax with negation), and DVC's upkeep of `.gitignore`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::data {

// Rules of nested directories; later and deeper ones win. Paths are relative to the root of the rules, with `/`.
// Not thread-safe while it is being built.
class IgnoreRules {
 public:
  // `directory`: relative to the root, empty for the root itself. Blank lines and comments are skipped.
  void add(std::string_view directory, std::string_view text);
  // By the path itself or by a directory above it.
  bool ignores(std::string_view path, bool is_directory) const;
  // As `ignores`, where the caller has already asked about every directory above.
  bool ignores_leaf(std::string_view path, bool is_directory) const;
  bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    std::string directory;  // with a trailing slash, or empty
    std::string pattern;
    bool negated = false;
    bool directories_only = false;
    bool anchored = false;
  };
  std::vector<Rule> rules_;
};

// `*` and `?` stop at a slash, `**` does not, `[a-z]` and `[!a]` as in fnmatch, `\` escapes.
bool match_ignore_pattern(std::string_view pattern, std::string_view path);

// Whether git (by .gitignore files from `git_root` down, and .git/info/exclude) already ignores this absolute path.
bool git_ignores(const std::filesystem::path& git_root, const std::filesystem::path& path, bool is_directory);

// Appends `/NAME`, escaped, to the .gitignore of the path's directory. Returns the file that was changed.
std::filesystem::path add_git_ignore(const std::filesystem::path& path);
// Drops the line of the path; the file goes when it becomes empty. True if it was there.
bool remove_git_ignore(const std::filesystem::path& path);

}  // namespace fettle::data
