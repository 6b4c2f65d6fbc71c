// What the cache gains by each query, and whether it is worth its while.
//
// A fingerprint's figures are counted over windows: so many of its results have come to their end,
// by a write, by eviction, or because they were refused, and not all at once: a proxy that begins
// refuses much in its first moments. A window in which all hits saved less than
// the fills have cost leaves the fingerprint out for a while; then it is tried again. Twice as long
// each time, until a window pays. Results that are still there are not judged: a cache that fills
// up has few hits at first.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "cache/lock.hpp"
#include "cache/stats.hpp"

namespace heim::cache {

enum class LeftOut : std::uint8_t { no, written, large, cheap, rare };
/// Static text, for the reason of a miss.
std::string_view to_text(LeftOut why);

/// One fingerprint's figures. Counts by anybody; the decision by who ends a fill. [any thread]
struct Usage {
  using Count = std::atomic<std::uint64_t>;
  Hash128 fingerprint;                       // guarded by its set, and fixed while there are pins
  std::atomic<std::uint32_t> generation{0};  // results of another one are void
  std::atomic<std::uint32_t> pins{0};        // entries and fills that point here
  bool taken = false;                        // guarded by its set
  bool shared = false;                       // of all that found no place: nothing is left out
  std::int64_t asked_ns = 0;                 // guarded by its set: when it was last asked for
  // Guarded by its set: what it read when it was asked for first. More are not told.
  static constexpr std::size_t most_tables = 8;
  std::array<freshness::TableId, most_tables> tables{};
  std::uint8_t table_count = 0;

  Count hits{0}, misses{0}, fills{0}, stored{0}, too_large{0};
  Count ended{0}, invalidated{0}, unused{0};  // invalidated, or refused because of a write
  Count stored_bytes{0}, timed{0}, cost_us{0}, saved_us{0};

  std::atomic<LeftOut> left_out{LeftOut::no};
  std::atomic<std::int64_t> until_ns{0};  // then it is tried again

  // Guarded by its set.
  struct Window {
    std::uint64_t fills = 0, ended = 0, invalidated = 0, too_large = 0, saved_us = 0, bytes = 0;
    std::int64_t began_ns = 0;
  };
  Window window;  // the counts when it began
  std::uint32_t pauses = 0;

  void unpin() { pins.fetch_sub(1, std::memory_order_release); }
};

class Benefit {
 public:
  static constexpr std::uint64_t window = 64;  // ends of results: fewer may be chance
  static constexpr Duration least_time = std::chrono::seconds(1);  // of a window, likewise
  // An answer of one row from a local server takes 40 us of somebody's time or more; a fill costs
  // a copy and two locks. What is asked for again once in twenty times is worth that.
  static constexpr std::uint64_t window_too_large = 4;  // each keeps waiters waiting for nothing
  static constexpr std::uint64_t fill_us = 2, bytes_per_us = 1'000;
  static constexpr std::uint64_t cheap_us = 20;     // about what a hit takes, over the wire
  static constexpr std::uint64_t unknown_us = 100;  // of answers whose cost nobody told
  // Short at first: it may have been a moment in which nothing could be kept, as while a long
  // commit is under way, or a proxy of the fleet that was killed is waited for.
  static constexpr Duration first_pause = std::chrono::seconds(1);
  static constexpr std::uint32_t most_doublings = 10;  // 17 minutes

  explicit Benefit(std::uint32_t queries);

  /// Its figures, pinned. Where all places are taken: those that such queries share. `tables`: what
  /// it reads.
  Usage& find(const Hash128& fingerprint, std::span<const freshness::TableId> tables, Instant now);
  /// All results of it, and fills under way, are void.
  void invalidate(const Hash128& fingerprint);
  /// Whether it is left out now. One whose time is over begins a new window.
  LeftOut left_out(Usage& usage, Instant now);
  /// After a fill, whatever came of it.
  void decide(Usage& usage, Instant now);

  std::uint64_t bytes() const { return sets_count_ * sizeof(Set) + sizeof(Usage); }
  std::uint64_t count() const;
  std::vector<QueryRow> rows() const;

 private:
  static constexpr std::size_t ways = 8;
  struct Set {
    mutable ShortLock lock;
    std::array<Usage, ways> usages;
  };
  Set& set_of(const Hash128& fingerprint) const;
  static Usage* place(Set& set, const Hash128& fingerprint, Instant now);
  static LeftOut judge(const Usage& usage, Instant now);
  static QueryRow row(const Usage& usage);

  std::uint64_t sets_count_;
  std::unique_ptr<Set[]> sets_;
  Usage others_;
};

}  // namespace heim::cache
