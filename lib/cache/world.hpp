// What all shards share.
#pragma once
#include <atomic>
#include <cstdint>

#include "cache/benefit.hpp"
#include "cache/cache.hpp"

namespace heim::cache {

struct World {
  World(const freshness::Ledger& the_ledger, const Cache::Limits& the_limits)
      : ledger(the_ledger), limits(the_limits), benefit(limits.queries) {}

  const freshness::Ledger& ledger;
  Cache::Limits limits;
  std::uint32_t shards = 1;
  Benefit benefit;
  std::atomic<std::uint32_t> generation{0};  // entries and fills of another one are void
  std::atomic<bool> paused{false};
  std::atomic<Moment> moment{0};
  std::atomic<std::uint64_t> last_id{0};  // of fills and tickets
  // Bytes in use that are in no shard: forgotten entries that somebody holds, fills, waiters.
  std::atomic<std::int64_t> outside{0};
};

}  // namespace heim::cache
