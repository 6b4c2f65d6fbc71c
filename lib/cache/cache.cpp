#include "cache/cache.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "cache/shard.hpp"

namespace heim::cache {
namespace {

// Enough that workers seldom meet, and each large enough for results of the default limit.
constexpr std::uint64_t bytes_per_shard = 8 << 20;
constexpr std::uint32_t most_shards = 64;

constexpr std::string_view paused = "the cache is paused";
constexpr std::string_view too_many_tables = "it reads too many tables";

/// Gives a pin back, unless a fill has taken it over.
struct Pin {
  ~Pin() {
    if (usage != nullptr) usage->unpin();
  }
  Usage* usage;
};

Cache::Limits checked(Cache::Limits limits) {
  if (limits.shards == 0) {
    const std::uint64_t wanted =
        std::bit_floor(std::max<std::uint64_t>(limits.bytes / bytes_per_shard, 1));
    limits.shards = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, most_shards));
  }
  limits.shards = std::bit_ceil(limits.shards);
  // Their figures take a hundredth of it at most, about.
  limits.queries =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(limits.queries, limits.bytes >> 14));
  limits.entry_bytes = std::min(limits.entry_bytes, limits.bytes / limits.shards / 8);
  return limits;
}

}  // namespace

std::string_view to_text(Admission admission) {
  constexpr std::string_view texts[admissions] = {
      "stored", "stored_weaker", "changed", "in_flight",      "superseded", "invalidated",
      "paused", "too_large",     "no_room", "worse_than_had", "given_up",   "abandoned"};
  return texts[static_cast<std::size_t>(admission)];
}

struct Cache::Inside {
  Inside(const freshness::Ledger& ledger, const Limits& limits) : world(ledger, limits) {
    world.shards = limits.shards;
    const std::uint64_t fixed = overhead();
    const std::uint64_t rest = limits.bytes > fixed ? limits.bytes - fixed : 0;
    for (std::uint32_t i = 0; i < limits.shards; ++i) {
      shards.push_back(std::make_unique<Shard>(world, rest / limits.shards));
    }
  }
  Shard& shard_of(const Key& key) { return *shards[key.high & (shards.size() - 1)]; }
  /// Beside what shards count.
  std::uint64_t overhead() const {
    return world.benefit.bytes() + world.shards * (sizeof(Shard) + 2 * sizeof(void*));
  }

  World world;
  std::vector<std::unique_ptr<Shard>> shards;
};

Cache::Cache(const freshness::Ledger& ledger, Limits limits)
    : inside_(std::make_unique<Inside>(ledger, checked(limits))) {}
Cache::~Cache() = default;

const Cache::Limits& Cache::limits() const { return inside_->world.limits; }

EntryRef Cache::get(const Lookup& lookup, Instant now) {
  if (inside_->world.paused.load()) return {};
  return inside_->shard_of(lookup.key).get(lookup, now);
}

Miss Cache::miss(const Lookup& lookup, Waiter* waiter, std::uint64_t token, Instant now,
                 Ticket ticket) {
  World& world = inside_->world;
  Shard& shard = inside_->shard_of(lookup.key);
  Usage& usage = world.benefit.find(lookup.fingerprint, lookup.tables, now);
  usage.misses.fetch_add(1, std::memory_order_relaxed);
  Pin pin{&usage};
  Miss miss;
  if (world.paused.load()) {
    miss.reason = paused;
  } else if (lookup.tables.size() > max_tables) {
    miss.reason = too_many_tables;
  } else if (world.limits.automatic && !lookup.always) {
    miss.reason = to_text(world.benefit.left_out(usage, now));
  }
  if (!miss.reason.empty()) {
    shard.pass(lookup.key);
    return miss;
  }
  Joined joined = shard.join(lookup, waiter, token, ticket.id_, usage, now);
  miss.entry = std::move(joined.entry);
  miss.reason = joined.reason;
  if (joined.fill != 0) {
    pin.usage = nullptr;
    usage.fills.fetch_add(1, std::memory_order_relaxed);
    miss.fill = Fill(*this, lookup.key, joined.fill);
    return miss;
  }
  if (joined.ticket != 0) miss.ticket = Ticket(*this, lookup.key, joined.ticket);
  return miss;
}

