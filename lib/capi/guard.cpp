#include "capi/guard.hpp"

#include <algorithm>
#include <new>
#include <system_error>

#include "embed/failure.hpp"

namespace heim::capi {
namespace {

std::string whole_text(const Error& error) {
  std::string text = error.message;
  if (!error.detail.empty()) text += ": " + error.detail;
  if (!error.hint.empty()) text += " (" + error.hint + ")";
  return text;
}

/// Cuts where it is too long, but in no character.
template <std::size_t size>
void put(char (&to)[size], std::string_view text) {
  std::size_t length = std::min(text.size(), size - 1);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (length > 0 && length < text.size() && continues(length)) --length;
  text.copy(to, length);
  to[length] = '\0';
}

heim_status status_of(embed::Trouble trouble) {
  switch (trouble) {
    case embed::Trouble::invalid:
      return HEIM_INVALID_ARGUMENT;
    case embed::Trouble::state:
      return HEIM_STATE;
    case embed::Trouble::timed_out:
      return HEIM_TIMED_OUT;
    case embed::Trouble::server:
      return HEIM_SERVER;
    case embed::Trouble::closed:
      return HEIM_CLOSED;
    case embed::Trouble::value:
      break;
  }
  return HEIM_VALUE;
}

heim_status report(heim_error* error, heim_status status, std::string_view sqlstate,
                   std::string_view message) {
  if (error) {
    error->status = status;
    put(error->sqlstate, sqlstate);
    put(error->message, message.empty() ? heim_status_text(status) : message);
  }
  return status;
}

}  // namespace

Failure::Failure(heim_status the_status, const Error& error)
    : std::runtime_error(whole_text(error)), status(the_status), sqlstate(error.sqlstate) {}

std::string first_line(const std::string& text) {
  const auto more = std::ranges::count(text, '\n') - 1;
  std::string line = text.substr(0, text.find('\n'));
  if (more > 0) line += " (and " + std::to_string(more) + " more)";
  return line;
}

void require(const void* pointer, const char* what) {
  if (!pointer) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'" + std::string(what) + "' must not be NULL");
  }
}

heim_status translate_exception(heim_error* error) noexcept {
  try {
    throw;
  } catch (const Failure& failure) {
    return report(error, failure.status, failure.sqlstate, failure.what());
  } catch (const embed::Failure& failure) {
    return report(error, status_of(failure.trouble), failure.sqlstate, failure.what());
  } catch (const std::bad_alloc&) {
    return report(error, HEIM_NO_MEMORY, "53200", {});
  } catch (const std::system_error& problem) {
    return report(error, HEIM_SYSTEM, {}, problem.what());
  } catch (const std::exception& problem) {
    return report(error, HEIM_INTERNAL, "XX000", problem.what());
  } catch (...) {
    return report(error, HEIM_INTERNAL, "XX000", {});
  }
}

}  // namespace heim::capi
