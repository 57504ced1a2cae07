// A decoded MLflow request: the JSON body of a POST, PUT, PATCH or DELETE, or the query of a GET, read field by field
// with the reference server's leniency and texts (spec/mlflow.md 2.2). Everything wrong is invalid_argument.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "json/json.h"

namespace fettle::api::mlflow {

class Message {
 public:
  // Malformed JSON counts as an empty body: the first required field is then missing.
  static Message of(const http::Request& request);
  explicit Message(json::Object fields, std::string path = "") : fields_(std::move(fields)), path_(std::move(path)) {}

  // Required: present and, for text, not empty. Only the snake_case spelling counts.
  std::string string(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;  // also "NaN", "Infinity", "-Infinity"

  // Optional: also in camelCase; both spellings at once are refused.
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::optional<std::string> find_string(std::string_view name) const;
  std::string string_or(std::string_view name, std::string fallback = "") const;
  std::optional<int64_t> find_integer(std::string_view name) const;
  bool boolean_or(std::string_view name, bool fallback) const;
  std::vector<std::string> strings(std::string_view name) const;
  std::vector<Message> messages(std::string_view name) const;
  std::optional<Message> find_message(std::string_view name) const;
  // The value itself, or nullptr when absent or null.
  const json::Value* find(std::string_view name) const;

  [[noreturn]] void fail_missing(std::string_view name) const;
  [[noreturn]] void fail_type(std::string_view name, const json::Value& value) const;

  // `run_id`, or its old name `run_uuid`.
  std::string run_id() const;
  // An experiment id: digits.
  int64_t experiment_id(std::string_view name = "experiment_id") const;

 private:
  const json::Value* find_exact(std::string_view name) const;
  int64_t to_integer(std::string_view name, const json::Value& value) const;
  std::string path_of(std::string_view name) const { return path_ + std::string(name); }

  json::Object fields_;
  std::string path_;  // "" or "metrics[0]."
};

// `Invalid experiment ID 'abc'. Experiment ID must be a valid integer.`
int64_t parse_experiment_id(std::string_view text);

// A page size: absent is `fallback`. Texts of spec/mlflow.md 10.
int64_t read_max_results(const Message& in, int64_t fallback, int64_t limit);

}  // namespace fettle::api::mlflow
