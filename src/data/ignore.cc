#include "data/ignore.h"

#include "base/file.h"
#include "base/text.h"

namespace fettle::data {
namespace {

namespace fs = std::filesystem;

// Matches `[…]` at the start of `pattern`; sets `used` to its length, 0 if it is not closed.
bool match_set(std::string_view pattern, char c, size_t& used) {
  size_t i = 1;
  bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false, ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    if (c >= low && c <= high) found = true;
  }
  used = i < pattern.size() ? i + 1 : 0;
  return found != negated && c != '/';
}

bool match_stars(std::string_view pattern, std::string_view path) {
  size_t stars = pattern.find_first_not_of('*');
  if (stars == std::string_view::npos) stars = pattern.size();
  bool crosses = stars >= 2;
  std::string_view rest = pattern.substr(stars);
  if (crosses && rest.starts_with('/') && match_ignore_pattern(rest.substr(1), path)) return true;
  for (size_t skip = 0;; ++skip) {
    if (match_ignore_pattern(rest, path.substr(skip))) return true;
    if (skip >= path.size() || (!crosses && path[skip] == '/')) return false;
  }
}

std::string escape_pattern(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (std::string_view("#*?[]!\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string read_if_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? read_file(path, uint64_t{16} << 20) : std::string();
}

}  // namespace

bool match_ignore_pattern(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    if (pattern[0] == '*') return match_stars(pattern, path);
    if (path.empty()) return false;
    size_t used = 1;
    if (pattern[0] == '?') {
      if (path[0] == '/') return false;
    } else if (pattern[0] == '[') {
      bool matched = match_set(pattern, path[0], used);
      if (used == 0) return false;
      if (!matched) return false;
    } else {
      if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
      if (pattern[0] != path[0]) return false;
    }
    pattern.remove_prefix(used);
    path.remove_prefix(1);
  }
  return path.empty();
}

void IgnoreRules::add(std::string_view directory, std::string_view text) {
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    Rule rule;
    if (line[0] == '!') {
      rule.negated = true;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      rule.directories_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    rule.pattern = line;
    if (!directory.empty()) rule.directory = std::string(directory) + "/";
    rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::ignores_leaf(std::string_view path, bool is_directory) const {
  for (size_t i = rules_.size(); i-- > 0;) {
    const Rule& rule = rules_[i];
    if (rule.directories_only && !is_directory) continue;
    if (!path.starts_with(rule.directory)) continue;
    std::string_view rest = path.substr(rule.directory.size());
    if (!rule.anchored) {
      size_t slash = rest.rfind('/');
      if (slash != std::string_view::npos) rest = rest.substr(slash + 1);
    }
    if (match_ignore_pattern(rule.pattern, rest)) return !rule.negated;
  }
  return false;
}

bool IgnoreRules::ignores(std::string_view path, bool is_directory) const {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    if (ignores_leaf(path.substr(0, slash), true)) return true;
  }
  return ignores_leaf(path, is_directory);
}

bool git_ignores(const fs::path& git_root, const fs::path& path, bool is_directory) {
  std::string relative = path.lexically_relative(git_root).generic_string();
  if (relative.empty() || relative == "." || relative.starts_with("..")) return false;
  IgnoreRules rules;
  rules.add("", read_if_exists(git_root / ".git" / "info" / "exclude"));
  rules.add("", read_if_exists(git_root / ".gitignore"));
  for (size_t slash = relative.find('/'); slash != std::string::npos; slash = relative.find('/', slash + 1)) {
    std::string directory = relative.substr(0, slash);
    rules.add(directory, read_if_exists(git_root / directory / ".gitignore"));
  }
  return rules.ignores(relative, is_directory);
}

fs::path add_git_ignore(const fs::path& path) {
  fs::path file = path.parent_path() / ".gitignore";
  std::string text = read_if_exists(file);
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += "/" + escape_pattern(path.filename().string()) + "\n";
  write_file_atomic(file, text);
  return file;
}

bool remove_git_ignore(const fs::path& path) {
  fs::path file = path.parent_path() / ".gitignore";
  std::string text = read_if_exists(file);
  std::string plain = "/" + path.filename().string();
  std::string escaped = "/" + escape_pattern(path.filename().string());
  std::string kept;
  bool found = false;
  for (std::string_view line : split(text, '\n')) {
    if (line == plain || line == escaped) {
      found = true;
    } else if (!line.empty() || !kept.empty()) {
      kept += std::string(line) + "\n";
    }
  }
  while (kept.ends_with("\n\n")) kept.pop_back();
  if (!found) return false;
  if (trim(kept).empty()) {
    fs::remove(file);
  } else {
    write_file_atomic(file, kept);
  }
  return true;
}

}  // namespace fettle::data
