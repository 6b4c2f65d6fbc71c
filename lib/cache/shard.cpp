#include "cache/shard.hpp"

#include <mutex>
#include <utility>

namespace heim::cache {
namespace {

using Guard = std::lock_guard<ShortLock>;

constexpr std::string_view asked_by_another = "another one asks the same already";
constexpr std::string_view not_kept_lately = "others wait, and nothing could be kept lately";

/// Something came to its end without a hit, because of what was written or was too large.
void note_refused(Usage& usage, Admission why) {
  const auto one = [](Usage::Count& count) { count.fetch_add(1, std::memory_order_relaxed); };
  if (why == Admission::too_large) return one(usage.too_large);
  if (why != Admission::changed && why != Admission::in_flight) return;
  one(usage.ended);
  one(usage.unused);
  one(usage.invalidated);
}

void note_stored(Usage& usage, const Entry& entry) {
  const auto add = [](Usage::Count& count, std::uint64_t value) {
    count.fetch_add(value, std::memory_order_relaxed);
  };
  add(usage.stored, 1);
  add(usage.stored_bytes, entry.bytes().size());
  if (entry.cost() <= Duration(0)) return;
  add(usage.timed, 1);
  add(usage.cost_us, static_cast<std::uint64_t>(to_us(entry.cost())));
}

void describe(EntryMaker::About& about, const Key& key, const Flight& flight) {
  about.key = key;
  about.fingerprint = flight.fingerprint;
  about.began = flight.began;
  about.moment = flight.moment;
  about.generation = flight.generation;
  about.usage_generation = flight.usage_generation;
  about.fence = flight.fence;
  about.usage = flight.usage;
  about.usage->pins.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Shard::Shard(World& world, std::uint64_t share)
    : world_(world), store_(world, share), flights_(world) {}

EntryRef Shard::get(const Lookup& lookup, Instant now) {
  const Guard guard(lock_);
  Entry* entry = store_.find(lookup.key);
  if (entry == nullptr) return {};
  const Use use = store_.judge(*entry, lookup.wish, now);
  if (use == Use::dead || use == Use::expired) return {};
  return found(lookup, *entry, use);
}

EntryRef Shard::found(const Lookup& lookup, Entry& entry, Use use) {
  return lookup.looks ? Store::hold(entry) : hit(entry, use);
}

EntryRef Shard::hit(Entry& entry, Use use) {
  ++hits_.all;
  if (use == Use::weaker) ++hits_.weaker;
  return store_.lend(entry);
}

// ---- misses

void Shard::pass(const Key& key) {
  const Guard guard(lock_);
  ++counts_.misses;
  ++counts_.passed;
  store_.missed(key);
}

Joined Shard::join(const Lookup& lookup, Waiter* waiter, std::uint64_t token, std::uint64_t ticket,
                   Usage& usage, Instant now) {
  const Guard guard(lock_);
  if (Entry* entry = store_.find(lookup.key)) {
    const Use use = store_.judge(*entry, lookup.wish, now);
    if (use == Use::strict || use == Use::weaker) {
      return {.entry = found(lookup, *entry, use)};
    }
    ++(use == Use::dead ? counts_.dead : counts_.expired);
  }
  ++counts_.misses;
  store_.missed(lookup.key);
  return lead_or_wait(lookup, waiter, token, ticket, usage, now);
}

/// What will do while another one asks. Null: there is none.
Entry* Shard::right_until_now(const Lookup& lookup, Instant now) const {
  const Duration stale = lookup.wish.stale_while_filling, most = lookup.wish.max_age;
  Entry* entry = stale > Duration(0) ? store_.find(lookup.key) : nullptr;
  if (entry == nullptr || !store_.was_right(*entry, stale, now)) return nullptr;
  return most > Duration(0) && now - entry->began() > most + stale ? nullptr : entry;
}

Joined Shard::lead_or_wait(const Lookup& lookup, Waiter* waiter, std::uint64_t token,
                           std::uint64_t ticket, Usage& usage, Instant now) {
  Flight* flight = flights_.find(lookup.key);
  // Its answer will be refused: a commit came in between. The line stays.
  const bool doomed = flight != nullptr && flight->leader != 0 &&
                      (flights_.is_void(*flight) || !flight->fence.stands(world_.ledger));
  const bool turn = flight != nullptr && flight->leader == 0 && flight->named == ticket;
  if (flight == nullptr || doomed || turn) return {.fill = flights_.lead(lookup, usage, now)};
  if (Entry* entry = right_until_now(lookup, now)) {
    --counts_.misses;
    return {.entry = hit(*entry, Use::weaker)};
  }
  if (waiter == nullptr || flight->rounds >= Flights::most_rounds) {
    ++counts_.passed;
    return {.reason = waiter == nullptr ? asked_by_another : not_kept_lately};
  }
  ++counts_.waits;
  return {.ticket = flights_.wait(*flight, *waiter, token)};
}

void Shard::withdraw(const Key& key, std::uint64_t ticket) {
  Calls calls;
  {
    const Guard guard(lock_);
    flights_.withdraw(key, ticket, calls);
  }
  make(calls);
}

// ---- fills

/// Whether the answer may be kept; `fenced`: for every scope.
Admission Shard::judge(const Flight& flight, const Answer& answer, bool& fenced) const {
  if (world_.paused.load()) return Admission::paused;
  if (flights_.is_void(flight)) return Admission::invalidated;
  const Admission fence = flight.fence.judge(world_.ledger);
  fenced = answer.grade == Grade::full && fence == Admission::stored;
  if (fenced) return Admission::stored;
  // Who asked for it takes less than that; others of strict scope will not see it.
  if (flight.scope == freshness::Scope::strict && answer.grade == Grade::full) return fence;
  return Admission::stored_weaker;
}

/// Sets room aside, some victims at a time, as long as the answer may be kept.
Admission Shard::make_room(const Key& key, std::uint64_t fill, const Answer& answer, Instant now,
                           EntryMaker::About& about) {
  for (;;) {
    Forgotten forgotten;  // given back behind the lock
    const Guard guard(lock_);
    store_.prefetch();
    const Flight* flight = flights_.led(key, fill);
    if (flight == nullptr) return Admission::superseded;
    const Admission may = judge(*flight, answer, about.fenced);
    if (may != Admission::stored && may != Admission::stored_weaker) return may;
    const Entry* had = about.fenced ? nullptr : store_.find(key);
    if (had != nullptr && store_.judge(*had, {}, now) == Use::strict) {
      return Admission::worse_than_had;
    }
    const std::uint64_t bytes = EntryMaker::footprint(answer, flight->fence.tables().size());
    if (store_.reserve(bytes, now, forgotten)) {
      describe(about, key, *flight);
      about.reserved = bytes;
      return may;
    }
    if (!forgotten.full()) return Admission::no_room;
  }
}

/// The entry is here: if nothing has happened meanwhile, it is kept.
Admission Shard::store(std::uint64_t fill, EntryMaker::About& about, const EntryRef& made,
                       Admission how, Instant now, Calls& calls, Forgotten& forgotten) {
  const Guard guard(lock_);
  Flight* flight = flights_.led(about.key, fill);
  const Admission not_now = flight == nullptr           ? Admission::superseded
                            : flights_.is_void(*flight) ? Admission::invalidated
                                                        : how;
  if (not_now != how) {
    store_.unreserve(std::exchange(about.reserved, 0));
    refuse(about.key, fill, not_now, now, calls);
    return not_now;
  }
  store_.insert(made, about.reserved, forgotten);
  about.reserved = 0;
  ++counts_.admitted[static_cast<std::size_t>(how)];
  note_stored(*std::exchange(about.usage, nullptr), *made);
  world_.benefit.decide(*flight->usage, now);
  if (how == Admission::stored) {
    flights_.end(about.key, Wake::look, calls);
  } else {
    flights_.pass_on(about.key, calls);
  }
  return how;
}

Admission Shard::admit(const Key& key, std::uint64_t fill, const Answer& answer, Instant now) {
  Calls calls;
  EntryMaker::About about;
  Admission how = make_room(key, fill, answer, now, about);
  if (how != Admission::stored && how != Admission::stored_weaker) {
    give_up(key, fill, how, now);
    return how;
  }
  Forgotten forgotten;
  try {
    const EntryRef made = EntryMaker::make(world_, about, answer, now);
    how = store(fill, about, made, how, now, calls, forgotten);
  } catch (...) {
    const Guard guard(lock_);
    store_.unreserve(about.reserved);
    throw;
  }
  make(calls);
  return how;
}

/// Under the lock.
void Shard::refuse(const Key& key, std::uint64_t fill, Admission why, Instant now, Calls& calls) {
  ++counts_.admitted[static_cast<std::size_t>(why)];
  Flight* flight = flights_.led(key, fill);
  if (flight == nullptr) return;
  note_refused(*flight->usage, why);
  world_.benefit.decide(*flight->usage, now);
  switch (why) {
    case Admission::too_large:
    case Admission::given_up:
    case Admission::no_room:
    case Admission::paused:
      return flights_.end(key, Wake::alone, calls);
    case Admission::worse_than_had:
      return flights_.end(key, Wake::look, calls);
    default:
      return flights_.pass_on(key, calls);
  }
}

void Shard::give_up(const Key& key, std::uint64_t fill, Admission why, Instant now) {
  Calls calls;
  {
    const Guard guard(lock_);
    refuse(key, fill, why, now, calls);
  }
  make(calls);
}

void Shard::abandon(const Key& key, std::uint64_t fill) {
  Calls calls;
  {
    const Guard guard(lock_);
    if (flights_.led(key, fill) == nullptr) return;
    ++counts_.admitted[static_cast<std::size_t>(Admission::abandoned)];
    flights_.pass_on(key, calls);
  }
  make(calls);
}

// ---- the rest

bool Shard::invalidate(const Key& key) {
  Forgotten forgotten;
  const Guard guard(lock_);
  flights_.invalidate(key);
  Entry* entry = store_.find(key);
  if (entry == nullptr) return false;
  ++counts_.invalidated;
  store_.forget(*entry, forgotten);
  return true;
}

bool Shard::list(std::uint64_t& slot, std::vector<EntryRef>& found) const {
  constexpr std::uint64_t at_once = 256;
  found.reserve(at_once);  // not under the lock
  const Guard guard(lock_);
  const std::uint64_t end = std::min(slot + at_once, store_.index().slots());
  if (slot >= end) return false;
  for (; slot < end; ++slot) {
    if (const Entry* entry = store_.index().at(slot)) found.push_back(store_.hold(*entry));
  }
  return true;
}

void Shard::add_to(Stats& stats) const {
  const Guard guard(lock_);
  stats.hits += hits_.all;
  stats.hits_weaker += hits_.weaker;
  stats.misses += counts_.misses;
  stats.dead += counts_.dead;
  stats.expired += counts_.expired;
  stats.waits += counts_.waits;
  stats.passed += counts_.passed;
  stats.invalidated += counts_.invalidated;
  for (std::size_t i = 0; i < admissions; ++i) stats.admitted[i] += counts_.admitted[i];
  stats.evicted += store_.evicted;
  stats.evicted_dead += store_.evicted_dead;
  stats.saved_us += store_.saved_us();
  stats.entries += store_.index().size();
  stats.bytes += store_.bytes() + store_.overhead();
  stats.overhead += store_.overhead();
  stats.flights += flights_.size();
  stats.waiting += flights_.waiting();
}

}  // namespace heim::cache
