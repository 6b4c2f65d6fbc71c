// A deadline on a loop. Moving it later costs nothing: the alarm that is already set goes off,
// finds that the deadline moved, and is set again. So a deadline may be moved for every message.
#pragma once
#include <functional>

#include "base/clock.hpp"

namespace heim::io {

class Loop;

/// Lives on the loop's thread. The callback may restart, stop or destroy the timer. Never early;
/// late by up to a millisecond and the length of a turn.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Fires once at `deadline` (`never` stops). Replaces what was set.
  void start_at(Instant deadline);
  void start_in(Duration delay);
  /// Fires every `period`, first after one period. A late one is not made up for.
  void start_every(Duration period);
  void stop();
  bool active() const;
  Instant deadline() const;

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace heim::io
