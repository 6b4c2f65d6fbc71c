// Whether what is kept here may be given to anybody: only while this proxy is in step with all the
// others that write to the same cluster.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace heim::fleet {

/// A lease: it lapses by itself when it is not renewed, for whatever reason. Without a fleet it
/// holds for ever. [any thread]
class Trust {
 public:
  using ReadClock = Instant (*)();

  /// From now on `clock` is asked, which gives the time of this very moment, not of a turn's
  /// beginning: who was stopped in between must notice. Before anybody asks.
  void begin(ReadClock clock) {
    clock_ = clock;
    set({});
  }
  /// Until then, or a later call.
  void set(Instant until) { until_.store(until.time_since_epoch().count()); }
  bool holds() const {
    const std::int64_t until = until_.load();
    return until == forever || clock_().time_since_epoch().count() < until;
  }

 private:
  static constexpr std::int64_t forever = Instant::max().time_since_epoch().count();
  std::atomic<std::int64_t> until_{forever};
  ReadClock clock_ = nullptr;
};

}  // namespace heim::fleet
