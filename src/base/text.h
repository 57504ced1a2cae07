// Small text operations that several modules share. Pure.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

std::string_view trim(std::string_view text);
// "a,b,,c" by ',' -> "a" "b" "" "c"; "" -> one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);           // ASCII only
bool iequals(std::string_view a, std::string_view b);  // ASCII only

// The whole text as a decimal number; nothing if any of it is not.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);  // accepts nan, inf

// Shortest decimal text that reads back to the same double; integral values keep ".0"; "NaN", "Infinity", "-Infinity".
std::string format_double(double value);

bool is_valid_utf8(std::string_view text);

// The candidate nearest to `word` (edit distance of at most a third of its length), for "did you mean".
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// `fn*ma[tc]h?` against the whole text, where `*` also matches '/'.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace fettle
