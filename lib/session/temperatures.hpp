// How much tables are used, by all workers together.
#pragma once
#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "freshness/heat.hpp"

namespace heim::session {

/// [any thread] Whoever counts uses joins with its own counter; anybody may measure() at any time:
/// one of them does, once a second.
class Temperatures {
 public:
  void join(const freshness::Heat& counter) {
    const std::lock_guard lock(mutex_);
    counters_.push_back(&counter);
  }
  void leave(const freshness::Heat& counter) {
    const std::lock_guard lock(mutex_);
    std::erase(counters_, &counter);
    meter_.reset();  // sums begin anew without it
  }
  void measure(freshness::Ledger& ledger, Instant now) {
    Instant due = due_.load(std::memory_order_relaxed);
    if (now < due || !due_.compare_exchange_strong(due, now + std::chrono::seconds(1))) return;
    const std::lock_guard lock(mutex_);
    if (!meter_) meter_.emplace(tables, freshness::Thermometer::Limits{});
    meter_->measure(counters_, ledger, now);
  }

  static constexpr std::uint32_t tables = 16'384;  // as the ledger has

 private:
  std::mutex mutex_;
  std::vector<const freshness::Heat*> counters_;
  std::optional<freshness::Thermometer> meter_;
  std::atomic<Instant> due_{Instant{}};
};

}  // namespace heim::session
