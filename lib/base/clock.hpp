// Time as an argument: nothing below the sans-IO line reads a clock.
#pragma once
#include <chrono>

namespace heim {

using Duration = std::chrono::nanoseconds;
/// A point on the monotonic clock of whoever drives the engine (a loop, or the simulator).
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// "No deadline."
inline constexpr Instant never = Instant::max();

/// Where the sans-IO floors have the time from. Stands still within one event.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
};

inline std::int64_t to_us(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

}  // namespace heim
