// A share of somebody's time: what was spent decides when the next piece may be.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace heim::cluster {

/// One thread.
class Budget {
 public:
  /// Work that began at `when` took so long; at most `percent` of the time is to go into it. One
  /// piece holds up the next for a second at most.
  void spend(Duration work, Instant when, std::uint32_t percent) {
    const Duration rest(work.count() * 100 / std::max(percent, 1u));
    free_ = std::min(std::max(free_, when) + rest, when + std::chrono::seconds(1));
  }
  Instant free_at() const { return free_; }

 private:
  Instant free_{};
};

}  // namespace heim::cluster
