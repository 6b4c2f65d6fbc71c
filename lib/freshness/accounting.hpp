// Whether the ledger may be believed: only while everybody who commits tells it.
#pragma once
#include <cstdint>
#include <mutex>

#include "freshness/ledger.hpp"

namespace heim::freshness {

/// Many begin and cease to tell, each at his own moment. The ledger is put aside before the first
/// may cease, and begins anew after the last has begun. [any thread]
class Accounting {
 public:
  /// `on`: all tell from the beginning. The ledger outlives it.
  Accounting(Ledger& ledger, bool on) : ledger_(ledger), on_(on) {
    if (!on) ledger_.suspend();
  }

  /// Before anybody is told whether to tell from now on. Gives what to call done() with.
  std::uint64_t begin(bool wanted) {
    const std::lock_guard lock(mutex_);
    wanted_ = wanted;
    on_ = on_ && wanted;
    if (!wanted) ledger_.suspend();
    return ++round_;
  }
  /// All do what they were told after that call, and after those before it.
  void done(std::uint64_t round, Instant now) {
    const std::lock_guard lock(mutex_);
    if (round != round_ || !wanted_ || on_) return;
    on_ = true;
    ledger_.forget_positions(now);
  }

 private:
  std::mutex mutex_;
  Ledger& ledger_;
  std::uint64_t round_ = 0;  // the last one that began
  bool wanted_ = false;
  bool on_;
};

}  // namespace heim::freshness
