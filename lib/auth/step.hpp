// What one step of a login gave.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace heim::auth {

enum class Progress : std::uint8_t {
  more,    // send `bytes`, wait for the peer's next message
  ok,      // send `bytes`; the login succeeded
  failed,  // the login failed; `error` says why, if there is more to say than "wrong"
};

struct Step {
  Progress progress = Progress::failed;
  std::string bytes;  // whole messages for the peer, may be empty
  /// ClientLogin: set for a protocol violation; a plain wrong login leaves it empty and the caller
  /// words it (28P01). ServerLogin: set whenever progress is failed.
  std::optional<Error> error;
};

}  // namespace heim::auth
