// A circuit breaker for one node: opens when the traffic there fails much more often than it
// usually does, and closes after a trial.
#pragma once
#include <array>
#include <cstdint>

#include "base/clock.hpp"

namespace heim::cluster {

struct BreakerOptions {
  Duration window = std::chrono::seconds(10);  // over which failures are counted
  std::uint32_t minimum = 20;                  // fewer events than this prove nothing
  double threshold = 0.5;                      // the least failure rate that opens it
  double factor = 3;  // times the usual rate: opens above this, if that is more
  Duration rest = std::chrono::seconds(1);  // open for so long at first; twice as long each time
  Duration longest_rest = std::chrono::seconds(30);
  std::uint32_t trial = 5;  // successes in a row that close it
};

class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  /// So much of the traffic ended well and badly since the last call.
  void count(std::uint64_t good, std::uint64_t bad, const BreakerOptions& options, Instant now);
  /// Time passed: open turns into half-open.
  void tick(const BreakerOptions& options, Instant now);
  void reset() { *this = Breaker(); }

  State state() const { return state_; }
  /// Failures per event in the window; 0 without events.
  double rate() const;
  /// What is usual here: the rate of the past minutes, without those when it was open.
  double usual() const { return usual_; }
  /// The rate that opens it now.
  double limit(const BreakerOptions& options) const;

 private:
  static constexpr std::size_t slots = 10;
  struct Slot {
    std::uint64_t good = 0, bad = 0;
  };
  void turn(const BreakerOptions& options, Instant now);
  void learn(const Slot& slot);
  void open(const BreakerOptions& options, Instant now);
  void count_trial(std::uint64_t good, std::uint64_t bad, const BreakerOptions& options,
                   Instant now);
  Slot sum() const;

  State state_ = State::closed;
  std::array<Slot, slots> window_{};
  std::size_t slot_ = 0;
  Instant slot_ends_{};
  Instant rests_until_{};
  Duration rest_{0};
  Instant closed_since_{};
  std::uint64_t passed_ = 0;  // of the trial
  double usual_ = 0;
};

const char* to_text(Breaker::State state);

}  // namespace heim::cluster
