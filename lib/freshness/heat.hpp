// How much tables are used, from real traffic.
#pragma once
#include <atomic>
#include <cmath>
#include <memory>
#include <span>

#include "base/clock.hpp"
#include "freshness/ledger.hpp"

namespace heim::freshness {

/// Uses of tables, counted by one worker: note() is for its thread, the rest for [any thread].
class Heat {
 public:
  explicit Heat(std::uint32_t tables)
      : counts_(std::make_unique<std::atomic<std::uint32_t>[]>(tables)), size_(tables) {}

  /// A statement that reads or writes these was sent.
  void note(std::span<const TableId> tables) {
    for (const TableId id : tables) {
      if (id >= size_) continue;
      counts_[id].store(counts_[id].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  }
  std::uint32_t of(TableId table) const { return counts_[table].load(std::memory_order_relaxed); }

 private:
  std::unique_ptr<std::atomic<std::uint32_t>[]> counts_;
  std::uint32_t size_;
};

/// Makes temperatures of all workers' counts, once in a while. [one thread]
class Thermometer {
 public:
  /// Uses a second, smoothed: from there on a table is hot, warm, cold. Below, it is frozen. A
  /// table cools down only below half of what made it as warm as it is.
  struct Limits {
    double hot = 100, warm = 1, cold = 1.0 / 3600;
    Duration half_life = std::chrono::minutes(1);
  };
  Thermometer(std::uint32_t tables, Limits limits)
      : limits_(limits), seen_(tables), rates_(tables) {}

  void measure(std::span<const Heat* const> workers, Ledger& ledger, Instant now);
  double rate(TableId table) const { return rates_[table]; }

 private:
  Temperature of(double rate) const;

  Limits limits_;
  std::vector<std::uint32_t> seen_;  // the sum of the workers' counts, when last looked at
  std::vector<double> rates_;
  Instant last_{};
};

}  // namespace heim::freshness
