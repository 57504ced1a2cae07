#include "tracking/names.h"

#include <array>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/id.h"
#include "base/text.h"
#include "base/uri.h"

namespace fettle::tracking {
namespace {

bool is_key_character(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || std::strchr("/_.- :", c) != nullptr;
}

// What POSIX's normpath would make of it.
std::string normal_path(std::string_view path) {
  std::vector<std::string> kept;
  bool absolute = path.starts_with('/');
  for (auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (part != ".." || !absolute) {
      kept.emplace_back(part);
    }
  }
  std::string joined = join(kept, "/");
  if (absolute) return "/" + joined;
  return joined.empty() ? "." : joined;
}

bool leaves_root(std::string_view path) {
  if (path.find('\0') != std::string_view::npos || path.find_first_of("\\#") != std::string_view::npos) return true;
  if (path.starts_with('/')) return true;
  if (path.size() >= 2 && path[1] == ':' && std::isalpha(static_cast<unsigned char>(path[0])) != 0) return true;
  for (auto part : split(path, '/')) {
    if (part == "..") return true;
  }
  return false;
}

constexpr std::array kPredicates = {"able",   "amber",  "bold",   "brave",  "bright", "calm",  "clever", "crisp",
                                    "eager",  "fair",   "fond",   "gentle", "golden", "grand", "happy",  "keen",
                                    "kind",   "lively", "lucid",  "mellow", "nimble", "proud", "quick",  "quiet",
                                    "silent", "smooth", "steady", "sunny",  "swift",  "tidy",  "warm",   "wise"};
constexpr std::array kNouns = {"ant",   "bear",  "bee",    "bison", "crane", "crow",  "deer", "dove",
                               "eagle", "elk",   "falcon", "finch", "fox",   "frog",  "gull", "hare",
                               "hawk",  "heron", "ibis",   "lark",  "lynx",  "mole",  "moth", "newt",
                               "otter", "owl",   "raven",  "robin", "seal",  "stork", "swan", "wren"};

}  // namespace

size_t utf8_length(std::string_view text) {
  size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::string truncate_utf8(std::string_view text, size_t characters) {
  if (text.size() <= characters) return std::string(text);
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (count++ == characters) return std::string(text.substr(0, i));
  }
  return std::string(text);
}

void check_key(std::string_view key, std::string_view kind, std::string_view path) {
  if (key.empty()) {
    fail(Code::invalid_argument,
         "Missing value for required parameter '{}'. See the API docs for more information about request parameters.",
         path);
  }
  if (utf8_length(key) > kKeyLimit) {
    fail(Code::invalid_argument, "'{}' exceeds the maximum length of {} characters", kind, kKeyLimit);
  }
  bool allowed = is_valid_utf8(key);
  for (char c : key) allowed = allowed && is_key_character(c);
  if (!allowed) {
    fail(Code::invalid_argument,
         "Invalid value \"{}\" for parameter '{}' supplied: Names may only contain alphanumerics, underscores (_), "
         "dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
         key, path);
  }
  std::string resolved = normal_path(key);
  if (resolved != key || key == "." || key.starts_with('/') || key.starts_with("..")) {
    fail(Code::invalid_argument,
         "Invalid value \"{}\" for parameter '{}' supplied: Names may be treated as files in certain cases, and must "
         "not "
         "resolve to other names when treated as such. This name would resolve to '{}'",
         key, path, resolved);
  }
}

std::string random_run_name() {
  std::string bytes = random_bytes(4);
  auto predicate = static_cast<unsigned char>(bytes[0]) % kPredicates.size();
  auto noun = static_cast<unsigned char>(bytes[1]) % kNouns.size();
  int number = load_le<uint16_t>(bytes.data() + 2) % 1000;
  return fmt::format("{}-{}-{}", kPredicates[predicate], kNouns[noun], number);
}

void check_experiment_name(std::string_view name) {
  if (trim(name).empty()) fail(Code::invalid_argument, "Invalid experiment name: '{}'", name);
  if (utf8_length(name) > kExperimentNameLimit) {
    fail(Code::invalid_argument, "'name' exceeds the maximum length of {} characters", kExperimentNameLimit);
  }
}

void check_artifact_location(std::string_view location) {
  constexpr size_t kLocationLimit = 2048;
  if (location.size() > kLocationLimit) {
    fail(Code::invalid_argument, "'artifact_location' exceeds the maximum length of {} characters", kLocationLimit);
  }
  if (location.starts_with("runs:")) {
    fail(Code::invalid_argument, "Artifact location cannot be a runs:/ URI. Given: '{}'", location);
  }
  std::string decoded(location);
  for (int i = 0; i < 10; ++i) decoded = percent_decode(decoded).value_or(decoded);
  if (decoded.find_first_of("#;") != std::string::npos) {
    fail(Code::invalid_argument, "'artifact_location' URL can't include fragments or params.");
  }
  size_t question = decoded.find('?');
  if (question != std::string::npos && decoded.find("..", question) != std::string::npos) {
    fail(Code::invalid_argument, "Invalid query string");
  }
  if (decoded.find('\\') != std::string::npos || decoded.find('\0') != std::string::npos) {
    fail(Code::invalid_argument, "'artifact_location' '{}' must not hold backslashes or NUL", location);
  }
  for (auto part : split(decoded, '/')) {
    if (part == "..") fail(Code::invalid_argument, "'artifact_location' '{}' must not hold '..'", location);
  }
}

void check_logged_model_name(std::string_view name) {
  if (!name.empty() && name.find_first_of("/:.%\"'") == std::string_view::npos) return;
  fail(Code::invalid_argument,
       "Invalid model name ('{}') provided. Model name must be a non-empty string and cannot contain the following "
       "characters: ('/', ':', '.', '%', '\"', \"'\")",
       name);
}

std::string normal_artifact_path(std::string_view path) {
  std::string decoded(path);
  for (int i = 0; i < 10; ++i) {
    if (leaves_root(decoded)) fail(Code::invalid_argument, "Invalid path");
    auto next = percent_decode(decoded);
    if (!next || *next == decoded) break;
    decoded = std::move(*next);
  }
  if (leaves_root(decoded) || !is_valid_utf8(path)) fail(Code::invalid_argument, "Invalid path");
  std::string normal = normal_path(path);
  return normal == "." ? "" : normal;
}

}  // namespace fettle::tracking
