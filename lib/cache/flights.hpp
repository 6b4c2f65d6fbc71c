// Who asks for what at the moment, and who waits for it.
#pragma once
#include <cstdint>
#include <list>
#include <unordered_map>

#include "cache/cache.hpp"
#include "cache/fence.hpp"
#include "cache/world.hpp"

namespace heim::cache {

struct Waiting {
  Waiter* waiter;
  std::uint64_t token;
  std::uint64_t id;  // the ticket's
  Wake why = Wake::look;
};
/// Those to be woken when no lock is held: moved out of a line, nothing is allocated.
using Calls = std::list<Waiting>;

inline void make(const Calls& calls) {
  for (const Waiting& each : calls) each.waiter->wake(each.token, each.why);
}

/// One key. It has a leader, who asks; or it has named the next one, who has not come yet.
struct Flight {
  std::uint64_t leader = 0;  // the fill's id; 0: none
  std::uint64_t named = 0;   // the ticket's id that is to lead; 0: none
  bool invalidated = false;  // by key, since it began
  std::uint32_t rounds = 0;  // how often there was nothing to keep
  std::list<Waiting> line;
  // Of the leader.
  Fence fence;
  freshness::Scope scope = freshness::Scope::strict;
  std::uint32_t generation = 0, usage_generation = 0;
  Moment moment = 0;
  Instant began{};
  Hash128 fingerprint;
  Usage* usage = nullptr;  // pinned
};

/// Of one shard. Not for threads.
class Flights {
 public:
  // From here on, who comes new does not wait: nothing has been kept that often.
  static constexpr std::uint32_t most_rounds = 6;

  explicit Flights(World& world) : world_(world) {}
  ~Flights();

  Flight* find(const Key& key);
  /// The one that this fill leads.
  Flight* led(const Key& key, std::uint64_t id);
  /// Begins it, or takes it over from a leader whose answer will not do. Its id.
  std::uint64_t lead(const Lookup& lookup, Usage& usage, Instant now);
  /// The ticket's id.
  std::uint64_t wait(Flight& flight, Waiter& waiter, std::uint64_t token);
  /// Out of the line. One that was to lead names the next.
  void withdraw(const Key& key, std::uint64_t ticket, Calls& calls);

  /// It is over: all who wait are told why.
  void end(const Key& key, Wake why, Calls& calls);
  /// The leader has nothing that can be kept. One of those who wait leads next; each time, twice as
  /// many are sent on alone, so that a thousand are through in ten rounds.
  void pass_on(const Key& key, Calls& calls);

  void invalidate(const Key& key);
  /// Whether what the leader brings is void already.
  bool is_void(const Flight& flight) const {
    return flight.invalidated || flight.generation != world_.generation.load() ||
           flight.usage_generation != flight.usage->generation.load();
  }

  std::size_t size() const { return flights_.size(); }
  std::size_t waiting() const { return waiting_; }

 private:
  using Map = std::unordered_map<Key, Flight>;
  void name_next(Map::iterator at, Calls& calls);
  void call_first(Flight& flight, Wake why, Calls& calls);
  void erase(Map::iterator at);
  void charge(std::int64_t bytes) { world_.outside.fetch_add(bytes, std::memory_order_relaxed); }

  World& world_;
  Map flights_;
  std::size_t waiting_ = 0;
};

}  // namespace heim::cache
