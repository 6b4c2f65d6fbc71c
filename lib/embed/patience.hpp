// How long a call of a session waits.
#pragma once
#include <chrono>

#include "base/clock.hpp"

namespace heim::embed {

struct Patience {
  Duration limit = Duration::max();  // which is for ever
  bool until_signal = false;         // or until its thread may have been given a signal

  Instant deadline() const {
    return limit == Duration::max() ? never : std::chrono::steady_clock::now() + limit;
  }
};

}  // namespace heim::embed
