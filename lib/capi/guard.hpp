// The border of the C ABI: no exception passes it, each becomes a status with its message.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "heimproxy/heimproxy.h"

namespace heim::capi {

/// How the shells say that a call fails.
struct Failure : std::runtime_error {
  Failure(heim_status the_status, const std::string& message)
      : std::runtime_error(message), status(the_status) {}
  Failure(heim_status the_status, const Error& error);
  heim_status status;
  std::string sqlstate;
};

/// "first line (and 3 more)" of a text whose lines all end with a line end, or the text itself.
std::string first_line(const std::string& text);

/// Throws INVALID_ARGUMENT: "`what` must not be NULL".
void require(const void* pointer, const char* what);

/// Within a catch block: turns the exception at hand into a status, and fills `error` if there is
/// one.
heim_status translate_exception(heim_error* error) noexcept;

/// Runs `body`; what it throws is the caller's status.
template <class Body>
heim_status guard(heim_error* error, Body&& body) noexcept {
  try {
    body();
    return HEIM_OK;
  } catch (...) {
    return translate_exception(error);
  }
}

}  // namespace heim::capi
