// How a call of a session fails.
#pragma once
#include <stdexcept>
#include <string>

namespace heim::embed {

enum class Trouble : std::uint8_t {
  invalid,    // an argument
  state,      // the call is not allowed now
  timed_out,  // its limit passed first
  server,     // the server, or the proxy in its place, refused it
  closed,     // the session has ended
  value,      // NULL, or not of the type asked for
};

struct Failure : std::runtime_error {
  Failure(Trouble the_trouble, const std::string& message, std::string the_sqlstate = {})
      : std::runtime_error(message), trouble(the_trouble), sqlstate(std::move(the_sqlstate)) {}
  Trouble trouble;
  std::string sqlstate;
};

}  // namespace heim::embed
