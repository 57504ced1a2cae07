#include "base/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace fettle {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, kCodeCount> kNames = {
      "invalid_argument", "not_found",         "already_exists",  "failed_precondition",
      "aborted",          "permission_denied", "unauthenticated", "resource_exhausted",
      "unavailable",      "deadline_exceeded", "unimplemented",   "data_loss",
      "internal"};
  return kNames[static_cast<size_t>(code)];
}

Failure::Failure(Error error) : error_(std::move(error)) {}

void fail(Error error) { throw Failure(std::move(error)); }

Error error_from_current_exception() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::bad_alloc&) {
    return Error{Code::resource_exhausted, "out of memory"};
  } catch (const std::exception& error) {
    return Error{Code::internal, error.what()};
  } catch (...) {
    return Error{Code::internal, "unknown error"};
  }
}

void check_failed(const char* expression, const char* file, int line, std::string_view message) {
  std::fprintf(stderr, "fettle: check failed at %s:%d: %s: %.*s\n", file, line, expression,
               static_cast<int>(message.size()), message.data());
  std::abort();
}

}  // namespace fettle
