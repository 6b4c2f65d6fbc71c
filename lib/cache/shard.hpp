// One part of the keys, under one lock: what is kept of them and who asks for them.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cache/cache.hpp"
#include "cache/flights.hpp"
#include "cache/lock.hpp"
#include "cache/store.hpp"
#include "cache/world.hpp"

namespace heim::cache {

/// What comes of joining those who ask for a key.
struct Joined {
  EntryRef entry = {};           // it is there
  std::uint64_t fill = 0;        // ask
  std::uint64_t ticket = 0;      // wait
  std::string_view reason = {};  // none of them
};

/// [any thread] Wakes are left to the caller.
class alignas(64) Shard {
 public:
  Shard(World& world, std::uint64_t share);

  EntryRef get(const Lookup& lookup, Instant now);
  /// `usage` is pinned, and taken over with a fill. `ticket`: of an earlier wait, or 0.
  Joined join(const Lookup& lookup, Waiter* waiter, std::uint64_t token, std::uint64_t ticket,
              Usage& usage, Instant now);
  void withdraw(const Key& key, std::uint64_t ticket);
  void pass(const Key& key);

  Admission admit(const Key& key, std::uint64_t fill, const Answer& answer, Instant now);
  void give_up(const Key& key, std::uint64_t fill, Admission why, Instant now);
  void abandon(const Key& key, std::uint64_t fill);

  bool invalidate(const Key& key);

  void add_to(Stats& stats) const;
  /// What lies in some slots from `slot` on, which moves behind them; `found` is empty. False:
  /// there are no more. What is moved meanwhile may be missing, or there twice.
  bool list(std::uint64_t& slot, std::vector<EntryRef>& found) const;

 private:
  Admission judge(const Flight& flight, const Answer& answer, bool& fenced) const;
  Admission make_room(const Key& key, std::uint64_t fill, const Answer& answer, Instant now,
                      EntryMaker::About& about);
  Admission store(std::uint64_t fill, EntryMaker::About& about, const EntryRef& made, Admission how,
                  Instant now, Calls& calls, Forgotten& forgotten);
  void refuse(const Key& key, std::uint64_t fill, Admission why, Instant now, Calls& calls);
  Joined lead_or_wait(const Lookup& lookup, Waiter* waiter, std::uint64_t token,
                      std::uint64_t ticket, Usage& usage, Instant now);

  Entry* right_until_now(const Lookup& lookup, Instant now) const;
  EntryRef hit(Entry& entry, Use use);
  EntryRef found(const Lookup& lookup, Entry& entry, Use use);

  // What each hit writes is one line, what it only reads are others.
  mutable ShortLock lock_;
  struct {
    std::uint64_t all = 0, weaker = 0;
  } hits_;
  alignas(64) World& world_;
  Store store_;
  Flights flights_;
  Stats counts_;  // those that only grow
};

}  // namespace heim::cache
