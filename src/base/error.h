// The one error vocabulary of the product and its two vehicles: Failure is thrown on the control plane, Outcome<T> is
// returned on the data plane. Messages are lower case without a full stop, quote the offending value, and say what was
// expected; `fix` is the way out. Neither ever holds a secret or an internal path.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {

// Closed set, aligned with gRPC's status codes. Each edge maps it by one table (http/status.h, rpc/status.h,
// cli/exit_code.h).
enum class Code {
  invalid_argument,
  not_found,
  already_exists,
  failed_precondition,
  aborted,
  permission_denied,
  unauthenticated,
  resource_exhausted,
  unavailable,
  deadline_exceeded,
  unimplemented,
  data_loss,
  internal,
};
inline constexpr int kCodeCount = 13;

// "invalid_argument" and so on, as it stands in the REST error document.
std::string_view code_name(Code code);

// One problem of an input that may have several: where (a JSON path such as `metrics[3].value`, or a feature) and what.
struct Detail {
  std::string path;
  std::string message;
};

struct Error {
  Code code = Code::internal;
  std::string message;
  std::vector<Detail> details = {};
  std::string fix = {};
};

// An Error in flight on the control plane. Caught in five places only: HTTP dispatch, gRPC adapter, CLI main, job
// runner, thread root.
class Failure : public std::exception {
 public:
  explicit Failure(Error error);
  const char* what() const noexcept override { return error_.message.c_str(); }
  const Error& error() const { return error_; }
  Code code() const { return error_.code; }

 private:
  Error error_;
};

template <class T>
using Outcome = std::expected<T, Error>;

[[noreturn]] void fail(Error error);

template <class... Args>
[[noreturn]] void fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  fail(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// The data plane's counterpart of fail(): `return unexpected(Code::not_found, "model '{}' …", name);`
template <class... Args>
std::unexpected<Error> unexpected(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// Leaves the data plane: the value, or a thrown Failure.
template <class T>
T value_or_throw(Outcome<T> outcome) {
  if (!outcome) fail(std::move(outcome.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

// Enters the data plane: runs `body` and turns a thrown Failure into a value. Other exceptions become Code::internal.
Error error_from_current_exception();

template <class Body>
auto outcome_of(Body&& body) -> Outcome<decltype(body())> {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (...) {
    return std::unexpected(error_from_current_exception());
  }
}

[[noreturn]] void check_failed(const char* expression, const char* file, int line, std::string_view message);

}  // namespace fettle

// A programmer's error, always on: aborts with the expression and the place. Never for input.
#define FETTLE_CHECK(cond, message) \
  ((cond) ? static_cast<void>(0) : ::fettle::check_failed(#cond, __FILE__, __LINE__, (message)))