Moment Cache::moment() { return ++inside_->world.moment; }

// ---- invalidation

bool Cache::invalidate(const Key& key) { return inside_->shard_of(key).invalidate(key); }

void Cache::invalidate_fingerprint(const Hash128& fingerprint) {
  inside_->world.benefit.invalidate(fingerprint);
}

void Cache::invalidate_all() { ++inside_->world.generation; }

void Cache::pause() {
  inside_->world.paused.store(true);
  invalidate_all();
}

// What began while it was paused may have been read before the ledger was told again.
void Cache::resume() {
  invalidate_all();
  inside_->world.paused.store(false);
}

// ---- what it tells

Stats Cache::stats() const {
  const World& world = inside_->world;
  Stats stats;
  for (const auto& shard : inside_->shards) shard->add_to(stats);
  const std::int64_t outside = world.outside.load(std::memory_order_relaxed);
  stats.outside = static_cast<std::uint64_t>(std::max<std::int64_t>(outside, 0));
  stats.overhead += inside_->overhead();
  stats.bytes += inside_->overhead() + stats.outside;
  stats.limit = world.limits.bytes;
  stats.queries = world.benefit.count();
  stats.paused = world.paused.load();
  return stats;
}

std::vector<QueryRow> Cache::queries(std::size_t limit) const {
  std::vector<QueryRow> rows = inside_->world.benefit.rows();
  std::ranges::sort(rows, std::ranges::greater(), &QueryRow::hits);
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

std::vector<EntryRef> Cache::hottest(std::size_t limit) const {
  struct Hot {
    std::uint64_t hits;  // as it was when it was looked at
    EntryRef entry;
  };
  const auto hotter = [](const Hot& a, const Hot& b) {
    return a.hits != b.hits ? a.hits > b.hits : a.entry->began() > b.entry->began();
  };
  std::vector<Hot> found;
  const auto cut = [&] {
    if (found.size() <= limit) return;
    std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(limit), hotter);
    found.resize(limit);
  };
  std::vector<EntryRef> part;
  for (const auto& shard : inside_->shards) {
    for (std::uint64_t slot = 0; shard->list(slot, part); part.clear()) {
      for (EntryRef& entry : part) found.push_back({entry->hits(), std::move(entry)});
      if (found.size() / 2 > limit) cut();
    }
  }
  cut();
  std::ranges::sort(found, hotter);
  part.clear();
  for (Hot& each : found) part.push_back(std::move(each.entry));
  return part;
}

// ---- Ticket

void Ticket::withdraw() {
  if (Cache* cache = std::exchange(cache_, nullptr)) {
    cache->inside_->shard_of(key_).withdraw(key_, id_);
  }
}

// ---- Fill

bool Fill::fits(std::uint64_t bytes) const { return bytes <= cache_->limits().entry_bytes; }

Admission Fill::admit(const Answer& answer, Instant now) {
  if (!fits(EntryMaker::size(answer))) {
    give_up(Admission::too_large, now);
    return Admission::too_large;
  }
  const Admission how = cache_->inside_->shard_of(key_).admit(key_, id_, answer, now);
  cache_ = nullptr;
  return how;
}

void Fill::give_up(Admission why, Instant now) {
  if (Cache* cache = std::exchange(cache_, nullptr)) {
    cache->inside_->shard_of(key_).give_up(key_, id_, why, now);
  }
}

void Fill::abandon() {
  if (Cache* cache = std::exchange(cache_, nullptr)) {
    cache->inside_->shard_of(key_).abandon(key_, id_);
  }
}

}  // namespace heim::cache
